/* A library whose functions do as they are told, whether it makes sense or not. */
#include "exchange.h"
#include "internal.h"

#include <string.h>

static CT_THREAD_LOCAL ct_plan plan;
static CT_THREAD_LOCAL ct_asked asked;

void ct_plan_set(const ct_plan* next) {
  plan = *next;
  memset(&asked, 0, sizeof asked);
}

void ct_plan_asked(ct_asked* out) { *out = asked; }

static int carry_out(void** out) {
  asked.calls += 1;
  if (plan.writes == CT_OUT_NULL) {
    *out = NULL;
  } else if (plan.writes == CT_OUT_GIVEN) {
    *out = plan.out;
  }
  return plan.code;
}

static int allocate(DLTensor* prototype, DLManagedTensorVersioned** out, void* error_ctx,
                    void (*SetError)(void* error_ctx, const char* kind, const char* message)) {
  void* tensor = *out;
  int code = carry_out(&tensor);
  asked.dtype = prototype->dtype;
  asked.device = prototype->device;
  asked.ndim = prototype->ndim;
  memcpy(asked.shape, prototype->shape, (size_t)prototype->ndim * sizeof *prototype->shape);
  *out = (DLManagedTensorVersioned*)tensor;
  for (uint32_t call = 0; call < plan.set_error_calls; call++) {
    SetError(error_ctx, call == 0 ? plan.kind : "second", call == 0 ? plan.message : "again");
  }
  return code;
}

static int tensor_from_object(void* object, DLManagedTensorVersioned** out) {
  (void)object;
  void* tensor = *out;
  int code = carry_out(&tensor);
  *out = (DLManagedTensorVersioned*)tensor;
  return code;
}

static int object_from_tensor(DLManagedTensorVersioned* tensor, void** out) {
  if (plan.deletes) {
    ct_delete_versioned(tensor);
  }
  return carry_out(out);
}

static int lend(void* object, DLTensor* out) {
  (void)object;
  asked.calls += 1;
  if (plan.writes == CT_OUT_GIVEN) {
    *out = *plan.lent;
  }
  return plan.code;
}

static int current_stream(DLDeviceType device_type, int32_t device_id, void** out) {
  asked.device.device_type = device_type;
  asked.device.device_id = device_id;
  return carry_out(out);
}

const DLPackExchangeAPI* ct_planned_library(void) {
  static const DLPackExchangeAPI table = {
      {{DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION}, NULL}, allocate, tensor_from_object, object_from_tensor, lend,
      current_stream};
  return &table;
}
