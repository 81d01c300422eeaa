// libtvm_ffi, by its C API where it has one.

#include <algorithm>

#include <tvm/ffi/container/tensor.h>
#include <tvm/ffi/extra/c_env_api.h>

#include "peer.h"

namespace {

using tvm::ffi::ShapeView;
using tvm::ffi::Tensor;
using tvm::ffi::TensorObj;

const DLTensor& dl_tensor(void* tensor) {
  return *TVMFFITensorGetDLTensorPtr(tensor);
}

// Takes the error that the last call has left on this thread.
void* raised(Reason* reason) {
  TVMFFIObjectHandle error = nullptr;
  TVMFFIErrorMoveFromRaised(&error);
  if (error == nullptr) {
    return reason->set("no error was left");
  }
  TVMFFIByteArray message = TVMFFIErrorGetCellPtr(error)->message;
  std::snprintf(reason->text, sizeof reason->text, "%.*s", static_cast<int>(message.size), message.data);
  TVMFFIObjectDecRef(error);
  return nullptr;
}

void* import_legacy(void* managed, Reason* reason) {
  TVMFFIObjectHandle out = nullptr;
  int status = TVMFFITensorFromDLPack(static_cast<DLManagedTensor*>(managed), 0, 0, &out);
  return status == 0 ? out : raised(reason);
}

void* import_versioned(void* managed, Reason* reason) {
  TVMFFIObjectHandle out = nullptr;
  int status =
      TVMFFITensorFromDLPackVersioned(static_cast<DLManagedTensorVersioned*>(managed), 0, 0, &out);
  return status == 0 ? out : raised(reason);
}

void* export_legacy(void* tensor, Reason* reason) {
  DLManagedTensor* out = nullptr;
  return TVMFFITensorToDLPack(tensor, &out) == 0 ? out : raised(reason);
}

void* export_versioned(void* tensor, Reason* reason) {
  DLManagedTensorVersioned* out = nullptr;
  return TVMFFITensorToDLPackVersioned(tensor, &out) == 0 ? out : raised(reason);
}

struct Allocator {
  Memory memory;

  void AllocData(DLTensor* tensor) { tensor->data = memory.start; }
  void FreeData(DLTensor*) { memory.free(); }
};

void* make(const Request* request, Reason* reason) {
  return caught(reason, [&]() -> void* {
    ShapeView shape(request->shape, request->ndim);
    DLDataType dtype{request->code, request->bits, request->lanes};
    Tensor tensor = Tensor::FromNDAlloc(Allocator{Memory(*request)}, shape, dtype, DLDevice{kDLCPU, 0});
    return tvm::ffi::details::ObjectUnsafe::MoveObjectRefToTVMFFIObjectPtr(std::move(tensor));
  });
}

void* view(void* tensor, const int64_t* shape, const int64_t* strides, int32_t ndim, int64_t offset,
           Reason* reason) {
  DLTensor prototype = dl_tensor(tensor);
  prototype.data = static_cast<char*>(prototype.data) + offset * (prototype.dtype.bits * prototype.dtype.lanes / 8);
  prototype.shape = const_cast<int64_t*>(shape);
  prototype.strides = const_cast<int64_t*>(strides);
  prototype.ndim = ndim;
  TVMFFIObjectHandle out = nullptr;
  return TVMFFITensorCreateUnsafeView(tensor, &prototype, &out) == 0 ? out : raised(reason);
}

void describe(void* tensor, Description* out) {
  const DLTensor& found = dl_tensor(tensor);
  std::copy_n(found.shape, found.ndim, out->shape);
  std::copy_n(found.strides, found.ndim, out->strides);
  out->ndim = found.ndim;
  out->device_type = found.device.device_type;
  out->device_id = found.device.device_id;
  out->code = found.dtype.code;
  out->bits = found.dtype.bits;
  out->lanes = found.dtype.lanes;
  out->data = static_cast<char*>(found.data) + found.byte_offset;
  out->is_writable = -1;
}

template <class F> void each_element(void* tensor, F function) {
  const DLTensor& found = dl_tensor(tensor);
  char* start = static_cast<char*>(found.data) + found.byte_offset;
  int64_t bits = found.dtype.bits * found.dtype.lanes;
  if (bits % 8 != 0) {
    // Packed elements have no addresses. The tests make them contiguous.
    function(start, tvm::ffi::GetDataSize(found));
    return;
  }
  int64_t strides[kMaxAxes];
  std::transform(found.strides, found.strides + found.ndim, strides, [&](int64_t s) { return s * bits / 8; });
  each(start, found.shape, strides, found.ndim, [&](char* at) { function(at, bits / 8); });
}

void read(void* tensor, void* elements) {
  char* out = static_cast<char*>(elements);
  each_element(tensor, [&](char* at, size_t size) {
    std::memcpy(out, at, size);
    out += size;
  });
}

void write(void* tensor, const void* elements) {
  const char* in = static_cast<const char*>(elements);
  each_element(tensor, [&](char* at, size_t size) {
    std::memcpy(at, in, size);
    in += size;
  });
}

void release(void* tensor) { TVMFFIObjectDecRef(tensor); }

} // namespace

extern "C" {

extern const Peer peer;
const Peer peer{
    DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION, import_legacy, import_versioned, export_legacy, export_versioned,
    nullptr, nullptr, make, view, describe, read, write, release,
};

// Imports with what the C API can ask for.
void* tvm_ffi_import_strictly(void* managed, int32_t alignment, int32_t contiguous, Reason* reason) {
  TVMFFIObjectHandle out = nullptr;
  int status = TVMFFITensorFromDLPackVersioned(
      static_cast<DLManagedTensorVersioned*>(managed), alignment, contiguous, &out);
  return status == 0 ? out : raised(reason);
}

void* tvm_ffi_import_legacy_strictly(void* managed, int32_t alignment, int32_t contiguous, Reason* reason) {
  TVMFFIObjectHandle out = nullptr;
  int status = TVMFFITensorFromDLPack(static_cast<DLManagedTensor*>(managed), alignment, contiguous, &out);
  return status == 0 ? out : raised(reason);
}

// Allocates a tensor on the host by an allocator of another library, which this thread has for the call.
void* tvm_ffi_allocate(DLPackManagedTensorAllocator allocator, const Request* request, Reason* reason) {
  DLPackManagedTensorAllocator was = nullptr;
  TVMFFIEnvSetDLPackManagedTensorAllocator(allocator, 0, &was);
  DLTensor prototype{};
  prototype.device = DLDevice{kDLCPU, 0};
  prototype.ndim = request->ndim;
  prototype.dtype = DLDataType{request->code, request->bits, request->lanes};
  prototype.shape = const_cast<int64_t*>(request->shape);
  TVMFFIObjectHandle out = nullptr;
  int status = TVMFFIEnvTensorAlloc(&prototype, &out);
  void* result = status == 0 ? out : raised(reason);
  TVMFFIEnvSetDLPackManagedTensorAllocator(was, 0, nullptr);
  return result;
}
}
