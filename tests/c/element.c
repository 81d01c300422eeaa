/* The size of one element, and how to take it from memory and put it back. */
#include "internal.h"

#include <string.h>

uint64_t ct_element_bits(DLDataType dtype, uint64_t flags) {
  uint64_t bits = dtype.bits;
  if (bits < 8) {
    /* Padded, every lane has a byte of its own; packed, elements follow one another bit by bit. */
    return flags & DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED ? 8ULL * dtype.lanes : bits * dtype.lanes;
  }
  return (bits * dtype.lanes + 7) / 8 * 8;
}

size_t ct_element_bytes(DLDataType dtype, uint64_t flags) { return (size_t)((ct_element_bits(dtype, flags) + 7) / 8); }

/* Bit i of memory is bit i % 8 of byte i / 8, both rounded down, since bits before the base are negative. */
static int64_t byte_of(int64_t bit) { return bit >= 0 ? bit / 8 : -((7 - bit) / 8); }

static unsigned low_bit(int64_t bit) { return (unsigned)((uint64_t)bit & 7U); }

void ct_load_bits(const unsigned char* base, int64_t bit, uint64_t bits, unsigned char* element) {
  if (bits % 8 == 0 && low_bit(bit) == 0) {
    memcpy(element, base + byte_of(bit), (size_t)(bits / 8));
    return;
  }
  memset(element, 0, (size_t)((bits + 7) / 8));
  for (uint64_t i = 0; i < bits; i++, bit++) {
    unsigned value = (base[byte_of(bit)] >> low_bit(bit)) & 1U;
    element[i / 8] = (unsigned char)(element[i / 8] | (value << (i % 8)));
  }
}

void ct_store_bits(unsigned char* base, int64_t bit, uint64_t bits, const unsigned char* element) {
  if (bits % 8 == 0 && low_bit(bit) == 0) {
    memcpy(base + byte_of(bit), element, (size_t)(bits / 8));
    return;
  }
  for (uint64_t i = 0; i < bits; i++, bit++) {
    unsigned char* byte = base + byte_of(bit);
    unsigned value = (element[i / 8] >> (i % 8)) & 1U;
    *byte = (unsigned char)((*byte & ~(1U << low_bit(bit))) | (value << low_bit(bit)));
  }
}
