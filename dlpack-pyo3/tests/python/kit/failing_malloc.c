/* `malloc` for a whole program, preloaded, of which a call can fail. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

/* How many calls succeed before one fails, or -1 if none is to fail. */
static long left = -1;

void fail_malloc_after(long calls) {
    left = calls;
}

void *malloc(size_t size) {
    static void *(*next)(size_t);
    if (next == NULL) {
        next = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    }
    if (left >= 0 && left-- == 0) {
        errno = ENOMEM;
        return NULL;
    }
    return next(size);
}
