/* An array into native code, by the protocol, and by the other routes that NumPy and the interpreter offer. */
#include "floors.h"

#include <string.h>

static PyObject* found(const void* first, uint64_t elements) {
  return PyLong_FromUnsignedLongLong((unsigned long long)(uintptr_t)first + elements);
}

static PyObject* refuse(const char* what) {
  PyErr_SetString(PyExc_BufferError, what);
  return NULL;
}

PyObject* answer(const DLTensor* tensor) {
  uint64_t elements = 1;
  if (tensor->device.device_type != kDLCPU) return refuse("expected memory of the host");
  if (tensor->ndim < 0) return refuse("expected a number of dimensions");
  if (tensor->dtype.lanes != 1 || tensor->dtype.bits < 8) return refuse("expected whole bytes");
  for (int32_t axis = 0; axis < tensor->ndim; axis++) {
    int64_t size = tensor->shape[axis];
    if (size < 0) return refuse("expected a size");
    if (__builtin_mul_overflow(elements, (uint64_t)size, &elements)) return refuse("too large");
  }
  return found((const char*)tensor->data + tensor->byte_offset, elements);
}

static PyObject* use_versioned(PyObject* capsule, const char* named) {
  DLManagedTensorVersioned* managed = PyCapsule_GetPointer(capsule, named);
  if (managed == NULL) return NULL;
  if (managed->version.major != DLPACK_MAJOR_VERSION) return refuse("expected another version");
  if (PyCapsule_SetName(capsule, "used_dltensor_versioned") != 0) return NULL;
  PyObject* result = answer(&managed->dl_tensor);
  if (managed->deleter != NULL) managed->deleter(managed);
  return result;
}

static PyObject* use_legacy(PyObject* capsule, const char* named) {
  DLManagedTensor* managed = PyCapsule_GetPointer(capsule, named);
  if (managed == NULL) return NULL;
  if (PyCapsule_SetName(capsule, "used_dltensor") != 0) return NULL;
  PyObject* result = answer(&managed->dl_tensor);
  if (managed->deleter != NULL) managed->deleter(managed);
  return result;
}

static PyObject* use(PyObject* capsule) {
  PyObject* result = NULL;
  const char* named = PyCapsule_GetName(capsule);
  if (named == NULL) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_BufferError, "expected a name");
  } else if (strcmp(named, "dltensor_versioned") == 0) {
    result = use_versioned(capsule, named);
  } else if (strcmp(named, "dltensor") == 0) {
    result = use_legacy(capsule, named);
  } else {
    refuse("expected a tensor");
  }
  Py_DECREF(capsule);
  return result;
}

PyObject* take_protocol(PyObject* self, PyObject* array) {
  (void)self;
  PyObject* arguments[2] = {array, name.newest};
  size_t positional = 1 | PY_VECTORCALL_ARGUMENTS_OFFSET;
  PyObject* capsule = PyObject_VectorcallMethod(name.dlpack, arguments, positional, name.only_version);
  return capsule == NULL ? NULL : use(capsule);
}

/* As consumers ask that know nothing of versions. */
PyObject* take_legacy(PyObject* self, PyObject* array) {
  (void)self;
  PyObject* capsule = PyObject_CallMethodNoArgs(array, name.dlpack);
  return capsule == NULL ? NULL : use(capsule);
}

PyObject* take_buffer(PyObject* self, PyObject* array) {
  (void)self;
  Py_buffer view;
  if (PyObject_GetBuffer(array, &view, PyBUF_RECORDS_RO) != 0) return NULL;
  PyObject* result = NULL;
  uint64_t elements = 1;
  for (int axis = 0; axis < view.ndim; axis++) elements *= (uint64_t)view.shape[axis];
  const char* format = view.format == NULL ? "B" : view.format;
  if (format[0] == '=') format++; /* of the machine's byte order, as JAX says it */
  if (strcmp(format, "f") != 0) refuse("expected float32");
  else result = found(view.buf, elements);
  PyBuffer_Release(&view);
  return result;
}

/* The beginning of NumPy's PyArrayObject and PyArray_Descr, the same since NumPy 1.7. */
typedef struct descr {
  PyObject_HEAD
  PyTypeObject* scalar;
  char kind;
  char type;
  char byteorder;
  char flags;
  int number;
} descr;

typedef struct ndarray {
  PyObject_HEAD
  char* data;
  int ndim;
  Py_ssize_t* shape;
  Py_ssize_t* strides;
  PyObject* base;
  descr* dtype;
  int flags;
} ndarray;

enum { NPY_FLOAT = 11 };

static PyTypeObject* ndarray_type(void) {
  static PyTypeObject* known = NULL;
  if (known != NULL) return known;
  PyObject* numpy = PyImport_ImportModule("numpy");
  if (numpy == NULL) return NULL;
  known = (PyTypeObject*)PyObject_GetAttrString(numpy, "ndarray");
  Py_DECREF(numpy);
  return known;
}

PyObject* take_ndarray(PyObject* self, PyObject* object) {
  (void)self;
  PyTypeObject* type = ndarray_type();
  if (type == NULL) return NULL;
  if (!Py_IS_TYPE(object, type)) return refuse("expected an array of NumPy");
  const ndarray* array = (const ndarray*)object;
  if (array->dtype->number != NPY_FLOAT || array->dtype->byteorder == '>') return refuse("expected float32");
  uint64_t elements = 1;
  for (int axis = 0; axis < array->ndim; axis++) elements *= (uint64_t)array->shape[axis];
  return found(array->data, elements);
}

/* PyArrayInterface, as the array interface of version 3 defines it. */
typedef struct array_interface {
  int two;
  int ndim;
  char kind;
  int itemsize;
  int flags;
  Py_ssize_t* shape;
  Py_ssize_t* strides;
  void* data;
  PyObject* descr;
} array_interface;

PyObject* take_array_struct(PyObject* self, PyObject* array) {
  (void)self;
  PyObject* capsule = PyObject_GetAttr(array, name.array_struct);
  if (capsule == NULL) return NULL;
  PyObject* result = NULL;
  const array_interface* described = PyCapsule_GetPointer(capsule, NULL);
  if (described != NULL) {
    uint64_t elements = 1;
    for (int axis = 0; axis < described->ndim; axis++) elements *= (uint64_t)described->shape[axis];
    if (described->kind != 'f' || described->itemsize != 4) refuse("expected float32");
    else result = found(described->data, elements);
  }
  Py_DECREF(capsule);
  return result;
}
