/* Where the elements of a tensor are: sizes, offsets, and the odometer that visits them in row-major order. */
#include "internal.h"
#include "walk.h"

#include <stdlib.h>
#include <string.h>

int64_t ct_numel(const DLTensor* tensor) {
  int64_t product = 1;
  int empty = 0;
  if (tensor->ndim < 0 || (tensor->ndim > 0 && tensor->shape == NULL)) {
    return -1;
  }
  for (int32_t i = 0; i < tensor->ndim; i++) {
    int64_t size = tensor->shape[i];
    if (size < 0 || (size > 0 && product > INT64_MAX / size)) {
      return -1;
    }
    if (size == 0) {
      empty = 1;
    } else {
      product *= size;
    }
  }
  return empty ? 0 : product;
}

int ct_is_row_major(const DLTensor* tensor) {
  int64_t expected = 1;
  int64_t numel = ct_numel(tensor);
  if (numel < 0) {
    return 0;
  }
  if (tensor->strides == NULL || numel == 0) {
    return 1;
  }
  for (int32_t i = tensor->ndim; i-- > 0;) {
    int64_t size = tensor->shape[i];
    if (size != 1 && tensor->strides[i] != expected) {
      return 0;
    }
    expected *= size;
  }
  return 1;
}

int64_t ct_offset_of(const DLTensor* tensor, const int64_t* index) {
  int64_t offset = 0;
  if (tensor->strides == NULL) {
    for (int32_t i = 0; i < tensor->ndim; i++) {
      offset = offset * tensor->shape[i] + index[i];
    }
    return offset;
  }
  for (int32_t i = 0; i < tensor->ndim; i++) {
    offset += index[i] * tensor->strides[i];
  }
  return offset;
}

static int is_host(DLDeviceType type) { return type == kDLCPU || type == kDLCUDAHost || type == kDLROCMHost; }

int ct_walk_begin(ct_walk* walk, const DLTensor* tensor, uint64_t flags) {
  memset(walk, 0, sizeof *walk);
  walk->tensor = tensor;
  walk->left = ct_numel(tensor);
  if (walk->left < 0 || !is_host(tensor->device.device_type)) {
    return -1;
  }
  if (walk->left == 0) {
    return 0; /* `data` and `byte_offset` mean nothing then */
  }
  if (tensor->data == NULL) {
    return -1;
  }
  walk->bits = ct_element_bits(tensor->dtype, flags);
  walk->base = (unsigned char*)tensor->data + (size_t)tensor->byte_offset;
  walk->index = (int64_t*)calloc(tensor->ndim > 0 ? (size_t)tensor->ndim : 1, sizeof *walk->index);
  return walk->index == NULL ? -1 : 0;
}

int64_t ct_walk_bit(const ct_walk* walk) { return ct_offset_of(walk->tensor, walk->index) * (int64_t)walk->bits; }

void ct_walk_next(ct_walk* walk) {
  walk->left -= 1;
  for (int32_t i = walk->tensor->ndim; i-- > 0;) {
    if (++walk->index[i] < walk->tensor->shape[i]) {
      return;
    }
    walk->index[i] = 0;
  }
}

void ct_walk_end(ct_walk* walk) { free(walk->index); }
