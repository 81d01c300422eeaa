/* Calls repeated: against the clock, and where valgrind counts instructions. */
#include "floors.h"

#include <time.h>

#if defined(__has_include)
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#define HAS_CALLGRIND 1
#endif
#endif

/* A call: of a function, or of the method with that name of the first argument. */
typedef struct call {
  PyObject* callee;
  PyObject* const* arguments; /* the values of keywords last */
  size_t positional;
  PyObject* keys; /* null if there are none */
} call;

enum { MOST = 8 };

static int read_call(call* call, PyObject** places, PyObject* callee, PyObject* given, PyObject* keys) {
  Py_ssize_t all = PyTuple_GET_SIZE(given), named = PyTuple_GET_SIZE(keys);
  if (all > MOST || named > all) {
    PyErr_SetString(PyExc_ValueError, "expected fewer arguments");
    return -1;
  }
  for (Py_ssize_t i = 0; i < all; i++) places[i + 1] = PyTuple_GET_ITEM(given, i);
  call->callee = callee;
  call->arguments = places + 1;
  call->positional = (size_t)(all - named) | PY_VECTORCALL_ARGUMENTS_OFFSET;
  call->keys = named == 0 ? NULL : keys;
  return 0;
}

static int calls(const call* call, unsigned long long times) {
  if (PyUnicode_Check(call->callee)) {
    for (; times > 0; times--) {
      PyObject* result =
          PyObject_VectorcallMethod(call->callee, call->arguments, call->positional, call->keys);
      if (result == NULL) return -1;
      Py_DECREF(result);
    }
  } else {
    for (; times > 0; times--) {
      PyObject* result = PyObject_Vectorcall(call->callee, call->arguments, call->positional, call->keys);
      if (result == NULL) return -1;
      Py_DECREF(result);
    }
  }
  return 0;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* repeat(callee, arguments, keys, times): how many nanoseconds all calls took. */
PyObject* repeat(PyObject* self, PyObject* arguments) {
  (void)self;
  PyObject *callee, *given, *keys, *places[MOST + 1];
  unsigned long long times;
  call call;
  if (!PyArg_ParseTuple(arguments, "OO!O!K", &callee, &PyTuple_Type, &given, &PyTuple_Type, &keys, &times))
    return NULL;
  if (read_call(&call, places, callee, given, keys) != 0) return NULL;
  double start = now();
  if (calls(&call, times) != 0) return NULL;
  return PyFloat_FromDouble(now() - start);
}

/* count(callee, arguments, keys, times, label): under callgrind, whose counts of these calls are dumped with that label. */
PyObject* count(PyObject* self, PyObject* arguments) {
  (void)self;
  PyObject *callee, *given, *keys, *places[MOST + 1];
  unsigned long long times;
  const char* label;
  call call;
  if (!PyArg_ParseTuple(arguments, "OO!O!Ks", &callee, &PyTuple_Type, &given, &PyTuple_Type, &keys, &times, &label))
    return NULL;
  if (read_call(&call, places, callee, given, keys) != 0) return NULL;
#ifdef HAS_CALLGRIND
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
  int failed = calls(&call, times);
  CALLGRIND_DUMP_STATS_AT(label);
  CALLGRIND_STOP_INSTRUMENTATION;
  if (failed) return NULL;
#endif
  Py_RETURN_NONE;
}

int can_count(void) {
#ifdef HAS_CALLGRIND
  return 1;
#else
  return 0;
#endif
}
