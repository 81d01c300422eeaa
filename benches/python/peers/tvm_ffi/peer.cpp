// The functions of `peer_tvm_ffi`, which tvm_ffi.load_module loads.

#include <tvm/ffi/container/tensor.h>
#include <tvm/ffi/function.h>

#include <cstdint>

// The address of the first element plus the number of elements.
static int64_t take(tvm::ffi::TensorView array) {
  const char* first = static_cast<const char*>(array.data_ptr()) + array.byte_offset();
  return static_cast<int64_t>(reinterpret_cast<std::uintptr_t>(first)) + array.numel();
}

TVM_FFI_DLL_EXPORT_TYPED_FUNC(take, take);
