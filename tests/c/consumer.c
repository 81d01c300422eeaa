/* Reads and writes the elements of a tensor that somebody else made. */
#include "internal.h"
#include "walk.h"

#include <stdlib.h>
#include <string.h>

/* Bits of a padded lane above `dtype.bits` carry no value. */
static void mask_padding(DLDataType dtype, uint64_t flags, unsigned char* element) {
  if (dtype.bits < 8 && (flags & DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED)) {
    for (uint16_t lane = 0; lane < dtype.lanes; lane++) {
      element[lane] = (unsigned char)(element[lane] & ((1U << dtype.bits) - 1U));
    }
  }
}

static int check_index(const DLTensor* tensor, const int64_t* index) {
  for (int32_t i = 0; i < tensor->ndim; i++) {
    if (index[i] < 0 || index[i] >= tensor->shape[i]) {
      return -1;
    }
  }
  return 0;
}

/* Begins a walk at one element instead of the first. */
static int begin_at(ct_walk* walk, const DLTensor* tensor, uint64_t flags, const int64_t* index) {
  if (ct_walk_begin(walk, tensor, flags) || walk->left == 0 || check_index(tensor, index)) {
    return -1;
  }
  if (tensor->ndim > 0) {
    memcpy(walk->index, index, (size_t)tensor->ndim * sizeof *index);
  }
  return 0;
}

int ct_read_element(const DLTensor* tensor, uint64_t flags, const int64_t* index, void* element) {
  ct_walk walk;
  int failed = begin_at(&walk, tensor, flags, index);
  if (!failed) {
    ct_load_bits(walk.base, ct_walk_bit(&walk), walk.bits, (unsigned char*)element);
    mask_padding(tensor->dtype, flags, (unsigned char*)element);
  }
  ct_walk_end(&walk);
  return failed;
}

int ct_write_element(const DLTensor* tensor, uint64_t flags, const int64_t* index, const void* element) {
  ct_walk walk;
  int failed = begin_at(&walk, tensor, flags, index);
  if (!failed) {
    ct_store_bits(walk.base, ct_walk_bit(&walk), walk.bits, (const unsigned char*)element);
  }
  ct_walk_end(&walk);
  return failed;
}

/* Whether a buffer of `len` bytes holds all elements. */
static int fits(const ct_walk* walk, size_t element, size_t len) {
  return element == 0 || (uint64_t)walk->left <= (uint64_t)len / element;
}

int ct_gather(const DLTensor* tensor, uint64_t flags, void* out, size_t capacity) {
  ct_walk walk;
  unsigned char* to = (unsigned char*)out;
  size_t element = ct_element_bytes(tensor->dtype, flags);
  int failed = ct_walk_begin(&walk, tensor, flags) || !fits(&walk, element, capacity) ? -1 : 0;
  for (; !failed && walk.left > 0; ct_walk_next(&walk), to += element) {
    ct_load_bits(walk.base, ct_walk_bit(&walk), walk.bits, to);
    mask_padding(tensor->dtype, flags, to);
  }
  ct_walk_end(&walk);
  return failed;
}

int ct_scatter(const DLTensor* tensor, uint64_t flags, const void* elements, size_t len) {
  ct_walk walk;
  const unsigned char* from = (const unsigned char*)elements;
  size_t element = ct_element_bytes(tensor->dtype, flags);
  int failed = ct_walk_begin(&walk, tensor, flags) || !fits(&walk, element, len) ? -1 : 0;
  for (; !failed && walk.left > 0; ct_walk_next(&walk), from += element) {
    ct_store_bits(walk.base, ct_walk_bit(&walk), walk.bits, from);
  }
  ct_walk_end(&walk);
  return failed;
}

int ct_fill(const DLTensor* tensor, uint64_t flags, const void* element) {
  ct_walk walk;
  int failed = ct_walk_begin(&walk, tensor, flags);
  for (; !failed && walk.left > 0; ct_walk_next(&walk)) {
    ct_store_bits(walk.base, ct_walk_bit(&walk), walk.bits, (const unsigned char*)element);
  }
  ct_walk_end(&walk);
  return failed;
}

static uint64_t fnv1a(uint64_t hash, const unsigned char* bytes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    hash = (hash ^ bytes[i]) * 0x100000001B3ULL;
  }
  return hash;
}

int ct_checksum(const DLTensor* tensor, uint64_t flags, uint64_t* checksum) {
  ct_walk walk;
  size_t len = ct_element_bytes(tensor->dtype, flags);
  unsigned char* element = (unsigned char*)malloc(len > 0 ? len : 1);
  int failed = ct_walk_begin(&walk, tensor, flags) || element == NULL ? -1 : 0;
  *checksum = 0xCBF29CE484222325ULL;
  for (; !failed && walk.left > 0; ct_walk_next(&walk)) {
    ct_load_bits(walk.base, ct_walk_bit(&walk), walk.bits, element);
    mask_padding(tensor->dtype, flags, element);
    *checksum = fnv1a(*checksum, element, len);
  }
  ct_walk_end(&walk);
  free(element);
  return failed;
}
