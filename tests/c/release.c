/* Gives tensors back to their producers, politely or not. */
#include "internal.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void ct_delete_versioned(void* opaque) {
  void (*deleter)(DLManagedTensorVersioned*);
  /* Byte by byte, as some tests have a struct that is not aligned. */
  memcpy(&deleter, (const unsigned char*)opaque + offsetof(DLManagedTensorVersioned, deleter), sizeof deleter);
  if (deleter != NULL) {
    deleter((DLManagedTensorVersioned*)opaque);
  }
}

void ct_delete_legacy(void* opaque) {
  DLManagedTensor* tensor = (DLManagedTensor*)opaque;
  if (tensor->deleter != NULL) {
    tensor->deleter(tensor);
  }
}

int ct_consume_versioned(DLManagedTensorVersioned* tensor, uint64_t* checksum) {
  /* Of a foreign major nothing else may be read. */
  int failed = tensor->version.major != DLPACK_MAJOR_VERSION;
  if (!failed) {
    failed = ct_checksum(&tensor->dl_tensor, tensor->flags, checksum);
  }
  ct_delete_versioned(tensor);
  return failed ? -1 : 0;
}

int ct_consume_legacy(DLManagedTensor* tensor, uint64_t* checksum) {
  int failed = ct_checksum(&tensor->dl_tensor, 0, checksum);
  ct_delete_legacy(tensor);
  return failed;
}

/* What some bindings do to a struct that is theirs only to read, and worse. */
static void vandalise(DLTensor* tensor) {
  for (int32_t i = 0; i < tensor->ndim; i++) {
    if (tensor->shape != NULL) {
      tensor->shape[i] = -1 - i;
    }
    if (tensor->strides != NULL) {
      tensor->strides[i] = INT64_MIN + i;
    }
  }
  tensor->data = (void*)(uintptr_t)0xDD;
  tensor->shape = (int64_t*)(uintptr_t)0xDD8;
  tensor->strides = NULL;
  tensor->ndim = INT32_MAX;
  tensor->dtype.code = 0xDD;
  tensor->dtype.bits = 0xDD;
  tensor->dtype.lanes = 0xDDDD;
  tensor->byte_offset = UINT64_MAX;
}

void ct_vandalise_and_delete_versioned(DLManagedTensorVersioned* tensor) {
  vandalise(&tensor->dl_tensor);
  ct_delete_versioned(tensor);
}

void ct_vandalise_and_delete_legacy(DLManagedTensor* tensor) {
  vandalise(&tensor->dl_tensor);
  ct_delete_legacy(tensor);
}

typedef struct held {
  void (*drop)(void* tensor);
  void* tensor;
} held;

struct ct_bag {
  held* items;
  size_t len;
  size_t capacity;
};

ct_bag* ct_bag_new(void) { return (ct_bag*)calloc(1, sizeof(ct_bag)); }

static int hold(ct_bag* bag, void (*drop)(void* tensor), void* tensor) {
  if (bag->len == bag->capacity) {
    size_t capacity = bag->capacity * 2 + 8;
    held* items = (held*)realloc(bag->items, capacity * sizeof *items);
    if (items == NULL) {
      return -1;
    }
    bag->items = items;
    bag->capacity = capacity;
  }
  bag->items[bag->len].drop = drop;
  bag->items[bag->len].tensor = tensor;
  bag->len += 1;
  return 0;
}

int ct_hold_versioned(ct_bag* bag, DLManagedTensorVersioned* tensor) { return hold(bag, ct_delete_versioned, tensor); }

int ct_hold_legacy(ct_bag* bag, DLManagedTensor* tensor) { return hold(bag, ct_delete_legacy, tensor); }

size_t ct_held(const ct_bag* bag) { return bag->len; }

void ct_release(ct_bag* bag) {
  for (size_t i = 0; i < bag->len; i++) {
    bag->items[i].drop(bag->items[i].tensor);
  }
  free(bag->items);
  free(bag);
}
