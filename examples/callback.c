/* A library that lends its tensors to a callback, and that reads and writes tensors that are lent to it. */
#include <dlpack/dlpack.h>

typedef int (*visit_fn)(const DLTensor* tensor, float* out);

int with_frame(visit_fn visit, float* out);
int with_text(visit_fn visit, float* out);
int64_t sum_u16(const DLTensor* tensor);
int fill_u16(DLTensor* tensor, uint16_t value);

static int lend(void* data, uint8_t code, uint8_t bits, int64_t* shape, int64_t* strides, int32_t ndim,
                visit_fn visit, float* out) {
  DLTensor tensor;
  tensor.data = data;
  tensor.device.device_type = kDLCPU;
  tensor.device.device_id = 0;
  tensor.ndim = ndim;
  tensor.dtype.code = code;
  tensor.dtype.bits = bits;
  tensor.dtype.lanes = 1;
  tensor.shape = shape;
  tensor.strides = strides;
  tensor.byte_offset = 0;
  return visit(&tensor, out);
}

/* Calls back with two rows of three numbers. */
int with_frame(visit_fn visit, float* out) {
  float numbers[6] = {1, 2, 3, 4, 5, 6};
  int64_t shape[2] = {2, 3};
  int64_t strides[2] = {3, 1};
  return lend(numbers, kDLFloat, 32, shape, strides, 2, visit, out);
}

/* Calls back with four bytes. */
int with_text(visit_fn visit, float* out) {
  unsigned char text[4] = {'t', 'e', 'x', 't'};
  int64_t shape[1] = {4};
  int64_t strides[1] = {1};
  return lend(text, kDLUInt, 8, shape, strides, 1, visit, out);
}

static uint16_t* row_of(const DLTensor* tensor) {
  if (tensor->ndim != 1 || tensor->dtype.code != kDLUInt || tensor->dtype.bits != 16 || tensor->dtype.lanes != 1) {
    return NULL;
  }
  return (uint16_t*)((char*)tensor->data + tensor->byte_offset);
}

/* The sum of a row of uint16, with any stride; -1 for other tensors. */
int64_t sum_u16(const DLTensor* tensor) {
  const uint16_t* row = row_of(tensor);
  int64_t sum = 0;
  for (int64_t i = 0; row != NULL && i < tensor->shape[0]; i++) {
    sum += row[i * tensor->strides[0]];
  }
  return row == NULL ? -1 : sum;
}

/* Writes all elements of a row of uint16; -1 for other tensors. */
int fill_u16(DLTensor* tensor, uint16_t value) {
  uint16_t* row = row_of(tensor);
  for (int64_t i = 0; row != NULL && i < tensor->shape[0]; i++) {
    row[i * tensor->strides[0]] = value;
  }
  return row == NULL ? -1 : 0;
}
