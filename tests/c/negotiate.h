/* Request and answer without Python: what a producer and a consumer in C say to one another, and one of each.
 *
 * The declarations are those of the documentation of dlpack's module `negotiate`, and a test compares the two texts.
 */
#ifndef CT_NEGOTIATE_H_
#define CT_NEGOTIATE_H_

#include "ct.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { DLPACK_COPY_IF_NEEDED = 0, DLPACK_COPY_ALWAYS = 1, DLPACK_COPY_NEVER = 2 };
enum { DLPACK_STREAM_NONE = 0, DLPACK_STREAM_NO_SYNC = 1, DLPACK_STREAM_HANDLE = 2 };
enum { DLPACK_OK = 0, DLPACK_REFUSED = 1, DLPACK_INVALID = 2, DLPACK_NO_MEMORY = 3, DLPACK_FAILED = 4 };
enum { DLPACK_LEGACY = 1, DLPACK_VERSIONED = 2 };

typedef struct dlpack_stream {
  uint32_t kind;
  void* handle; /* for DLPACK_STREAM_HANDLE */
} dlpack_stream;

typedef struct dlpack_request {
  DLPackVersion max_version; /* major 0: the consumer reads DLManagedTensor only */
  DLDevice device;           /* device_type 0: any device */
  uint32_t copy;
  dlpack_stream stream;
} dlpack_request;

typedef struct dlpack_answer {
  int32_t status;
  uint32_t abi; /* of the tensor */
  void* tensor; /* if the status is DLPACK_OK, the caller must delete it */
} dlpack_answer;

typedef struct dlpack_producer_table {
  DLPackVersion version; /* 1.0; if the major is not 1, only `release` may be called */
  void (*release)(void* ctx);
  DLDevice (*device)(void* ctx);
  void (*respond)(void* ctx, const dlpack_request* request, dlpack_answer* answer);
} dlpack_producer_table;

typedef struct dlpack_producer {
  const dlpack_producer_table* table;
  void* ctx;
} dlpack_producer;

/* Every struct above, in this order, each followed by its fields. Returns how many there are. */
size_t ct_negotiate_layouts(ct_layout* layouts, size_t capacity);

/* The producer: six int32 in host memory, 1 to 6, which it gives out as 2 x 3. */
enum ct_behaviour {
  CT_HONEST = 0,           /* follows the rules, and can copy to main memory */
  CT_SILENT = 1,           /* writes no answer */
  CT_OK_WITHOUT_TENSOR = 2,
  CT_UNKNOWN_ABI = 3,      /* of a tensor that it deletes itself when it is freed */
  CT_ALWAYS_VERSIONED = 4, /* whatever the consumer reads */
  CT_ALWAYS_LEGACY = 5,    /* as some producers in use */
  CT_WRONG_DEVICE = 6,     /* the tensor says cuda:3 */
  CT_MANAGED = 7,          /* the tensor says CUDA managed memory, as some producers in use do */
  CT_MAJOR_2 = 8,          /* the tensor is of version 2.0 */
  CT_COPY_UNMARKED = 9,    /* a copy without IS_COPIED, as some producers in use */
  CT_COPY_ALWAYS = 10,     /* a copy whatever was asked for, marked as one */
  CT_REFUSES_WITH_TENSOR = 11, /* a status that is not DLPACK_OK, and a tensor that stays the producer's */
  CT_OWN_STATUS = 12,      /* refuses with the status -77 */
  CT_NEGATIVE_DIM = 13,    /* the tensor makes no sense */
  CT_OUT_OF_MEMORY = 14    /* refuses with DLPACK_NO_MEMORY */
};
typedef struct ct_producer ct_producer;
ct_producer* ct_producer_new(enum ct_behaviour behaviour);
dlpack_producer ct_producer_raw(ct_producer* producer);
uint32_t ct_producer_released(const ct_producer* producer);
uint32_t ct_producer_asked(const ct_producer* producer); /* how often */
dlpack_request ct_producer_last_request(const ct_producer* producer);
const int32_t* ct_producer_memory(const ct_producer* producer);
/* Of the last tensor that was made, whose record is the caller's now; null if there is none, or if it was taken. */
ct_record* ct_producer_take_record(ct_producer* producer);
void ct_producer_free(ct_producer* producer); /* after all its tensors are gone */

/* The consumer: asks, checks that the answer is one that it can read, and takes the checksum of the tensor, which it
 * deletes. Gives the status, or -1 for an answer that breaks the rules. */
int ct_request_checksum(dlpack_producer producer, const dlpack_request* request, uint64_t* checksum);
/* Asks, and gives the answer as it is. */
void ct_request(dlpack_producer producer, const dlpack_request* request, dlpack_answer* answer);
DLDevice ct_request_device(dlpack_producer producer);
void ct_release_producer(dlpack_producer producer);

#ifdef __cplusplus
}
#endif

#endif
