/* Pages, threads and time on Windows. */
#define WIN32_LEAN_AND_MEAN
#include "internal.h"

#include <malloc.h>
#include <stdlib.h>
#include <windows.h>

static SRWLOCK the_lock = SRWLOCK_INIT;

void ct_lock(void) { AcquireSRWLockExclusive(&the_lock); }

void ct_unlock(void) { ReleaseSRWLockExclusive(&the_lock); }

void ct_sleep_ms(uint32_t milliseconds) { Sleep(milliseconds); }

uint64_t ct_current_thread(void) { return GetCurrentThreadId(); }

size_t ct_page_size(void) {
  SYSTEM_INFO info;
  GetSystemInfo(&info);
  return info.dwPageSize;
}

void* ct_pages_map(size_t len) { return VirtualAlloc(NULL, len, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE); }

int ct_pages_forbid(void* pages, size_t len) {
  DWORD before;
  return VirtualProtect(pages, len, PAGE_NOACCESS, &before) ? 0 : -1;
}

void ct_pages_unmap(void* pages, size_t len) {
  (void)len;
  VirtualFree(pages, 0, MEM_RELEASE);
}

void* ct_aligned_alloc(size_t align, size_t len) { return _aligned_malloc(len, align); }

void ct_aligned_free(void* block) { _aligned_free(block); }

struct ct_thread {
  HANDLE handle;
  void (*run)(void* arg);
  void* arg;
};

static DWORD WINAPI enter_thread(LPVOID opaque) {
  ct_thread* thread = (ct_thread*)opaque;
  thread->run(thread->arg);
  return 0;
}

ct_thread* ct_thread_start(void (*run)(void* arg), void* arg) {
  ct_thread* thread = (ct_thread*)malloc(sizeof *thread);
  if (thread == NULL) {
    return NULL;
  }
  thread->run = run;
  thread->arg = arg;
  thread->handle = CreateThread(NULL, 0, enter_thread, thread, 0, NULL);
  if (thread->handle == NULL) {
    free(thread);
    return NULL;
  }
  return thread;
}

void ct_thread_join(ct_thread* thread) {
  WaitForSingleObject(thread->handle, INFINITE);
  CloseHandle(thread->handle);
  free(thread);
}
