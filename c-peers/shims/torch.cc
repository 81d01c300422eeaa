// libtorch, by the functions of ATen. PyTorch's exchange table is only to be had through Python.

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/DLConvertor.h>

#include "peer.h"

namespace {

at::Tensor& tensor_of(void* tensor) { return *static_cast<at::Tensor*>(tensor); }

void* boxed(at::Tensor tensor) { return new at::Tensor(std::move(tensor)); }

void* import_legacy(void* managed, Reason* reason) {
  auto* tensor = static_cast<DLManagedTensor*>(managed);
  return caught(reason, [&] { return boxed(at::fromDLPack(tensor)); });
}

void* import_versioned(void* managed, Reason* reason) {
  auto* tensor = static_cast<DLManagedTensorVersioned*>(managed);
  return caught(reason, [&] { return boxed(at::fromDLPackVersioned(tensor)); });
}

void* export_legacy(void* tensor, Reason* reason) {
  return caught(reason, [&] { return at::toDLPack(tensor_of(tensor)); });
}

void* export_versioned(void* tensor, Reason* reason) {
  return caught(reason, [&] { return at::toDLPackVersioned(tensor_of(tensor)); });
}

void* export_read_only(void* tensor, Reason* reason) {
  return caught(reason, [&] { return at::toDLPackVersionedReadOnly(tensor_of(tensor)); });
}

void* make(const Request* request, Reason* reason) {
  return caught(reason, [&] {
    at::ScalarType dtype = at::toScalarType(DLDataType{request->code, request->bits, request->lanes});
    Memory memory(*request);
    at::IntArrayRef shape(request->shape, request->ndim);
    return boxed(at::from_blob(memory.start, shape, [memory](void*) mutable { memory.free(); }, dtype));
  });
}

void* view(void* tensor, const int64_t* shape, const int64_t* strides, int32_t ndim, int64_t offset,
           Reason* reason) {
  return caught(reason, [&] {
    at::IntArrayRef sizes(shape, ndim), steps(strides, ndim);
    return boxed(tensor_of(tensor).as_strided(sizes, steps, tensor_of(tensor).storage_offset() + offset));
  });
}

void describe(void* tensor, Description* out) {
  const at::Tensor& found = tensor_of(tensor);
  DLDataType dtype = at::getDLDataType(found);
  DLDevice device = at::torchDeviceToDLDevice(found.device());
  std::copy_n(found.sizes().begin(), found.dim(), out->shape);
  std::copy_n(found.strides().begin(), found.dim(), out->strides);
  out->ndim = static_cast<int32_t>(found.dim());
  out->device_type = device.device_type;
  out->device_id = device.device_id;
  out->code = dtype.code;
  out->bits = dtype.bits;
  out->lanes = dtype.lanes;
  out->data = const_cast<void*>(found.const_data_ptr());
  out->is_writable = -1;
}

// Elements of a type for which ATen has no arithmetic are copied as bytes.
at::Tensor copyable(const at::Tensor& tensor) {
  return tensor.element_size() == 1 ? tensor.view(at::kByte) : tensor;
}

void read(void* tensor, void* elements) {
  at::Tensor found = copyable(tensor_of(tensor)).contiguous();
  if (found.numel() != 0) {
    std::memcpy(elements, found.const_data_ptr(), found.nbytes());
  }
}

void write(void* tensor, const void* elements) {
  at::Tensor found = copyable(tensor_of(tensor));
  found.copy_(at::from_blob(const_cast<void*>(elements), found.sizes(), found.options()));
}

void release(void* tensor) { delete &tensor_of(tensor); }

} // namespace

extern "C" {

extern const Peer peer;
const Peer peer{
    DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION, import_legacy, import_versioned, export_legacy, export_versioned,
    export_read_only, nullptr, make, view, describe, read, write, release,
};
}
