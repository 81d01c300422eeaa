/* A library that keeps to the standard: its objects, and its table of functions. */
#include "exchange.h"
#include "internal.h"

#include <stdlib.h>
#include <string.h>

struct ct_object {
  uint32_t holders; /* under the lock */
  DLManagedTensorVersioned* tensor;
};

/* A tensor that shares the memory of an object. */
typedef struct export_of {
  DLManagedTensorVersioned managed;
  ct_object* object;
} export_of;

static uint64_t objects;
static CT_THREAD_LOCAL ct_record* allocated;
static CT_THREAD_LOCAL int fail_next;

ct_object* ct_object_new(DLManagedTensorVersioned* tensor) {
  ct_object* object = (ct_object*)malloc(sizeof *object);
  if (object == NULL) {
    return NULL;
  }
  object->holders = 1;
  object->tensor = tensor;
  ct_lock();
  objects += 1;
  ct_unlock();
  return object;
}

static void retain(ct_object* object) {
  ct_lock();
  object->holders += 1;
  ct_unlock();
}

void ct_object_release(void* opaque) {
  ct_object* object = (ct_object*)opaque;
  ct_lock();
  int last = --object->holders == 0;
  objects -= (uint64_t)last;
  ct_unlock();
  if (last) {
    ct_delete_versioned(object->tensor);
    free(object);
  }
}

const DLTensor* ct_object_tensor(const void* object) { return &((const ct_object*)object)->tensor->dl_tensor; }

uint64_t ct_objects_alive(void) {
  ct_lock();
  uint64_t count = objects;
  ct_unlock();
  return count;
}

ct_record* ct_take_allocated(void) {
  ct_record* taken = allocated;
  allocated = NULL;
  return taken;
}

void ct_fail_next_allocation(void) { fail_next = 1; }

/* The functions of the table. */

static int allocate(DLTensor* prototype, DLManagedTensorVersioned** out, void* error_ctx,
                    void (*SetError)(void* error_ctx, const char* kind, const char* message)) {
  int64_t numel = ct_numel(prototype);
  if (numel < 0 || fail_next) {
    const char* kind = fail_next ? "MemoryError" : "ValueError";
    fail_next = 0;
    SetError(error_ctx, kind, "the library has no memory for that");
    return -1;
  }
  size_t len = (size_t)((ct_element_bits(prototype->dtype, 0) * (uint64_t)numel + 7) / 8);
  void* bytes = calloc(len + 1, 1);
  ct_record* record = NULL;
  ct_spec spec;
  memset(&spec, 0, sizeof spec);
  spec.major = DLPACK_MAJOR_VERSION;
  spec.minor = DLPACK_MINOR_VERSION;
  spec.device_type = (int32_t)prototype->device.device_type;
  spec.device_id = prototype->device.device_id;
  spec.dtype = prototype->dtype;
  spec.ndim = prototype->ndim;
  spec.shape = prototype->shape;
  spec.shape_len = (size_t)prototype->ndim;
  spec.bytes = bytes;
  spec.bytes_len = len;
  spec.options = len == 0 ? CT_NULL_DATA : 0;
  *out = bytes == NULL ? NULL : ct_make_versioned(&spec, &record);
  free(bytes);
  if (*out == NULL) {
    SetError(error_ctx, "MemoryError", "the library has no memory at all");
    return -1;
  }
  if (allocated != NULL) {
    ct_record_release(allocated);
  }
  allocated = record;
  return 0;
}

static void delete_export(DLManagedTensorVersioned* self) {
  export_of* export_ = (export_of*)self->manager_ctx;
  ct_object_release(export_->object);
  free(export_);
}

static int tensor_from_object(void* opaque, DLManagedTensorVersioned** out) {
  ct_object* object = (ct_object*)opaque;
  export_of* export_ = (export_of*)malloc(sizeof *export_);
  if (export_ == NULL) {
    return ct_fail(-1, "the library has no memory for a tensor");
  }
  retain(object);
  export_->object = object;
  export_->managed = *object->tensor;
  export_->managed.manager_ctx = export_;
  export_->managed.deleter = delete_export;
  *out = &export_->managed;
  return ct_succeed();
}

static int object_from_tensor(DLManagedTensorVersioned* tensor, void** out) {
  if (tensor->version.major != DLPACK_MAJOR_VERSION) {
    return ct_fail(-1, "the library knows version %d only", DLPACK_MAJOR_VERSION);
  }
  if (tensor->dl_tensor.ndim > 4) {
    return ct_fail(-1, "the library has at most 4 dimensions");
  }
  ct_object* object = ct_object_new(tensor);
  if (object == NULL) {
    return ct_fail(-1, "the library has no memory for an object");
  }
  *out = object;
  return ct_succeed();
}

static int lend(void* object, DLTensor* out) {
  *out = *ct_object_tensor(object);
  return ct_succeed();
}

static int current_stream(DLDeviceType device_type, int32_t device_id, void** out) {
  if (device_type == kDLCPU) {
    return ct_succeed(); /* and writes nothing, as some do */
  }
  if (device_type != kDLCUDA || device_id != 3) {
    return ct_fail(-1, "the library has no device %d:%d", (int)device_type, (int)device_id);
  }
  *out = CT_STREAM;
  return ct_succeed();
}

const DLPackExchangeAPI* ct_library(void) {
  static const DLPackExchangeAPI table = {
      {{DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION}, NULL}, allocate, tensor_from_object, object_from_tensor, lend,
      current_stream};
  return &table;
}
