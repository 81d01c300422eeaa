/* The interface of a small tensor library in C that knows DLPack from its header alone.
 *
 * One half makes tensors, honest and hostile, and counts what happens to them; the other half reads, writes and
 * releases tensors that somebody else made. Nothing here shares code with the Rust crates it is there to test.
 */
#ifndef CT_H_
#define CT_H_

#include <dlpack/dlpack.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Making tensors ------------------------------------------------------------------------------------------------ */

/* What to make: fields are written as they stand, whether they make sense or not. */
typedef struct ct_spec {
  uint32_t major;
  uint32_t minor;
  uint64_t flags;
  int32_t device_type;
  int32_t device_id;
  DLDataType dtype;
  int32_t ndim;           /* need not match the two lengths below */
  const int64_t* shape;   /* copied */
  size_t shape_len;
  const int64_t* strides; /* copied; row-major strides of `shape` are written where it is null */
  size_t strides_len;
  const void* bytes;      /* copied to the tensor's own memory */
  size_t bytes_len;
  size_t origin;          /* `data` points this many bytes into the copy */
  void* borrowed;         /* where not null: `data` itself, and nothing is copied */
  uint64_t byte_offset;
  size_t data_shift;      /* where its end is not guarded, the copy starts this far after an address aligned to 256 */
  size_t header_shift;    /* the same for the struct */
  uint32_t options;       /* of ct_option */
  uint32_t sleep_ms;      /* how long the deleter sleeps before it does anything */
  void (*on_delete)(void* arg); /* where not null: called by the deleter, which holds no lock meanwhile */
  void* on_delete_arg;
} ct_spec;

enum ct_option {
  CT_NULL_SHAPE = 1 << 0,
  CT_NULL_STRIDES = 1 << 1,
  CT_NULL_DATA = 1 << 2,
  CT_NULL_DELETER = 1 << 3,      /* the tensor's memory then goes with its record */
  CT_NULL_CONTEXT = 1 << 4,
  CT_GUARD_DATA_END = 1 << 5,    /* the byte after the data is inaccessible */
  CT_GUARD_DATA_START = 1 << 6,  /* the byte before the data is inaccessible */
  CT_GUARD_DIMS_END = 1 << 7,    /* the byte after the shape is inaccessible, and the one after the strides */
  CT_GUARD_HEADER = 1 << 8,      /* the byte after `flags` is inaccessible; legacy: the one after the struct */
  CT_FREE_ON_DELETE = 1 << 9     /* the deleter frees at once, for memory checkers; see ct_record_deleted */
};

/* What became of one tensor; outlives it. */
typedef struct ct_record ct_record;

/* Null when memory runs out or when guard pages are asked for where there are none. */
DLManagedTensorVersioned* ct_make_versioned(const ct_spec* spec, ct_record** record);
DLManagedTensor* ct_make_legacy(const ct_spec* spec, ct_record** record);

/* How often the deleter was called. A deleted tensor stays in memory, filled with 0xDD or inaccessible, until its
 * record is released, so that a second call finds its way here; with CT_FREE_ON_DELETE its address may be reused. */
uint32_t ct_record_deleted(const ct_record* record);
int ct_record_alive(const ct_record* record);
uint64_t ct_record_thread(const ct_record* record); /* that ran the deleter; 0 before */
void* ct_record_data(const ct_record* record);      /* start of the copied bytes, null if there is none */
void ct_record_release(ct_record* record);

uint64_t ct_live(void);         /* tensors alive, of all threads */
uint64_t ct_stray_deletes(void); /* deleter calls with a pointer that is no tensor of this library */
int ct_has_guard_pages(void);
int ct_hides_deleted(void); /* whether even a read of deleted memory is caught, by AddressSanitizer */
uint64_t ct_current_thread(void);

/* A producer whose shape is live, as PyTorch's is: the first overwrites the arrays in place with up to as many sizes as
 * the tensor was made with; the second frees them and points the tensor at new ones. 0, or -1 when it cannot. */
int ct_resize_live(ct_record* record, const int64_t* shape, const int64_t* strides, size_t len);
int ct_move_live(ct_record* record, const int64_t* shape, const int64_t* strides, size_t len);
/* Frees the arrays and leaves the struct as it is, as a producer may once it has been imported. */
int ct_free_live(ct_record* record);
/* Makes them inaccessible until the tensor is deleted; -1 also when they have no pages of their own. */
int ct_forbid_live(ct_record* record);

/* Lends a tensor on the stack to `callback` and returns its answer; struct, shape, strides and data are overwritten
 * after it returned. -1 without a call when the tensor cannot be made. */
int ct_call_with_tensor(const ct_spec* spec, int (*callback)(const DLTensor* tensor, void* ctx), void* ctx);

/* Reading and writing tensors ----------------------------------------------------------------------------------- */

/* Here an element is ct_element_bytes long: sub-byte elements stand in the low bits, first lane lowest, the rest zero.
 * `flags` are those of the versioned struct, or 0. Functions that return int give 0, or -1 when the tensor cannot be
 * walked (null data or shape, negative or overflowing sizes, no host memory). */
uint64_t ct_element_bits(DLDataType dtype, uint64_t flags);
size_t ct_element_bytes(DLDataType dtype, uint64_t flags);
int64_t ct_numel(const DLTensor* tensor); /* -1: negative or overflowing */
int ct_is_row_major(const DLTensor* tensor); /* 0 where ct_numel is -1 */
int64_t ct_offset_of(const DLTensor* tensor, const int64_t* index); /* in elements */
int ct_read_element(const DLTensor* tensor, uint64_t flags, const int64_t* index, void* element);
int ct_write_element(const DLTensor* tensor, uint64_t flags, const int64_t* index, const void* element);
int ct_gather(const DLTensor* tensor, uint64_t flags, void* out, size_t capacity); /* in row-major order */
int ct_scatter(const DLTensor* tensor, uint64_t flags, const void* elements, size_t len);
int ct_fill(const DLTensor* tensor, uint64_t flags, const void* element);
int ct_checksum(const DLTensor* tensor, uint64_t flags, uint64_t* checksum); /* FNV-1a 64 over what ct_gather gives */

/* Releasing tensors --------------------------------------------------------------------------------------------- */

void ct_delete_versioned(void* tensor); /* runs the deleter if there is one; takes void* to serve as a callback */
void ct_delete_legacy(void* tensor);
int ct_consume_versioned(DLManagedTensorVersioned* tensor, uint64_t* checksum); /* deletes in any case */
int ct_consume_legacy(DLManagedTensor* tensor, uint64_t* checksum);
void ct_vandalise_and_delete_versioned(DLManagedTensorVersioned* tensor);
void ct_vandalise_and_delete_legacy(DLManagedTensor* tensor);

/* A second thread, which runs one function. */
typedef struct ct_thread ct_thread;
ct_thread* ct_thread_start(void (*run)(void* arg), void* arg);
void ct_thread_join(ct_thread* thread);

/* A bag keeps tensors and deletes them in the order in which they came. */
typedef struct ct_bag ct_bag;
ct_bag* ct_bag_new(void);
int ct_hold_versioned(ct_bag* bag, DLManagedTensorVersioned* tensor); /* -1: not taken */
int ct_hold_legacy(ct_bag* bag, DLManagedTensor* tensor);
size_t ct_held(const ct_bag* bag);
void ct_release(ct_bag* bag); /* frees the bag, too */

/* The header's own words ---------------------------------------------------------------------------------------- */

/* Every enumerator and every numeric macro of the header. */
size_t ct_constant_count(void);
const char* ct_constant_name(size_t i);
uint64_t ct_constant_value(size_t i);

typedef struct ct_layout {
  size_t size;
  size_t align;  /* of a type; 0 for a field */
  size_t offset; /* of a field; 0 for a type */
} ct_layout;

/* Every struct of the header by name, and every field by "Struct.field". */
size_t ct_layout_count(void);
const char* ct_layout_name(size_t i);
int ct_layout_of(const char* name, ct_layout* layout); /* -1: no such name */

/* Errors -------------------------------------------------------------------------------------------------------- */

const char* ct_last_error(void); /* of this thread; empty after a success */

#ifdef __cplusplus
}
#endif

#endif
