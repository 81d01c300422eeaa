/* Calls a library's functions as a consumer does that has read the header and trusts nobody. */
#include "exchange.h"
#include "internal.h"

#include <stdio.h>
#include <string.h>

#define NONSENSE 1

static void set_error(void* error_ctx, const char* kind, const char* message) {
  ct_said* said = (ct_said*)error_ctx;
  said->calls += 1;
  snprintf(said->kind, sizeof said->kind, "%s", kind);
  snprintf(said->message, sizeof said->message, "%s", message);
}

int ct_ask_tensor(const DLPackExchangeAPI* api, const DLTensor* prototype, DLManagedTensorVersioned** out,
                  ct_said* said) {
  DLTensor garbage;
  /* Fields that the standard does not name hold whatever was there. */
  memset(&garbage, 0xA5, sizeof garbage);
  garbage.dtype = prototype->dtype;
  garbage.device = prototype->device;
  garbage.ndim = prototype->ndim;
  garbage.shape = prototype->shape;
  if (said != NULL) {
    memset(said, 0, sizeof *said);
  }
  return api->managed_tensor_allocator(&garbage, out, said, said != NULL ? set_error : NULL);
}

int ct_read_exported(const DLPackExchangeAPI* api, void* object, uint64_t* checksum) {
  DLManagedTensorVersioned* tensor = NULL;
  int code = api->managed_tensor_from_py_object_no_sync(object, &tensor);
  if (code != 0 || tensor == NULL) {
    return tensor != NULL || code == 0 ? NONSENSE : code;
  }
  return ct_consume_versioned(tensor, checksum) ? NONSENSE : 0;
}

int ct_read_lent(const DLPackExchangeAPI* api, void* object, uint64_t* checksum) {
  DLTensor tensor;
  int code = api->dltensor_from_py_object_no_sync(object, &tensor);
  if (code != 0) {
    return code;
  }
  return ct_checksum(&tensor, 0, checksum) ? NONSENSE : 0;
}

int ct_give_tensor(const DLPackExchangeAPI* api, DLManagedTensorVersioned* tensor, void** object) {
  *object = NULL;
  int code = api->managed_tensor_to_py_object_no_sync(tensor, object);
  return (code == 0) == (*object == NULL) ? NONSENSE : code;
}

int ct_ask_stream(const DLPackExchangeAPI* api, int32_t device_type, int32_t device_id, void** stream) {
  return api->current_work_stream((DLDeviceType)device_type, device_id, stream);
}
