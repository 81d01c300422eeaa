/* Reads binary PGM and PPM files into tensors that own their pixels. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIDE 65536
#define MAX_BYTES ((uint64_t)1 << 30)

typedef struct image {
  DLManagedTensorVersioned managed;
  int64_t shape[3];
  int64_t strides[3];
  unsigned char* pixels;
} image;

static uint64_t alive;

static void image_delete(DLManagedTensorVersioned* self) {
  image* it = (image*)self->manager_ctx;
  free(it->pixels);
  free(it);
  ct_lock();
  alive -= 1;
  ct_unlock();
}

uint64_t ct_images_alive(void) {
  ct_lock();
  uint64_t count = alive;
  ct_unlock();
  return count;
}

static image* image_new(int64_t height, int64_t width, int64_t channels) {
  image* it = (image*)calloc(1, sizeof *it);
  unsigned char* pixels = (unsigned char*)malloc((size_t)(height * width * channels));
  if (it == NULL || pixels == NULL) {
    free(it);
    free(pixels);
    return NULL;
  }
  it->pixels = pixels;
  it->shape[0] = height;
  it->shape[1] = width;
  it->shape[2] = channels;
  it->strides[0] = width * channels;
  it->strides[1] = channels;
  it->strides[2] = 1;
  it->managed.version.major = DLPACK_MAJOR_VERSION;
  it->managed.version.minor = DLPACK_MINOR_VERSION;
  it->managed.manager_ctx = it;
  it->managed.deleter = image_delete;
  /* A fresh copy of the file's content that nobody else will ever see. */
  it->managed.flags = DLPACK_FLAG_BITMASK_IS_COPIED;
  it->managed.dl_tensor.data = pixels;
  it->managed.dl_tensor.device.device_type = kDLCPU;
  it->managed.dl_tensor.ndim = 3;
  it->managed.dl_tensor.dtype.code = kDLUInt;
  it->managed.dl_tensor.dtype.bits = 8;
  it->managed.dl_tensor.dtype.lanes = 1;
  it->managed.dl_tensor.shape = it->shape;
  it->managed.dl_tensor.strides = it->strides;
  ct_lock();
  alive += 1;
  ct_unlock();
  return it;
}

static int is_space(int byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

/* The next byte of the file's head that is not part of a comment. */
static int next_byte(FILE* file) {
  int byte = fgetc(file);
  if (byte == '#') {
    while (byte != '\n' && byte != '\r' && byte != EOF) {
      byte = fgetc(file);
    }
  }
  return byte;
}

/* A number of the head and the one byte after it; -1 if there is no number, or one above `max`. */
static long read_number(FILE* file, long max) {
  int byte = next_byte(file);
  while (is_space(byte)) {
    byte = next_byte(file);
  }
  if (byte < '0' || byte > '9') {
    return -1;
  }
  long number = 0;
  for (; byte >= '0' && byte <= '9'; byte = next_byte(file)) {
    number = number * 10 + (byte - '0');
    if (number > max) {
      return -1;
    }
  }
  return is_space(byte) ? number : -1;
}

static int read_open(FILE* file, const char* path, DLManagedTensorVersioned** out) {
  int letter = fgetc(file);
  int digit = fgetc(file);
  if (letter != 'P' || (digit != '5' && digit != '6')) {
    return ct_fail(CT_ERROR_FORMAT, "%s: expected a binary PGM or PPM file", path);
  }
  long width = read_number(file, MAX_SIDE);
  long height = width < 1 ? -1 : read_number(file, MAX_SIDE);
  if (width < 1 || height < 1) {
    return ct_fail(CT_ERROR_FORMAT, "%s: expected a width and a height from 1 to %d", path, MAX_SIDE);
  }
  if (read_number(file, 65535) != 255) {
    return ct_fail(CT_ERROR_FORMAT, "%s: expected samples from 0 to 255", path);
  }
  int64_t channels = digit == '6' ? 3 : 1;
  uint64_t len = (uint64_t)height * (uint64_t)width * (uint64_t)channels;
  if (len > MAX_BYTES) {
    return ct_fail(CT_ERROR_FORMAT, "%s: more than 2^30 bytes of pixels", path);
  }
  image* it = image_new(height, width, channels);
  if (it == NULL) {
    return ct_fail(CT_ERROR_MEMORY, "%s: no memory for %ld x %ld pixels", path, width, height);
  }
  if (fread(it->pixels, 1, (size_t)len, file) != len) {
    image_delete(&it->managed);
    return ct_fail(CT_ERROR_FORMAT, "%s: the file ends before its pixels do", path);
  }
  *out = &it->managed;
  return ct_succeed();
}

int ct_image_read(const char* path, DLManagedTensorVersioned** out) {
  *out = NULL;
  FILE* file = fopen(path, "rb");
  if (file == NULL) {
    return ct_fail(CT_ERROR_FILE, "%s: cannot be opened for reading", path);
  }
  int code = read_open(file, path, out);
  fclose(file);
  return code;
}
