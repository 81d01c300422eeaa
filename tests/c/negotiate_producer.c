/* A producer that answers requests, by the rules or not. It is called from one thread at a time. */
#include "negotiate.h"

#include <stdlib.h>
#include <string.h>

struct ct_producer {
  enum ct_behaviour behaviour;
  int32_t memory[6];
  uint32_t released;
  uint32_t asked;
  dlpack_request last;
  ct_record* record;
  void* kept; /* a versioned tensor that nobody else deletes */
};

static const int64_t shape[2] = {2, 3};
static const int64_t negative[2] = {2, -3};

static ct_spec spec_of(ct_producer* producer, int copy) {
  ct_spec spec;
  memset(&spec, 0, sizeof spec);
  spec.major = producer->behaviour == CT_MAJOR_2 ? 2 : 1;
  spec.minor = 3;
  spec.device_type = kDLCPU;
  spec.dtype.code = kDLInt;
  spec.dtype.bits = 32;
  spec.dtype.lanes = 1;
  spec.ndim = 2;
  spec.shape = producer->behaviour == CT_NEGATIVE_DIM ? negative : shape;
  spec.shape_len = 2;
  if (copy) {
    spec.bytes = producer->memory;
    spec.bytes_len = sizeof producer->memory;
    spec.flags = producer->behaviour == CT_COPY_UNMARKED ? 0 : DLPACK_FLAG_BITMASK_IS_COPIED;
  } else {
    spec.borrowed = producer->memory;
  }
  if (producer->behaviour == CT_WRONG_DEVICE) {
    spec.device_type = kDLCUDA;
    spec.device_id = 3;
  } else if (producer->behaviour == CT_MANAGED) {
    spec.device_type = kDLCUDAManaged;
  }
  return spec;
}

static void make(ct_producer* producer, int legacy, int copy, dlpack_answer* answer) {
  ct_spec spec = spec_of(producer, copy);
  ct_record* record = NULL;
  void* tensor = legacy ? (void*)ct_make_legacy(&spec, &record) : (void*)ct_make_versioned(&spec, &record);
  if (tensor == NULL) {
    answer->status = DLPACK_NO_MEMORY;
    return;
  }
  if (producer->record != NULL) {
    ct_record_release(producer->record);
  }
  producer->record = record;
  answer->status = DLPACK_OK;
  answer->abi = legacy ? DLPACK_LEGACY : DLPACK_VERSIONED;
  answer->tensor = tensor;
}

/* The status that the rules ask for. Main memory is the only device here. */
static int32_t judge(const dlpack_request* request) {
  if (request->copy > DLPACK_COPY_NEVER || request->stream.kind > DLPACK_STREAM_NO_SYNC) {
    return DLPACK_INVALID;
  }
  return request->device.device_type == 0 || request->device.device_type == kDLCPU ? DLPACK_OK : DLPACK_REFUSED;
}

static void keep(ct_producer* producer, dlpack_answer* answer) { producer->kept = answer->tensor; }

static void respond(void* ctx, const dlpack_request* request, dlpack_answer* answer) {
  ct_producer* producer = (ct_producer*)ctx;
  producer->asked += 1;
  producer->last = *request;
  int legacy = request->max_version.major == 0;
  int copy = request->copy == DLPACK_COPY_ALWAYS;
  int32_t status = judge(request);
  switch (producer->behaviour) {
    case CT_SILENT:
      return;
    case CT_OK_WITHOUT_TENSOR:
      answer->status = DLPACK_OK;
      answer->abi = DLPACK_VERSIONED;
      answer->tensor = NULL;
      return;
    case CT_UNKNOWN_ABI:
      make(producer, 0, 0, answer);
      keep(producer, answer);
      answer->abi = 3;
      return;
    case CT_REFUSES_WITH_TENSOR:
      make(producer, 0, 0, answer);
      keep(producer, answer);
      answer->status = DLPACK_REFUSED;
      return;
    case CT_OWN_STATUS:
      answer->status = -77;
      return;
    case CT_OUT_OF_MEMORY:
      answer->status = DLPACK_NO_MEMORY;
      return;
    case CT_ALWAYS_VERSIONED:
      make(producer, 0, copy, answer);
      return;
    case CT_ALWAYS_LEGACY:
      make(producer, 1, copy, answer);
      return;
    case CT_COPY_ALWAYS:
      make(producer, legacy, 1, answer);
      return;
    default:
      if (status == DLPACK_OK) {
        make(producer, legacy, copy, answer);
      } else {
        answer->status = status;
        answer->tensor = NULL;
      }
  }
}

static DLDevice device(void* ctx) {
  DLDevice cpu;
  (void)ctx;
  cpu.device_type = kDLCPU;
  cpu.device_id = 0;
  return cpu;
}

static void release(void* ctx) { ((ct_producer*)ctx)->released += 1; }

static const dlpack_producer_table table = {{1, 0}, release, device, respond};

ct_producer* ct_producer_new(enum ct_behaviour behaviour) {
  ct_producer* producer = (ct_producer*)calloc(1, sizeof *producer);
  if (producer != NULL) {
    producer->behaviour = behaviour;
    for (int32_t i = 0; i < 6; i++) {
      producer->memory[i] = i + 1;
    }
  }
  return producer;
}

dlpack_producer ct_producer_raw(ct_producer* producer) {
  dlpack_producer raw;
  raw.table = &table;
  raw.ctx = producer;
  return raw;
}

uint32_t ct_producer_released(const ct_producer* producer) { return producer->released; }

uint32_t ct_producer_asked(const ct_producer* producer) { return producer->asked; }

dlpack_request ct_producer_last_request(const ct_producer* producer) { return producer->last; }

const int32_t* ct_producer_memory(const ct_producer* producer) { return producer->memory; }

ct_record* ct_producer_take_record(ct_producer* producer) {
  ct_record* record = producer->record;
  producer->record = NULL;
  return record;
}

void ct_producer_free(ct_producer* producer) {
  if (producer->kept != NULL) {
    ct_delete_versioned(producer->kept);
  }
  if (producer->record != NULL) {
    ct_record_release(producer->record);
  }
  free(producer);
}
