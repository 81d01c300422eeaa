/* Pages, threads and time on POSIX systems. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* MAP_ANONYMOUS under -std=c99 */
#endif
#define _DARWIN_C_SOURCE

#include "internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t the_lock = PTHREAD_MUTEX_INITIALIZER;

void ct_lock(void) { pthread_mutex_lock(&the_lock); }

void ct_unlock(void) { pthread_mutex_unlock(&the_lock); }

void ct_sleep_ms(uint32_t milliseconds) {
  struct timespec time;
  time.tv_sec = (time_t)(milliseconds / 1000);
  time.tv_nsec = (long)(milliseconds % 1000) * 1000000L;
  nanosleep(&time, NULL);
}

uint64_t ct_current_thread(void) { return (uint64_t)(uintptr_t)pthread_self(); }

size_t ct_page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

void* ct_pages_map(size_t len) {
  void* pages = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return pages == MAP_FAILED ? NULL : pages;
}

int ct_pages_forbid(void* pages, size_t len) { return mprotect(pages, len, PROT_NONE); }

void ct_pages_unmap(void* pages, size_t len) { munmap(pages, len); }

void* ct_aligned_alloc(size_t align, size_t len) {
  void* block = NULL;
  return posix_memalign(&block, align, len) == 0 ? block : NULL;
}

void ct_aligned_free(void* block) { free(block); }

struct ct_thread {
  pthread_t id;
  void (*run)(void* arg);
  void* arg;
};

static void* enter_thread(void* opaque) {
  ct_thread* thread = (ct_thread*)opaque;
  thread->run(thread->arg);
  return NULL;
}

ct_thread* ct_thread_start(void (*run)(void* arg), void* arg) {
  ct_thread* thread = (ct_thread*)malloc(sizeof *thread);
  if (thread == NULL) {
    return NULL;
  }
  thread->run = run;
  thread->arg = arg;
  if (pthread_create(&thread->id, NULL, enter_thread, thread) != 0) {
    free(thread);
    return NULL;
  }
  return thread;
}

void ct_thread_join(ct_thread* thread) {
  pthread_join(thread->id, NULL);
  free(thread);
}
