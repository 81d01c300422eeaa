/* What Python cannot do by itself. The deleter and the capsule destructor of the kit's tensors run at any time, on any
 * thread, with or without the interpreter, and with an exception pending; and functions of exchange tables fail with an
 * exception set, which a callback in Python cannot leave behind. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As in CPython's headers; resolved in the process that loads this. */
int PyCapsule_IsValid(void *capsule, const char *name);
void *PyCapsule_GetPointer(void *capsule, const char *name);
void PyErr_SetString(void *kind, const char *message);
extern void *PyExc_BufferError;
extern void *PyExc_KeyboardInterrupt;

/* Those of AddressSanitizer, where it is loaded. */
void __asan_poison_memory_region(const volatile void *start, size_t size) __attribute__((weak));
void __asan_unpoison_memory_region(const volatile void *start, size_t size) __attribute__((weak));

#define MAGIC 0x646c7061636b3031ull

struct region {
  void *start;
  uint64_t size;
};

/* One tensor of the kit; the managed struct that consumers see is its last part. */
struct record {
  uint64_t magic;
  int64_t deletes;
  int64_t thread; /* of the last call, as the system numbers threads */
  void (*also)(void *); /* called after the first deletion, if not null */
  uint64_t is_guarded;  /* whether a sanitizer is told that nobody may read what is deleted */
  uint64_t region_count;
  struct region regions[4];
  void *destructor_deleter; /* the deleter in the struct, for the capsule destructor */
  uint64_t managed_size;    /* as much as may be overwritten */
  unsigned char managed[128];
};

static int64_t strays;

/* How often a deleter was called with something that is no tensor of the kit. */
int64_t kit_strays(void) { return __atomic_load_n(&strays, __ATOMIC_SEQ_CST); }

/* Counts, and overwrites everything that belongs to the tensor. */
void kit_delete(void *self) {
  struct record *record = (struct record *)((char *)self - offsetof(struct record, managed));
  if (record->magic != MAGIC) {
    __atomic_add_fetch(&strays, 1, __ATOMIC_SEQ_CST);
    return;
  }
  record->thread = syscall(SYS_gettid);
  if (__atomic_add_fetch(&record->deletes, 1, __ATOMIC_SEQ_CST) != 1) return;
  memset(record->managed, 0xDD, record->managed_size);
  for (uint64_t i = 0; i < record->region_count; i++)
    memset(record->regions[i].start, 0xDD, record->regions[i].size);
  if (record->is_guarded && __asan_poison_memory_region) {
    __asan_poison_memory_region(record->managed, record->managed_size);
    for (uint64_t i = 0; i < record->region_count; i++)
      __asan_poison_memory_region(record->regions[i].start, record->regions[i].size);
  }
  if (record->also) record->also(self);
}

/* Makes a tensor that may be deleted what it was when these bytes were read: those of the struct, and of its regions. */
void kit_renew(struct record *record, const unsigned char *bytes) {
  if (__asan_unpoison_memory_region) {
    __asan_unpoison_memory_region(record->managed, record->managed_size);
    for (uint64_t i = 0; i < record->region_count; i++)
      __asan_unpoison_memory_region(record->regions[i].start, record->regions[i].size);
  }
  memcpy(record->managed, bytes, record->managed_size);
  bytes += record->managed_size;
  for (uint64_t i = 0; i < record->region_count; i++) {
    memcpy(record->regions[i].start, bytes, record->regions[i].size);
    bytes += record->regions[i].size;
  }
  record->deletes = 0;
}

static void destroy(void *capsule, const char *name) {
  if (!PyCapsule_IsValid(capsule, name)) return;
  char *self = PyCapsule_GetPointer(capsule, name);
  struct record *record = (struct record *)(self - offsetof(struct record, managed));
  void (*deleter)(void *) = (void (*)(void *))record->destructor_deleter;
  if (deleter) deleter(self);
}

/* The destructor that the Python specification of DLPack asks for. */
void kit_destroy(void *capsule) {
  destroy(capsule, "dltensor");
  destroy(capsule, "dltensor_versioned");
}

static int fail(void) {
  PyErr_SetString(PyExc_BufferError, "not this one");
  return -1;
}

/* Fails, with garbage for a tensor. */
int kit_fail_from_python(void *object, void **out) {
  (void)object;
  *out = (void *)0xDEAD;
  return fail();
}

/* Fails, with garbage for a description. */
int kit_fail_to_lend(void *object, void *out) {
  (void)object;
  memset(out, 0xAB, 48);
  return fail();
}

/* Fails, and leaves its arguments alone. */
int kit_fail(void *object, void *out) {
  (void)object;
  (void)out;
  return fail();
}

/* Fails as if the user had interrupted the program, whichever function of a table this is. */
int kit_interrupt(void *object, void *out) {
  (void)object;
  (void)out;
  PyErr_SetString(PyExc_KeyboardInterrupt, "stop");
  return -1;
}

/* Fails, and leaves the tensor alone. */
int kit_fail_to_python(void *tensor, void **out) {
  (void)tensor;
  *out = (void *)0xDEAD;
  return fail();
}

/* Fails, and has released the tensor all the same. */
int kit_release_and_fail(void *tensor, void **out) {
  void (*deleter)(void *) = *(void (**)(void *))((char *)tensor + 16);
  deleter(tensor);
  return kit_fail_to_python(tensor, out);
}
