/* Lends a tensor that lives on the stack for the length of one call. */
#include "internal.h"

#include <string.h>

#define MAX_DIMS 128

/* A region over memory that is not its own. */
static ct_region on_stack(int64_t* dims, const ct_region* from) {
  ct_region region;
  memset(&region, 0, sizeof region);
  if (from->start != NULL) {
    memcpy(dims, from->start, from->len);
    region.start = dims;
    region.len = from->len;
  }
  return region;
}

static int lend(const ct_spec* spec, const ct_region* heap, int (*callback)(const DLTensor*, void*), void* ctx) {
  int64_t shape[MAX_DIMS];
  int64_t strides[MAX_DIMS];
  ct_region shape_region = on_stack(shape, &heap[0]);
  ct_region strides_region = on_stack(strides, &heap[1]);
  DLTensor tensor = ct_describe(spec, &shape_region, &strides_region, &heap[2]);
  int answer = callback(&tensor, ctx);
  /* Through volatile, or the compiler drops the writes: nobody is left who may read them. */
  volatile unsigned char* dead[3] = {(volatile unsigned char*)shape, (volatile unsigned char*)strides,
                                     (volatile unsigned char*)&tensor};
  size_t lens[3] = {sizeof shape, sizeof strides, sizeof tensor};
  for (int i = 0; i < 3; i++) {
    for (size_t byte = 0; byte < lens[i]; byte++) {
      dead[i][byte] = 0xDD;
    }
  }
  return answer;
}

int ct_call_with_tensor(const ct_spec* spec, int (*callback)(const DLTensor*, void*), void* ctx) {
  ct_region heap[3];
  if (spec->shape_len > MAX_DIMS || (spec->strides != NULL && spec->strides_len > MAX_DIMS)) {
    return -1;
  }
  int answer = -1;
  memset(heap, 0, sizeof heap);
  if (!ct_copy_dims(spec, &heap[0], &heap[1]) && !ct_copy_data(spec, &heap[2])) {
    answer = lend(spec, heap, callback, ctx);
  }
  for (int i = 0; i < 3; i++) {
    ct_region_poison(&heap[i]);
    ct_region_free(&heap[i]);
  }
  return answer;
}
