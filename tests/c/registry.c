/* Remembers every tensor made here by its address, and counts what is done to it. */
#include "internal.h"

#include <stdlib.h>

#define BUCKETS 4096

static ct_record* buckets[BUCKETS];
static uint64_t live;
static uint64_t stray_deletes;

static ct_record** bucket_of(const void* address) { return &buckets[((uintptr_t)address >> 4) % BUCKETS]; }

/* The live tensor at this address, else a deleted one, else null. */
static ct_record* find(const void* address) {
  ct_record* found = NULL;
  for (ct_record* record = *bucket_of(address); record != NULL; record = record->next) {
    if (record->address == address && (found == NULL || record->alive)) {
      found = record;
    }
  }
  return found;
}

static void unlink_record(ct_record* record) {
  ct_record** link = bucket_of(record->address);
  while (*link != record) {
    link = &(*link)->next;
  }
  *link = record->next;
}

static void drop_holder(ct_record* record) {
  ct_lock();
  int last = --record->holders == 0;
  if (last) {
    unlink_record(record);
    live -= (uint64_t)record->alive;
  }
  ct_unlock();
  if (last) {
    ct_record_free_memory(record);
    free(record);
  }
}

void ct_record_free_memory(ct_record* record) {
  ct_region_free(&record->header);
  ct_region_free(&record->shape);
  ct_region_free(&record->strides);
  ct_region_free(&record->data);
}

void ct_registry_add(ct_record* record) {
  ct_record** head = bucket_of(record->address);
  record->alive = 1;
  ct_lock();
  record->next = *head;
  *head = record;
  live += 1;
  ct_unlock();
}

ct_record* ct_registry_enter_delete(void* address) {
  ct_lock();
  ct_record* record = find(address);
  int first = record != NULL && record->alive;
  if (record == NULL) {
    stray_deletes += 1;
  } else {
    record->deleted += 1;
  }
  if (first) {
    record->alive = 0;
    record->thread = ct_current_thread();
    live -= 1;
  }
  ct_unlock();
  return first ? record : NULL;
}

void ct_registry_leave_delete(ct_record* record) {
  ct_region_poison(&record->header);
  ct_region_poison(&record->shape);
  ct_region_poison(&record->strides);
  ct_region_poison(&record->data);
  if (record->options & CT_FREE_ON_DELETE) {
    ct_record_free_memory(record);
  }
  drop_holder(record);
}

void ct_record_release(ct_record* record) { drop_holder(record); }

uint32_t ct_record_deleted(const ct_record* record) {
  ct_lock();
  uint32_t deleted = record->deleted;
  ct_unlock();
  return deleted;
}

int ct_record_alive(const ct_record* record) {
  ct_lock();
  int alive = record->alive;
  ct_unlock();
  return alive;
}

uint64_t ct_record_thread(const ct_record* record) {
  ct_lock();
  uint64_t thread = record->thread;
  ct_unlock();
  return thread;
}

void* ct_record_data(const ct_record* record) { return record->data.start; }

uint64_t ct_live(void) {
  ct_lock();
  uint64_t count = live;
  ct_unlock();
  return count;
}

uint64_t ct_stray_deletes(void) {
  ct_lock();
  uint64_t count = stray_deletes;
  ct_unlock();
  return count;
}

int ct_has_guard_pages(void) { return ct_page_size() != 0; }
