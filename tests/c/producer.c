/* Makes managed tensors of both kinds, and is their deleter. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static void run_deleter(void* self) {
  /* Only the address counts: a consumer may have overwritten every field. */
  ct_record* record = ct_registry_enter_delete(self);
  if (record == NULL) {
    return;
  }
  if (record->sleep_ms > 0) {
    ct_sleep_ms(record->sleep_ms);
  }
  if (record->on_delete != NULL) {
    record->on_delete(record->on_delete_arg);
  }
  ct_registry_leave_delete(record);
}

static void delete_versioned(DLManagedTensorVersioned* self) { run_deleter(self); }

static void delete_legacy(DLManagedTensor* self) { run_deleter(self); }

static ct_record* record_new(const ct_spec* spec, enum ct_kind kind) {
  ct_record* record = (ct_record*)calloc(1, sizeof *record);
  if (record == NULL) {
    return NULL;
  }
  if (ct_copy_dims(spec, &record->shape, &record->strides) || ct_copy_data(spec, &record->data)) {
    ct_record_free_memory(record);
    free(record);
    return NULL;
  }
  record->kind = kind;
  record->holders = spec->options & CT_NULL_DELETER ? 1 : 2;
  record->options = spec->options;
  record->sleep_ms = spec->sleep_ms;
  record->on_delete = spec->on_delete;
  record->on_delete_arg = spec->on_delete_arg;
  return record;
}

/* Places the first `len` bytes of a struct. It is copied, since the place may be misaligned or cut short. */
static int place_header(ct_record* record, const ct_spec* spec, const void* header, size_t len) {
  enum ct_place place = spec->options & CT_GUARD_HEADER ? CT_PLACE_PAGE_END : CT_PLACE_HEAP;
  if (ct_region_alloc(&record->header, len, spec->header_shift, place)) {
    ct_record_free_memory(record);
    free(record);
    return -1;
  }
  memcpy(record->header.start, header, len);
  record->address = record->header.start;
  ct_registry_add(record);
  return 0;
}

DLManagedTensorVersioned* ct_make_versioned(const ct_spec* spec, ct_record** out) {
  ct_record* record = record_new(spec, CT_VERSIONED);
  if (record == NULL) {
    return NULL;
  }
  DLManagedTensorVersioned header;
  memset(&header, 0, sizeof header);
  header.version.major = spec->major;
  header.version.minor = spec->minor;
  header.manager_ctx = spec->options & CT_NULL_CONTEXT ? NULL : record;
  header.deleter = spec->options & CT_NULL_DELETER ? NULL : delete_versioned;
  header.flags = spec->flags;
  header.dl_tensor = ct_describe(spec, &record->shape, &record->strides, &record->data);
  record->has_tensor = !(spec->options & CT_GUARD_HEADER);
  size_t len = record->has_tensor ? sizeof header : offsetof(DLManagedTensorVersioned, flags) + sizeof header.flags;
  if (place_header(record, spec, &header, len)) {
    return NULL;
  }
  *out = record;
  return (DLManagedTensorVersioned*)record->address;
}

DLManagedTensor* ct_make_legacy(const ct_spec* spec, ct_record** out) {
  ct_record* record = record_new(spec, CT_LEGACY);
  if (record == NULL) {
    return NULL;
  }
  DLManagedTensor header;
  memset(&header, 0, sizeof header);
  header.dl_tensor = ct_describe(spec, &record->shape, &record->strides, &record->data);
  header.manager_ctx = spec->options & CT_NULL_CONTEXT ? NULL : record;
  header.deleter = spec->options & CT_NULL_DELETER ? NULL : delete_legacy;
  record->has_tensor = 1;
  if (place_header(record, spec, &header, sizeof header)) {
    return NULL;
  }
  *out = record;
  return (DLManagedTensor*)record->address;
}
