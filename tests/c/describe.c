/* Turns a spec into the pieces of a tensor: shape, strides, data and the plain struct that names them. */
#include "internal.h"

#include <string.h>

/* Unsigned, because hostile sizes overflow. */
static void write_row_major(const int64_t* shape, int64_t* strides, size_t len) {
  uint64_t step = 1;
  for (size_t i = len; i-- > 0;) {
    strides[i] = (int64_t)step;
    step *= (uint64_t)(shape[i] > 1 ? shape[i] : 1);
  }
}

static int copy_dims(ct_region* region, const int64_t* dims, size_t len, enum ct_place place) {
  if (ct_region_alloc(region, len * sizeof *dims, 0, place)) {
    return -1;
  }
  if (len > 0 && dims != NULL) {
    memcpy(region->start, dims, len * sizeof *dims);
  }
  return 0;
}

int ct_copy_dims(const ct_spec* spec, ct_region* shape, ct_region* strides) {
  enum ct_place place = spec->options & CT_GUARD_DIMS_END ? CT_PLACE_PAGE_END : CT_PLACE_HEAP;
  memset(shape, 0, sizeof *shape);
  memset(strides, 0, sizeof *strides);
  if (!(spec->options & CT_NULL_SHAPE) && copy_dims(shape, spec->shape, spec->shape_len, place)) {
    return -1;
  }
  if (spec->options & CT_NULL_STRIDES) {
    return 0;
  }
  size_t len = spec->strides != NULL ? spec->strides_len : spec->shape_len;
  if (copy_dims(strides, spec->strides, len, place)) {
    return -1;
  }
  if (spec->strides == NULL && len > 0) {
    write_row_major(spec->shape, (int64_t*)strides->start, len);
  }
  return 0;
}

int ct_copy_data(const ct_spec* spec, ct_region* data) {
  memset(data, 0, sizeof *data);
  if (spec->borrowed != NULL || (spec->options & CT_NULL_DATA)) {
    return 0;
  }
  enum ct_place place = CT_PLACE_HEAP;
  if (spec->options & CT_GUARD_DATA_END) {
    place = CT_PLACE_PAGE_END;
  } else if (spec->options & CT_GUARD_DATA_START) {
    place = CT_PLACE_PAGE_START;
  }
  if (ct_region_alloc(data, spec->bytes_len, spec->data_shift, place)) {
    return -1;
  }
  if (spec->bytes_len > 0) {
    memcpy(data->start, spec->bytes, spec->bytes_len);
  }
  return 0;
}

DLTensor ct_describe(const ct_spec* spec, const ct_region* shape, const ct_region* strides, const ct_region* data) {
  DLTensor tensor;
  memset(&tensor, 0, sizeof tensor);
  if (spec->borrowed != NULL) {
    tensor.data = spec->borrowed;
  } else if (data->start != NULL) {
    tensor.data = (char*)data->start + spec->origin;
  }
  tensor.device.device_type = (DLDeviceType)spec->device_type;
  tensor.device.device_id = spec->device_id;
  tensor.ndim = spec->ndim;
  tensor.dtype = spec->dtype;
  tensor.shape = (int64_t*)shape->start;
  tensor.strides = (int64_t*)strides->start;
  tensor.byte_offset = spec->byte_offset;
  return tensor;
}
