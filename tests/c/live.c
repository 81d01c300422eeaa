/* Changes a tensor's shape and strides after export, as frameworks do whose arrays are fields of a living tensor. */
#include "internal.h"

#include <string.h>

static char* tensor_of(ct_record* record) {
  char* header = (char*)record->header.start;
  return record->kind == CT_LEGACY ? header + offsetof(DLManagedTensor, dl_tensor)
                                   : header + offsetof(DLManagedTensorVersioned, dl_tensor);
}

static int overwrite(ct_region* region, const int64_t* dims, size_t len) {
  size_t bytes = len * sizeof *dims;
  if (dims == NULL || region->start == NULL) {
    return dims == NULL ? 0 : -1;
  }
  if (bytes > region->len) {
    return -1;
  }
  memcpy(region->start, dims, bytes);
  return 0;
}

int ct_resize_live(ct_record* record, const int64_t* shape, const int64_t* strides, size_t len) {
  if (!ct_record_alive(record)) {
    return -1;
  }
  return overwrite(&record->shape, shape, len) || overwrite(&record->strides, strides, len) ? -1 : 0;
}

/* `field` is copied byte by byte since the struct may be misaligned. */
static int replace(ct_region* region, char* field, const int64_t* dims, size_t len) {
  ct_region fresh;
  if (dims == NULL) {
    return 0;
  }
  if (ct_region_alloc(&fresh, len * sizeof *dims, 0, CT_PLACE_HEAP)) {
    return -1;
  }
  memcpy(fresh.start, dims, len * sizeof *dims);
  memcpy(field, &fresh.start, sizeof fresh.start);
  ct_region_poison(region);
  ct_region_free(region);
  *region = fresh;
  return 0;
}

int ct_move_live(ct_record* record, const int64_t* shape, const int64_t* strides, size_t len) {
  if (!ct_record_alive(record) || !record->has_tensor) {
    return -1;
  }
  char* tensor = tensor_of(record);
  if (replace(&record->shape, tensor + offsetof(DLTensor, shape), shape, len)) {
    return -1;
  }
  return replace(&record->strides, tensor + offsetof(DLTensor, strides), strides, len);
}

int ct_forbid_live(ct_record* record) {
  if (!ct_record_alive(record) || !record->shape.paged) {
    return -1;
  }
  ct_region_poison(&record->shape);
  ct_region_poison(&record->strides);
  return 0;
}

int ct_free_live(ct_record* record) {
  if (!ct_record_alive(record)) {
    return -1;
  }
  ct_region_poison(&record->shape);
  ct_region_free(&record->shape);
  ct_region_poison(&record->strides);
  ct_region_free(&record->strides);
  return 0;
}
