/* One piece of a tensor's memory: on the heap, or against an inaccessible page. */
#include "internal.h"

#include <string.h>

#define DATA_ALIGN 256 /* what the header asks of `data` */

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CT_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define CT_ASAN 1
#endif

#ifdef CT_ASAN
#ifdef __cplusplus
extern "C" {
#endif
void __asan_poison_memory_region(void const volatile* start, size_t len);
void __asan_unpoison_memory_region(void const volatile* start, size_t len);
#ifdef __cplusplus
}
#endif
#endif

static int alloc_on_heap(ct_region* region, size_t len, size_t shift) {
  region->block_len = len + shift > 0 ? len + shift : 1;
  region->block = ct_aligned_alloc(DATA_ALIGN, region->block_len);
  if (region->block == NULL) {
    return -1;
  }
  region->start = (char*)region->block + shift;
  return 0;
}

static int alloc_in_pages(ct_region* region, size_t len, size_t shift, enum ct_place place) {
  size_t page = ct_page_size();
  if (page == 0) {
    return -1;
  }
  size_t usable = (len + shift + page - 1) / page * page;
  region->block_len = usable + page;
  region->block = ct_pages_map(region->block_len);
  if (region->block == NULL) {
    return -1;
  }
  region->paged = 1;
  char* block = (char*)region->block;
  char* guard = place == CT_PLACE_PAGE_END ? block + usable : block;
  region->start = place == CT_PLACE_PAGE_END ? guard - len : block + page + shift;
  return ct_pages_forbid(guard, page);
}

int ct_region_alloc(ct_region* region, size_t len, size_t shift, enum ct_place place) {
  memset(region, 0, sizeof *region);
  region->len = len;
  int failed = place == CT_PLACE_HEAP ? alloc_on_heap(region, len, shift) : alloc_in_pages(region, len, shift, place);
  if (failed) {
    ct_region_free(region);
  }
  return failed;
}

int ct_hides_deleted(void) {
#ifdef CT_ASAN
  return 1;
#else
  return 0;
#endif
}

void ct_region_poison(ct_region* region) {
  if (region->start == NULL || region->forbidden) {
    return;
  }
  memset(region->start, 0xDD, region->len);
  if (region->paged) {
    region->forbidden = 1;
    ct_pages_forbid(region->block, region->block_len);
  } else {
#ifdef CT_ASAN
    __asan_poison_memory_region(region->block, region->block_len);
#endif
  }
}

void ct_region_free(ct_region* region) {
  if (region->paged) {
    ct_pages_unmap(region->block, region->block_len);
  } else if (region->block != NULL) {
#ifdef CT_ASAN
    __asan_unpoison_memory_region(region->block, region->block_len);
#endif
    ct_aligned_free(region->block);
  }
  memset(region, 0, sizeof *region);
}
