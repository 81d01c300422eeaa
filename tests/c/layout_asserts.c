/* Asserts, while it is compiled as C11 or as C++17, the layout that dlpack-sys asserts in Rust. */

#include <dlpack/dlpack.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define ASSERT(condition) static_assert(condition, #condition)
#define ALIGN_OF(type) alignof(type)
#else
#define ASSERT(condition) _Static_assert(condition, #condition)
#define ALIGN_OF(type) _Alignof(type)
#endif

#define LAYOUT(type, size, align) \
  ASSERT(sizeof(type) == (size)); \
  ASSERT(ALIGN_OF(type) == (align))
#define FIELD(type, field, offset) ASSERT(offsetof(type, field) == (offset))

ASSERT(sizeof(DLDeviceType) == 4);
ASSERT(sizeof(DLDataTypeCode) == 4);

LAYOUT(DLPackVersion, 8, 4);
FIELD(DLPackVersion, major, 0);
FIELD(DLPackVersion, minor, 4);

LAYOUT(DLDevice, 8, 4);
FIELD(DLDevice, device_type, 0);
FIELD(DLDevice, device_id, 4);

LAYOUT(DLDataType, 4, 2);
FIELD(DLDataType, code, 0);
FIELD(DLDataType, bits, 1);
FIELD(DLDataType, lanes, 2);

#if UINTPTR_MAX == 0xffffffffffffffff

LAYOUT(DLTensor, 48, 8);
FIELD(DLTensor, data, 0);
FIELD(DLTensor, device, 8);
FIELD(DLTensor, ndim, 16);
FIELD(DLTensor, dtype, 20);
FIELD(DLTensor, shape, 24);
FIELD(DLTensor, strides, 32);
FIELD(DLTensor, byte_offset, 40);

LAYOUT(DLManagedTensor, 64, 8);
FIELD(DLManagedTensor, dl_tensor, 0);
FIELD(DLManagedTensor, manager_ctx, 48);
FIELD(DLManagedTensor, deleter, 56);

LAYOUT(DLManagedTensorVersioned, 80, 8);
FIELD(DLManagedTensorVersioned, version, 0);
FIELD(DLManagedTensorVersioned, manager_ctx, 8);
FIELD(DLManagedTensorVersioned, deleter, 16);
FIELD(DLManagedTensorVersioned, flags, 24);
FIELD(DLManagedTensorVersioned, dl_tensor, 32);

LAYOUT(DLPackExchangeAPIHeader, 16, 8);
FIELD(DLPackExchangeAPIHeader, version, 0);
FIELD(DLPackExchangeAPIHeader, prev_api, 8);

LAYOUT(DLPackExchangeAPI, 56, 8);
FIELD(DLPackExchangeAPI, header, 0);
FIELD(DLPackExchangeAPI, managed_tensor_allocator, 16);
FIELD(DLPackExchangeAPI, managed_tensor_from_py_object_no_sync, 24);
FIELD(DLPackExchangeAPI, managed_tensor_to_py_object_no_sync, 32);
FIELD(DLPackExchangeAPI, dltensor_from_py_object_no_sync, 40);
FIELD(DLPackExchangeAPI, current_work_stream, 48);

#elif UINTPTR_MAX == 0xffffffff

/* Where uint64_t stands after one byte: 4 on i686 Linux, 8 on ARM, WebAssembly and Windows. */
struct after_byte {
  char byte;
  uint64_t wide;
};
#define BY_ALIGN(four, eight) (offsetof(struct after_byte, wide) == 4 ? (four) : (eight))

LAYOUT(DLTensor, BY_ALIGN(36u, 40u), BY_ALIGN(4u, 8u));
FIELD(DLTensor, data, 0);
FIELD(DLTensor, device, 4);
FIELD(DLTensor, ndim, 12);
FIELD(DLTensor, dtype, 16);
FIELD(DLTensor, shape, 20);
FIELD(DLTensor, strides, 24);
FIELD(DLTensor, byte_offset, BY_ALIGN(28u, 32u));

LAYOUT(DLManagedTensor, BY_ALIGN(44u, 48u), BY_ALIGN(4u, 8u));
FIELD(DLManagedTensor, dl_tensor, 0);
FIELD(DLManagedTensor, manager_ctx, BY_ALIGN(36u, 40u));
FIELD(DLManagedTensor, deleter, BY_ALIGN(40u, 44u));

LAYOUT(DLManagedTensorVersioned, BY_ALIGN(60u, 64u), BY_ALIGN(4u, 8u));
FIELD(DLManagedTensorVersioned, version, 0);
FIELD(DLManagedTensorVersioned, manager_ctx, 8);
FIELD(DLManagedTensorVersioned, deleter, 12);
FIELD(DLManagedTensorVersioned, flags, 16);
FIELD(DLManagedTensorVersioned, dl_tensor, 24);

LAYOUT(DLPackExchangeAPIHeader, 12, 4);
FIELD(DLPackExchangeAPIHeader, version, 0);
FIELD(DLPackExchangeAPIHeader, prev_api, 8);

LAYOUT(DLPackExchangeAPI, 32, 4);
FIELD(DLPackExchangeAPI, header, 0);
FIELD(DLPackExchangeAPI, managed_tensor_allocator, 12);
FIELD(DLPackExchangeAPI, managed_tensor_from_py_object_no_sync, 16);
FIELD(DLPackExchangeAPI, managed_tensor_to_py_object_no_sync, 20);
FIELD(DLPackExchangeAPI, dltensor_from_py_object_no_sync, 24);
FIELD(DLPackExchangeAPI, current_work_stream, 28);

#else
#error "pointers have neither 32 nor 64 bits"
#endif
