/* A CUDA driver without a device: as many functions as cudarc calls, with the semantics that matter to an exchange.
 *
 * Work is lazy, as on a real device, only more so: it runs when somebody waits for it, in the order of its stream, and
 * after the events that the stream waits for. So an order that nobody asked for shows as old data, or as a use of freed
 * memory, each time. Device memory is never the host's: its addresses are made up. Contexts are current by thread.
 *
 * Whatever a driver would call an error, and whatever it could not notice, is counted by mock_misuses. */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_CONTEXT = 201, INVALID_HANDLE = 400 };
enum { DEVICES = 2, MEMORY_POOLS_SUPPORTED = 115 };

typedef struct context {
    int device;
    int retained;
} context;

typedef struct block {
    uint64_t address;
    size_t size;
    unsigned char *bytes;
    int device;
    int is_freed;
    struct block *next;
} block;

typedef struct event {
    int device;
    struct stream *stream;
    unsigned long recorded; /* How often it was recorded, and how many of these have been reached. */
    unsigned long reached;
    int is_destroyed;
    struct event *next;
} event;

typedef enum { COPY_IN, COPY, SET, FREE, RECORD, WAIT } kind;

typedef struct work {
    kind kind;
    uint64_t to, from;
    size_t size;
    unsigned char *bytes; /* COPY_IN: taken from the host when it was enqueued. */
    int value;
    event *event;
    struct stream *stream; /* WAIT: where the event is recorded. */
    unsigned long count;
    struct work *next;
} work;

typedef struct stream {
    int device;
    int is_destroyed;
    work *first, *last;
    struct stream *next;
} stream;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static context contexts[DEVICES] = {{0, 0}, {1, 0}};
static stream defaults[DEVICES], of_thread[DEVICES];
static block *blocks;
static event *events;
static stream *streams;
static uint64_t next_address = UINT64_C(0x5a0000000000);
static long misuses, syncs, frees, failing_waits;
static _Thread_local context *current;

static int misuse(int error) {
    misuses++;
    return error;
}

static block *find(uint64_t address, size_t size) {
    for (block *b = blocks; b; b = b->next)
        if (address >= b->address && address - b->address <= b->size && size <= b->size - (address - b->address))
            return b;
    return NULL;
}

/* The bytes behind an address; NULL, and a misuse, if they are nobody's or freed. */
static unsigned char *reach(uint64_t address, size_t size) {
    block *b = find(address, size);
    if (!b || b->is_freed) {
        misuses++;
        return NULL;
    }
    return b->bytes + (address - b->address);
}

static int release(uint64_t address) {
    for (block *b = blocks; b; b = b->next)
        if (b->address == address && !b->is_freed) {
            memset(b->bytes, 0xdd, b->size);
            b->is_freed = 1;
            frees++;
            return SUCCESS;
        }
    return misuse(INVALID_VALUE);
}

/* Runs the work of a stream, all of it or until an event is reached. */
static void run(stream *s, const event *until, unsigned long count) {
    while (s->first && !(until && until->reached >= count)) {
        work *w = s->first;
        unsigned char *to, *from;
        s->first = w->next;
        if (!s->first)
            s->last = NULL;
        switch (w->kind) {
        case COPY_IN:
            if ((to = reach(w->to, w->size)))
                memcpy(to, w->bytes, w->size);
            break;
        case COPY:
            to = reach(w->to, w->size);
            from = reach(w->from, w->size);
            if (to && from)
                memmove(to, from, w->size);
            break;
        case SET:
            if ((to = reach(w->to, w->size)))
                memset(to, w->value, w->size);
            break;
        case FREE:
            release(w->to);
            break;
        case RECORD:
            w->event->reached = w->count;
            break;
        case WAIT:
            run(w->stream, w->event, w->count);
            break;
        }
        free(w->bytes);
        free(w);
    }
}

static void run_all(int device) {
    run(&defaults[device], NULL, 0);
    run(&of_thread[device], NULL, 0);
    for (stream *s = streams; s; s = s->next)
        if (s->device == device)
            run(s, NULL, 0);
}

/* The stream of a handle; the default ones are those of the current context. */
static stream *resolve(void *handle) {
    uintptr_t number = (uintptr_t)handle;
    if (number <= 2)
        return current ? (number == 2 ? of_thread : defaults) + current->device : NULL;
    for (stream *s = streams; s; s = s->next)
        if (s == handle && !s->is_destroyed)
            return s;
    return NULL;
}

static work *enqueue(stream *s, kind k) {
    work *w = calloc(1, sizeof *w);
    if (!w)
        abort();
    w->kind = k;
    if (s->last)
        s->last->next = w;
    else
        s->first = w;
    s->last = w;
    return w;
}

static event *known(void *handle) {
    for (event *e = events; e; e = e->next)
        if (e == handle && !e->is_destroyed)
            return e;
    return NULL;
}

static int allocate(uint64_t *address, size_t size) {
    block *b = calloc(1, sizeof *b);
    if (!current || !b) {
        free(b);
        return misuse(INVALID_CONTEXT);
    }
    b->bytes = calloc(1, size ? size : 1);
    if (!b->bytes)
        abort();
    b->size = size;
    b->device = current->device;
    b->address = next_address;
    next_address += (size + 511) / 256 * 256;
    b->next = blocks;
    blocks = b;
    *address = b->address;
    return SUCCESS;
}

/* --- the driver's functions --- */

#define GUARDED(expression)                                                                                          \
    do {                                                                                                             \
        pthread_mutex_lock(&lock);                                                                                   \
        int guarded_result = (expression);                                                                           \
        pthread_mutex_unlock(&lock);                                                                                 \
        return guarded_result;                                                                                       \
    } while (0)

int cuInit(unsigned flags) {
    (void)flags;
    return SUCCESS;
}

int cuGetErrorString(int error, const char **text) {
    (void)error;
    *text = "an error of the mock driver";
    return SUCCESS;
}

int cuDeviceGetCount(int *count) {
    *count = DEVICES;
    return SUCCESS;
}

int cuDeviceGet(int *device, int ordinal) {
    *device = ordinal;
    return ordinal >= 0 && ordinal < DEVICES ? SUCCESS : misuse(INVALID_VALUE);
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
    /* The second device has no pools, so that both ways to allocate are used. */
    *value = attribute == MEMORY_POOLS_SUPPORTED && device == 0;
    return SUCCESS;
}

int cuDevicePrimaryCtxRetain(context **out, int device) {
    pthread_mutex_lock(&lock);
    contexts[device].retained++;
    *out = &contexts[device];
    pthread_mutex_unlock(&lock);
    return SUCCESS;
}

int cuDevicePrimaryCtxRelease_v2(int device) {
    GUARDED(contexts[device].retained-- > 0 ? SUCCESS : misuse(INVALID_CONTEXT));
}

int cuCtxGetCurrent(context **out) {
    *out = current;
    return SUCCESS;
}

int cuCtxSetCurrent(context *c) {
    current = c;
    return SUCCESS;
}

static int synchronize_context(void) {
    if (!current)
        return misuse(INVALID_CONTEXT);
    run_all(current->device);
    syncs++;
    return SUCCESS;
}

int cuCtxSynchronize(void) {
    GUARDED(synchronize_context());
}

static int create_stream(stream **out) {
    stream *s = calloc(1, sizeof *s);
    if (!s || !current)
        return misuse(INVALID_CONTEXT);
    s->device = current->device;
    s->next = streams;
    streams = s;
    *out = s;
    return SUCCESS;
}

int cuStreamCreate(stream **out, unsigned flags) {
    (void)flags;
    GUARDED(create_stream(out));
}

static int destroy_stream(void *handle) {
    stream *s = resolve(handle);
    if (!s || (uintptr_t)handle <= 2)
        return misuse(INVALID_HANDLE);
    run(s, NULL, 0);
    s->is_destroyed = 1;
    return SUCCESS;
}

int cuStreamDestroy_v2(void *handle) {
    GUARDED(destroy_stream(handle));
}

static int synchronize_stream(void *handle) {
    stream *s = resolve(handle);
    if (!s)
        return misuse(INVALID_HANDLE);
    run(s, NULL, 0);
    syncs++;
    return SUCCESS;
}

int cuStreamSynchronize(void *handle) {
    GUARDED(synchronize_stream(handle));
}

static int create_event(event **out) {
    event *e = calloc(1, sizeof *e);
    if (!e || !current)
        return misuse(INVALID_CONTEXT);
    e->device = current->device;
    e->next = events;
    events = e;
    *out = e;
    return SUCCESS;
}

int cuEventCreate(event **out, unsigned flags) {
    (void)flags;
    GUARDED(create_event(out));
}

static int record(void *handle, void *on) {
    event *e = known(handle);
    stream *s = resolve(on);
    if (!e || !s || e->device != s->device)
        return misuse(INVALID_HANDLE);
    work *w = enqueue(s, RECORD);
    w->event = e;
    w->count = ++e->recorded;
    e->stream = s;
    return SUCCESS;
}

int cuEventRecord(void *handle, void *on) {
    GUARDED(record(handle, on));
}

static int wait_event(void *on, void *handle) {
    event *e = known(handle);
    stream *s = resolve(on);
    if (!e || !s)
        return misuse(INVALID_HANDLE);
    if (failing_waits > 0) {
        failing_waits--;
        return OUT_OF_MEMORY;
    }
    if (e->recorded) {
        work *w = enqueue(s, WAIT);
        w->event = e;
        w->stream = e->stream;
        w->count = e->recorded;
    }
    return SUCCESS;
}

int cuStreamWaitEvent(void *on, void *handle, unsigned flags) {
    (void)flags;
    GUARDED(wait_event(on, handle));
}

static int destroy_event(void *handle) {
    event *e = known(handle);
    if (!e)
        return misuse(INVALID_HANDLE);
    e->is_destroyed = 1; /* The work that names it goes on. */
    return SUCCESS;
}

int cuEventDestroy_v2(void *handle) {
    GUARDED(destroy_event(handle));
}

int cuMemAlloc_v2(uint64_t *address, size_t size) {
    GUARDED(allocate(address, size));
}

int cuMemAllocAsync(uint64_t *address, size_t size, void *on) {
    (void)on;
    GUARDED(allocate(address, size));
}

static int free_now(uint64_t address) {
    block *b = find(address, 0);
    if (!b || !current || current->device != b->device)
        return misuse(INVALID_CONTEXT);
    run_all(b->device);
    return release(address);
}

int cuMemFree_v2(uint64_t address) {
    GUARDED(free_now(address));
}

static int free_later(uint64_t address, void *on) {
    stream *s = resolve(on);
    block *b = find(address, 0);
    if (!s || !b || s->device != b->device)
        return misuse(INVALID_CONTEXT);
    enqueue(s, FREE)->to = address;
    return SUCCESS;
}

int cuMemFreeAsync(uint64_t address, void *on) {
    GUARDED(free_later(address, on));
}

static int copy_in(uint64_t to, const void *from, size_t size, void *on) {
    stream *s = resolve(on);
    if (!s)
        return misuse(INVALID_HANDLE);
    work *w = enqueue(s, COPY_IN);
    w->to = to;
    w->size = size;
    w->bytes = malloc(size ? size : 1);
    if (!w->bytes)
        abort();
    memcpy(w->bytes, from, size);
    return SUCCESS;
}

int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t size, void *on) {
    GUARDED(copy_in(to, from, size, on));
}

/* To memory that is not pinned: the driver waits. */
static int copy_out(void *to, uint64_t from, size_t size, void *on) {
    stream *s = resolve(on);
    if (!s)
        return misuse(INVALID_HANDLE);
    run(s, NULL, 0);
    unsigned char *bytes = reach(from, size);
    if (!bytes)
        return INVALID_VALUE;
    memcpy(to, bytes, size);
    return SUCCESS;
}

int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t size, void *on) {
    GUARDED(copy_out(to, from, size, on));
}

static int copy(uint64_t to, uint64_t from, size_t size, void *on) {
    stream *s = resolve(on);
    if (!s)
        return misuse(INVALID_HANDLE);
    work *w = enqueue(s, COPY);
    w->to = to;
    w->from = from;
    w->size = size;
    return SUCCESS;
}

int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t size, void *on) {
    GUARDED(copy(to, from, size, on));
}

static int set(uint64_t to, int value, size_t size, void *on) {
    stream *s = resolve(on);
    if (!s)
        return misuse(INVALID_HANDLE);
    work *w = enqueue(s, SET);
    w->to = to;
    w->value = value;
    w->size = size;
    return SUCCESS;
}

int cuMemsetD8Async(uint64_t to, unsigned char value, size_t size, void *on) {
    GUARDED(set(to, value, size, on));
}

/* --- what the tests ask --- */

/* Lets time pass until no work is left. */
void mock_finish(void) {
    pthread_mutex_lock(&lock);
    for (int device = 0; device < DEVICES; device++)
        run_all(device);
    pthread_mutex_unlock(&lock);
}

/* How many blocks are not freed, on both devices. */
long mock_blocks(void) {
    long count = 0;
    pthread_mutex_lock(&lock);
    for (block *b = blocks; b; b = b->next)
        count += !b->is_freed;
    pthread_mutex_unlock(&lock);
    return count;
}

/* How many events and streams are not destroyed, and how often contexts are retained. */
long mock_objects(void) {
    long count = contexts[0].retained + contexts[1].retained;
    pthread_mutex_lock(&lock);
    for (event *e = events; e; e = e->next)
        count += !e->is_destroyed;
    for (stream *s = streams; s; s = s->next)
        count += !s->is_destroyed;
    pthread_mutex_unlock(&lock);
    return count;
}

long mock_frees(void) {
    return frees;
}

long mock_misuses(void) {
    return misuses;
}

/* How often the host waited. */
long mock_syncs(void) {
    return syncs;
}

/* Lets the next calls that make a stream wait fail. */
void mock_fail_waits(long count) {
    failing_waits = count;
}
