/* Libraries with the exchange API, one that keeps to the standard and one that does as it is told, and a consumer.
 *
 * The language of these libraries is C: an object is a counted box with a tensor, and the pending error is the text of
 * ct_last_error.
 */
#ifndef CT_EXCHANGE_H_
#define CT_EXCHANGE_H_

#include "ct.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The library that keeps to the standard ------------------------------------------------------------------------ */

const DLPackExchangeAPI* ct_library(void); /* version 1.3, with all functions */

typedef struct ct_object ct_object;

ct_object* ct_object_new(DLManagedTensorVersioned* tensor); /* null: the tensor was not taken */
void ct_object_release(void* object); /* the last release, of holders and exports, deletes the tensor */
const DLTensor* ct_object_tensor(const void* object);
uint64_t ct_objects_alive(void); /* of all threads */

ct_record* ct_take_allocated(void); /* of the last tensor that its allocator made on this thread; may be null */
void ct_fail_next_allocation(void); /* on this thread */

/* It has one device with streams, CUDA 3, whose stream is this: */
#define CT_STREAM ((void*)(uintptr_t)0x5713)

/* The library that does as it is told --------------------------------------------------------------------------- */

enum ct_plan_out {
  CT_OUT_UNTOUCHED = 0,
  CT_OUT_NULL = 1,
  CT_OUT_GIVEN = 2 /* the plan's `out`, or a copy of what `lent` points to */
};

/* What each function does on this thread, from now on. */
typedef struct ct_plan {
  int32_t code; /* what it returns */
  int32_t writes; /* of ct_plan_out */
  void* out;
  const DLTensor* lent;
  uint32_t set_error_calls; /* the second call and those after it say "second" and "again" */
  uint32_t deletes; /* whether the deleter of the tensor that it was given is called */
  const char* kind;
  const char* message;
} ct_plan;

/* What the allocator was last asked for, on this thread. */
typedef struct ct_asked {
  uint32_t calls; /* of any function of the plan */
  DLDataType dtype;
  DLDevice device;
  int32_t ndim;
  int64_t shape[64];
} ct_asked;

const DLPackExchangeAPI* ct_planned_library(void);
void ct_plan_set(const ct_plan* plan); /* the strings, and what `lent` points to, stay the caller's */
void ct_plan_asked(ct_asked* asked); /* since the plan was set */

/* The consumer -------------------------------------------------------------------------------------------------- */

/* What an allocator said of its failure. */
typedef struct ct_said {
  uint32_t calls;
  char kind[256];
  char message[512];
} ct_said;

/* Asks for a tensor like the prototype, whose other fields are filled with garbage. `said` null: passes no SetError. */
int ct_ask_tensor(const DLPackExchangeAPI* api, const DLTensor* prototype, DLManagedTensorVersioned** out,
                  ct_said* said);

/* Reads an object through a tensor of its own, which is deleted, or through one that is lent. What they return is what
 * the library did, or 1 when that makes no sense. */
int ct_read_exported(const DLPackExchangeAPI* api, void* object, uint64_t* checksum);
int ct_read_lent(const DLPackExchangeAPI* api, void* object, uint64_t* checksum);

/* Makes an object of a tensor; leaks the tensor on failure, as a consumer must. */
int ct_give_tensor(const DLPackExchangeAPI* api, DLManagedTensorVersioned* tensor, void** object);
int ct_ask_stream(const DLPackExchangeAPI* api, int32_t device_type, int32_t device_id, void** stream);

#ifdef __cplusplus
}
#endif

#endif
