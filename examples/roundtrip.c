/* A tiny image library that uses DLPack's header and nothing else: binary PPM files with 8 bits a sample. */
#include <dlpack/dlpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Functions that return int return 0, or -1 if they failed. */
int image_read(const char* path, DLManagedTensorVersioned** out);
int image_write(DLManagedTensorVersioned* tensor, const char* path);
int images_alive(void);

typedef struct image {
  DLManagedTensorVersioned managed;
  int64_t shape[3];
  int64_t strides[3];
  unsigned char* pixels;
} image;

/* Without a lock, since the program of this example has one thread. */
static int alive;

int images_alive(void) { return alive; }

static void image_delete(DLManagedTensorVersioned* self) {
  image* it = (image*)self->manager_ctx;
  free(it->pixels);
  free(it);
  alive -= 1;
}

static image* image_new(int64_t height, int64_t width) {
  image* it = (image*)calloc(1, sizeof *it);
  unsigned char* pixels = (unsigned char*)malloc((size_t)(height * width * 3));
  if (it == NULL || pixels == NULL) {
    free(it);
    free(pixels);
    return NULL;
  }
  it->pixels = pixels;
  it->shape[0] = height;
  it->shape[1] = width;
  it->shape[2] = 3;
  it->strides[0] = width * 3;
  it->strides[1] = 3;
  it->strides[2] = 1;
  it->managed.version.major = DLPACK_MAJOR_VERSION;
  it->managed.version.minor = DLPACK_MINOR_VERSION;
  it->managed.manager_ctx = it;
  it->managed.deleter = image_delete;
  /* A new copy of the file's content, which nobody else uses. */
  it->managed.flags = DLPACK_FLAG_BITMASK_IS_COPIED;
  it->managed.dl_tensor.data = pixels;
  it->managed.dl_tensor.device.device_type = kDLCPU;
  it->managed.dl_tensor.ndim = 3;
  it->managed.dl_tensor.dtype.code = kDLUInt;
  it->managed.dl_tensor.dtype.bits = 8;
  it->managed.dl_tensor.dtype.lanes = 1;
  it->managed.dl_tensor.shape = it->shape;
  it->managed.dl_tensor.strides = it->strides;
  alive += 1;
  return it;
}

/* Reads a file without comments as uint8 of height x width x 3. The caller owns the tensor. */
int image_read(const char* path, DLManagedTensorVersioned** out) {
  FILE* file = fopen(path, "rb");
  image* it = NULL;
  int width;
  int height;
  if (file == NULL) {
    return -1;
  }
  if (fscanf(file, "P6 %d %d 255%*1[\n ]", &width, &height) == 2 && width > 0 && width < 65536 && height > 0 &&
      height < 65536) {
    it = image_new(height, width);
  }
  if (it != NULL && fread(it->pixels, (size_t)width * 3, (size_t)height, file) != (size_t)height) {
    image_delete(&it->managed);
    it = NULL;
  }
  fclose(file);
  *out = it == NULL ? NULL : &it->managed;
  return it == NULL ? -1 : 0;
}

static int is_picture(const DLManagedTensorVersioned* tensor) {
  const DLTensor* t = &tensor->dl_tensor;
  return tensor->version.major == DLPACK_MAJOR_VERSION && t->device.device_type == kDLCPU &&
         t->dtype.code == kDLFloat && t->dtype.bits == 32 && t->dtype.lanes == 1 && t->ndim == 3 && t->shape[2] == 3;
}

static int write_pixels(const DLTensor* tensor, FILE* file) {
  const char* base = (const char*)tensor->data + tensor->byte_offset;
  fprintf(file, "P6\n%d %d\n255\n", (int)tensor->shape[1], (int)tensor->shape[0]);
  for (int64_t y = 0; y < tensor->shape[0]; y++) {
    for (int64_t x = 0; x < tensor->shape[1]; x++) {
      for (int64_t c = 0; c < 3; c++) {
        int64_t offset = y * tensor->strides[0] + x * tensor->strides[1] + c * tensor->strides[2];
        float value;
        memcpy(&value, base + offset * (int64_t)sizeof value, sizeof value);
        fputc(value > 0 ? (value < 1 ? (int)(value * 255 + 0.5F) : 255) : 0, file);
      }
    }
  }
  return ferror(file);
}

/* Writes float32 of height x width x 3, where 0 is black and 1 is white. Deletes the tensor in any case. */
int image_write(DLManagedTensorVersioned* tensor, const char* path) {
  int code = -1;
  FILE* file = is_picture(tensor) ? fopen(path, "wb") : NULL;
  if (file != NULL) {
    code = write_pixels(&tensor->dl_tensor, file);
    code = fclose(file) != 0 || code != 0 ? -1 : 0;
  }
  if (tensor->deleter != NULL) {
    tensor->deleter(tensor);
  }
  return code;
}
