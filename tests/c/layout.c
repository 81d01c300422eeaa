/* Sizes, alignments and offsets of the header's structs, as the compiler lays them out. */
#include "ct.h"

#include <string.h>

/* C99 has no alignof; the second field of such a pair shows it. */
#define PAIR(type)       \
  typedef struct {       \
    char first;          \
    type second;         \
  } pair_of_##type
PAIR(DLPackVersion);
PAIR(DLDeviceType);
PAIR(DLDevice);
PAIR(DLDataTypeCode);
PAIR(DLDataType);
PAIR(DLTensor);
PAIR(DLManagedTensor);
PAIR(DLManagedTensorVersioned);
PAIR(DLPackExchangeAPIHeader);
PAIR(DLPackExchangeAPI);

typedef struct entry {
  const char* name;
  ct_layout layout;
} entry;

#define TYPE(type) {#type, {sizeof(type), offsetof(pair_of_##type, second), 0}}
#define FIELD(type, field) {#type "." #field, {sizeof(((type*)0)->field), 0, offsetof(type, field)}}

static const entry entries[] = {
    TYPE(DLPackVersion),
    FIELD(DLPackVersion, major),
    FIELD(DLPackVersion, minor),
    TYPE(DLDeviceType),
    TYPE(DLDevice),
    FIELD(DLDevice, device_type),
    FIELD(DLDevice, device_id),
    TYPE(DLDataTypeCode),
    TYPE(DLDataType),
    FIELD(DLDataType, code),
    FIELD(DLDataType, bits),
    FIELD(DLDataType, lanes),
    TYPE(DLTensor),
    FIELD(DLTensor, data),
    FIELD(DLTensor, device),
    FIELD(DLTensor, ndim),
    FIELD(DLTensor, dtype),
    FIELD(DLTensor, shape),
    FIELD(DLTensor, strides),
    FIELD(DLTensor, byte_offset),
    TYPE(DLManagedTensor),
    FIELD(DLManagedTensor, dl_tensor),
    FIELD(DLManagedTensor, manager_ctx),
    FIELD(DLManagedTensor, deleter),
    TYPE(DLManagedTensorVersioned),
    FIELD(DLManagedTensorVersioned, version),
    FIELD(DLManagedTensorVersioned, manager_ctx),
    FIELD(DLManagedTensorVersioned, deleter),
    FIELD(DLManagedTensorVersioned, flags),
    FIELD(DLManagedTensorVersioned, dl_tensor),
    TYPE(DLPackExchangeAPIHeader),
    FIELD(DLPackExchangeAPIHeader, version),
    FIELD(DLPackExchangeAPIHeader, prev_api),
    TYPE(DLPackExchangeAPI),
    FIELD(DLPackExchangeAPI, header),
    FIELD(DLPackExchangeAPI, managed_tensor_allocator),
    FIELD(DLPackExchangeAPI, managed_tensor_from_py_object_no_sync),
    FIELD(DLPackExchangeAPI, managed_tensor_to_py_object_no_sync),
    FIELD(DLPackExchangeAPI, dltensor_from_py_object_no_sync),
    FIELD(DLPackExchangeAPI, current_work_stream),
};

size_t ct_layout_count(void) { return sizeof entries / sizeof entries[0]; }

const char* ct_layout_name(size_t i) { return entries[i].name; }

int ct_layout_of(const char* name, ct_layout* layout) {
  for (size_t i = 0; i < ct_layout_count(); i++) {
    if (strcmp(entries[i].name, name) == 0) {
      *layout = entries[i].layout;
      return 0;
    }
  }
  return -1;
}
