/* Writes float tensors as binary PGM and PPM files. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

static int check(const DLManagedTensorVersioned* managed) {
  const DLTensor* tensor = &managed->dl_tensor;
  if (tensor->device.device_type != kDLCPU) {
    return ct_fail(CT_ERROR_TENSOR, "expected a tensor on the CPU, found device type %d",
                   (int)tensor->device.device_type);
  }
  if (tensor->dtype.code != kDLFloat || tensor->dtype.bits != 32 || tensor->dtype.lanes != 1) {
    return ct_fail(CT_ERROR_TENSOR, "expected float32, found code %d with %d bits and %d lanes", tensor->dtype.code,
                   tensor->dtype.bits, tensor->dtype.lanes);
  }
  if (tensor->ndim != 2 && tensor->ndim != 3) {
    return ct_fail(CT_ERROR_TENSOR, "expected 2 or 3 dimensions, found %d", (int)tensor->ndim);
  }
  if (tensor->ndim == 3 && tensor->shape[2] != 1 && tensor->shape[2] != 3) {
    return ct_fail(CT_ERROR_TENSOR, "expected 1 or 3 channels, found %lld", (long long)tensor->shape[2]);
  }
  if (ct_numel(tensor) < 1 || tensor->data == NULL) {
    return ct_fail(CT_ERROR_TENSOR, "expected at least one pixel");
  }
  return CT_OK;
}

/* A value that is not a number is black. */
static int sample(float value) {
  if (!(value > 0.0F)) {
    return 0;
  }
  return value >= 1.0F ? 255 : (int)(value * 255.0F + 0.5F);
}

static int write_pixels(const DLTensor* tensor, FILE* file) {
  int64_t index[3] = {0, 0, 0};
  int64_t channels = tensor->ndim == 3 ? tensor->shape[2] : 1;
  fprintf(file, "P%d\n%lld %lld\n255\n", channels == 3 ? 6 : 5, (long long)tensor->shape[1],
          (long long)tensor->shape[0]);
  const char* base = (const char*)tensor->data + (size_t)tensor->byte_offset;
  for (index[0] = 0; index[0] < tensor->shape[0]; index[0]++) {
    for (index[1] = 0; index[1] < tensor->shape[1]; index[1]++) {
      for (index[2] = 0; index[2] < channels; index[2]++) {
        float value;
        memcpy(&value, base + ct_offset_of(tensor, index) * (int64_t)sizeof value, sizeof value);
        fputc(sample(value), file);
      }
    }
  }
  return ferror(file);
}

static int write_checked(const DLTensor* tensor, const char* path) {
  FILE* file = fopen(path, "wb");
  if (file == NULL) {
    return ct_fail(CT_ERROR_FILE, "%s: cannot be opened for writing", path);
  }
  int failed = write_pixels(tensor, file);
  if (fclose(file) != 0 || failed) {
    return ct_fail(CT_ERROR_FILE, "%s: cannot be written", path);
  }
  return ct_succeed();
}

int ct_image_write_f32(DLManagedTensorVersioned* tensor, const char* path) {
  int code;
  if (tensor->version.major != DLPACK_MAJOR_VERSION) {
    code = ct_fail(CT_ERROR_TENSOR, "expected DLPack 1, found %u", (unsigned)tensor->version.major);
  } else {
    code = check(tensor);
  }
  if (code == CT_OK) {
    code = write_checked(&tensor->dl_tensor, path);
  }
  if (tensor->deleter != NULL) {
    tensor->deleter(tensor);
  }
  return code;
}
