/* A consumer that asks producers through their table of functions. */
#include "negotiate.h"

#include <string.h>

void ct_request(dlpack_producer producer, const dlpack_request* request, dlpack_answer* answer) {
  producer.table->respond(producer.ctx, request, answer);
}

DLDevice ct_request_device(dlpack_producer producer) { return producer.table->device(producer.ctx); }

void ct_release_producer(dlpack_producer producer) {
  if (producer.table->release != NULL) {
    producer.table->release(producer.ctx);
  }
}

int ct_request_checksum(dlpack_producer producer, const dlpack_request* request, uint64_t* checksum) {
  dlpack_answer answer;
  memset(&answer, 0xDD, sizeof answer);
  if (producer.table->version.major != 1) {
    return -1;
  }
  ct_request(producer, request, &answer);
  if (answer.status != DLPACK_OK) {
    return answer.tensor == NULL ? answer.status : -1;
  }
  if (answer.tensor == NULL) {
    return -1;
  }
  if (answer.abi == DLPACK_LEGACY) {
    return ct_consume_legacy((DLManagedTensor*)answer.tensor, checksum);
  }
  if (answer.abi != DLPACK_VERSIONED) {
    return -1;
  }
  if (request->max_version.major == 0) {
    ct_delete_versioned(answer.tensor);
    return -1;
  }
  return ct_consume_versioned((DLManagedTensorVersioned*)answer.tensor, checksum);
}

/* C99 has no alignof; the second field of such a pair shows it. */
#define PAIR(type)       \
  typedef struct {       \
    char first;          \
    type second;         \
  } pair_of_##type
PAIR(dlpack_stream);
PAIR(dlpack_request);
PAIR(dlpack_answer);
PAIR(dlpack_producer_table);
PAIR(dlpack_producer);

#define TYPE(type) {sizeof(type), offsetof(pair_of_##type, second), 0}
#define FIELD(type, field) {sizeof(((type*)0)->field), 0, offsetof(type, field)}

static const ct_layout layouts[] = {
    TYPE(dlpack_stream),
    FIELD(dlpack_stream, kind),
    FIELD(dlpack_stream, handle),
    TYPE(dlpack_request),
    FIELD(dlpack_request, max_version),
    FIELD(dlpack_request, device),
    FIELD(dlpack_request, copy),
    FIELD(dlpack_request, stream),
    TYPE(dlpack_answer),
    FIELD(dlpack_answer, status),
    FIELD(dlpack_answer, abi),
    FIELD(dlpack_answer, tensor),
    TYPE(dlpack_producer_table),
    FIELD(dlpack_producer_table, version),
    FIELD(dlpack_producer_table, release),
    FIELD(dlpack_producer_table, device),
    FIELD(dlpack_producer_table, respond),
    TYPE(dlpack_producer),
    FIELD(dlpack_producer, table),
    FIELD(dlpack_producer, ctx),
};

size_t ct_negotiate_layouts(ct_layout* out, size_t capacity) {
  size_t count = sizeof layouts / sizeof layouts[0];
  for (size_t i = 0; i < count && i < capacity; i++) {
    out[i] = layouts[i];
  }
  return count;
}
