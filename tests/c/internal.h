/* What the files of the library tell one another and not the outside. */
#ifndef CT_INTERNAL_H_
#define CT_INTERNAL_H_

#include "ct.h"

#if defined(__cplusplus)
#define CT_THREAD_LOCAL thread_local
#elif defined(_MSC_VER)
#define CT_THREAD_LOCAL __declspec(thread)
#else
#define CT_THREAD_LOCAL __thread
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* platform_unix.c, platform_windows.c */
void ct_lock(void); /* one lock for the registry and the counters; never held while foreign code runs */
void ct_unlock(void);
void ct_sleep_ms(uint32_t milliseconds);
size_t ct_page_size(void); /* 0: no guard pages here */
void* ct_pages_map(size_t len);
int ct_pages_forbid(void* pages, size_t len);
void ct_pages_unmap(void* pages, size_t len);
void* ct_aligned_alloc(size_t align, size_t len);
void ct_aligned_free(void* block);

/* region.c: one piece of a tensor's memory. */
typedef struct ct_region {
  void* start; /* null: nothing here */
  size_t len;
  void* block; /* what was allocated, of which the region is a part */
  size_t block_len;
  int paged;
  int forbidden; /* nobody may touch it any more */
} ct_region;

enum ct_place { CT_PLACE_HEAP, CT_PLACE_PAGE_END, CT_PLACE_PAGE_START };

int ct_region_alloc(ct_region* region, size_t len, size_t shift, enum ct_place place);
void ct_region_poison(ct_region* region); /* fills with 0xDD and, where possible, makes inaccessible */
void ct_region_free(ct_region* region);

/* registry.c */
enum ct_kind { CT_LEGACY, CT_VERSIONED };

struct ct_record {
  struct ct_record* next; /* of the same bucket */
  enum ct_kind kind;
  uint32_t holders; /* the tensor itself, while it has a deleter, and whoever got the record */
  uint32_t deleted;
  int alive;
  uint64_t thread;
  void* address; /* of the struct; kept after it is gone */
  ct_region header;
  ct_region shape;
  ct_region strides;
  ct_region data;
  int has_tensor; /* false: the struct ends after `flags` */
  uint32_t options;
  uint32_t sleep_ms;
  void (*on_delete)(void* arg);
  void* on_delete_arg;
};

void ct_registry_add(ct_record* record);
ct_record* ct_registry_enter_delete(void* address); /* null: the call was counted and there is nothing to do */
void ct_registry_leave_delete(ct_record* record);
void ct_record_free_memory(ct_record* record);

/* describe.c: the pieces of a tensor as a spec wants them. */
int ct_copy_dims(const ct_spec* spec, ct_region* shape, ct_region* strides);
int ct_copy_data(const ct_spec* spec, ct_region* data);
DLTensor ct_describe(const ct_spec* spec, const ct_region* shape, const ct_region* strides, const ct_region* data);

/* element.c: one element at an address given in bits. */
void ct_load_bits(const unsigned char* base, int64_t bit, uint64_t bits, unsigned char* element);
void ct_store_bits(unsigned char* base, int64_t bit, uint64_t bits, const unsigned char* element);

/* error.c */
int ct_fail(int code, const char* format, ...);
int ct_succeed(void);

#ifdef __cplusplus
}
#endif

#endif
