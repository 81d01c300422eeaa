/* An array type: float32, its memory in a counted block that Python knows nothing of, so that no deleter needs it. */
#include "floors.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { NDIM = 2, ROWS = 3, COLUMNS = 4 };

typedef struct block {
  atomic_size_t holders;
  int64_t shape[NDIM];
  int64_t strides[NDIM];
  _Alignas(64) float elements[ROWS * COLUMNS];
} block;

typedef struct own {
  PyObject_HEAD
  block* block;
} own;

PyTypeObject* Own = NULL;

static void let_go(block* block) {
  if (atomic_fetch_sub_explicit(&block->holders, 1, memory_order_acq_rel) == 1) free(block);
}

static void describe(const block* block, const int64_t* shape, const int64_t* strides, DLTensor* tensor) {
  tensor->data = (void*)block->elements;
  tensor->device = (DLDevice){kDLCPU, 0};
  tensor->ndim = NDIM;
  tensor->dtype = (DLDataType){kDLFloat, 32, 1};
  tensor->shape = (int64_t*)shape;
  tensor->strides = (int64_t*)strides;
  tensor->byte_offset = 0;
}

/* Tensors --------------------------------------------------------------------------------------------------------- */

/* A tensor and its own shape and strides, for there are consumers that write to them. */
typedef struct versioned {
  DLManagedTensorVersioned managed; /* first, so that its address is that of all */
  int64_t shape[NDIM];
  int64_t strides[NDIM];
} versioned;

typedef struct legacy {
  DLManagedTensor managed;
  int64_t shape[NDIM];
  int64_t strides[NDIM];
} legacy;

static void delete_versioned(DLManagedTensorVersioned* managed) {
  let_go(managed->manager_ctx);
  free(managed);
}

static void delete_legacy(DLManagedTensor* managed) {
  let_go(managed->manager_ctx);
  free(managed);
}

static block* hold(PyObject* self) {
  block* block = ((own*)self)->block;
  atomic_fetch_add_explicit(&block->holders, 1, memory_order_relaxed);
  return block;
}

DLManagedTensorVersioned* own_export(PyObject* self) {
  if (!Py_IS_TYPE(self, Own)) {
    PyErr_SetString(PyExc_TypeError, "expected an Own");
    return NULL;
  }
  versioned* made = malloc(sizeof *made);
  if (made == NULL) return (DLManagedTensorVersioned*)PyErr_NoMemory();
  block* block = hold(self);
  memcpy(made->shape, block->shape, sizeof made->shape);
  memcpy(made->strides, block->strides, sizeof made->strides);
  made->managed.version = (DLPackVersion){DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION};
  made->managed.manager_ctx = block;
  made->managed.deleter = delete_versioned;
  made->managed.flags = 0;
  describe(block, made->shape, made->strides, &made->managed.dl_tensor);
  return &made->managed;
}

static DLManagedTensor* own_export_legacy(PyObject* self) {
  legacy* made = malloc(sizeof *made);
  if (made == NULL) return (DLManagedTensor*)PyErr_NoMemory();
  block* block = hold(self);
  memcpy(made->shape, block->shape, sizeof made->shape);
  memcpy(made->strides, block->strides, sizeof made->strides);
  made->managed.manager_ctx = block;
  made->managed.deleter = delete_legacy;
  describe(block, made->shape, made->strides, &made->managed.dl_tensor);
  return &made->managed;
}

/* Capsules -------------------------------------------------------------------------------------------------------- */

static const char VERSIONED[] = "dltensor_versioned";
static const char LEGACY[] = "dltensor";

static void end_versioned(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, VERSIONED)) return;
  DLManagedTensorVersioned* managed = PyCapsule_GetPointer(capsule, VERSIONED);
  managed->deleter(managed);
}

static void end_legacy(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, LEGACY)) return;
  DLManagedTensor* managed = PyCapsule_GetPointer(capsule, LEGACY);
  managed->deleter(managed);
}

static PyObject* capsule(PyObject* self, int versioned) {
  PyObject* capsule;
  if (versioned) {
    DLManagedTensorVersioned* managed = own_export(self);
    if (managed == NULL) return NULL;
    capsule = PyCapsule_New(managed, VERSIONED, end_versioned);
    if (capsule == NULL) managed->deleter(managed);
  } else {
    DLManagedTensor* managed = own_export_legacy(self);
    if (managed == NULL) return NULL;
    capsule = PyCapsule_New(managed, LEGACY, end_legacy);
    if (capsule == NULL) managed->deleter(managed);
  }
  return capsule;
}

/* Methods --------------------------------------------------------------------------------------------------------- */

/* The keywords of a request, borrowed; what was not given is None. */
typedef struct request {
  PyObject* stream;
  PyObject* max_version;
  PyObject* dl_device;
  PyObject* copy;
} request;

static PyObject** place(request* request, PyObject* key) {
  PyObject* keys[4] = {name.max_version, name.dl_device, name.copy, name.stream};
  PyObject** places[4] = {&request->max_version, &request->dl_device, &request->copy, &request->stream};
  for (int i = 0; i < 4; i++)
    if (key == keys[i]) return places[i];
  for (int i = 0; i < 4; i++)
    if (PyUnicode_Compare(key, keys[i]) == 0) return places[i];
  PyErr_Format(PyExc_TypeError, "__dlpack__() got an unexpected keyword argument '%U'", key);
  return NULL;
}

static int read_request(request* request, PyObject* const* given, Py_ssize_t positional, PyObject* keys) {
  if (positional != 0) {
    PyErr_SetString(PyExc_TypeError, "__dlpack__() takes no positional arguments");
    return -1;
  }
  Py_ssize_t count = keys == NULL ? 0 : PyTuple_GET_SIZE(keys);
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject** where = place(request, PyTuple_GET_ITEM(keys, i));
    if (where == NULL) return -1;
    *where = given[i];
  }
  return 0;
}

/* Whether the newest version that the consumer knows has a version in its struct; -1 with an exception. */
static int is_versioned(PyObject* version) {
  if (version == Py_None) return 0;
  if (!PyTuple_Check(version) || PyTuple_GET_SIZE(version) != 2) {
    PyErr_SetString(PyExc_TypeError, "expected a version of two numbers");
    return -1;
  }
  long major = PyLong_AsLong(PyTuple_GET_ITEM(version, 0));
  if (major == -1 && PyErr_Occurred()) return -1;
  return major >= 1;
}

/* The one device is the host, which has no streams, and nothing is ever copied. */
static int can_serve(const request* request) {
  const char* refused = NULL;
  if (request->stream != Py_None) refused = "expected no stream";
  if (request->copy == Py_True) refused = "copies are not made";
  if (request->dl_device != Py_None) {
    int type, id;
    if (!PyArg_ParseTuple(request->dl_device, "ii", &type, &id)) return -1;
    if (type != kDLCPU || id != 0) refused = "expected the host";
  }
  if (refused == NULL) return 0;
  PyErr_SetString(PyExc_BufferError, refused);
  return -1;
}

static PyObject* own_dlpack(PyObject* self, PyObject* const* given, Py_ssize_t positional, PyObject* keys) {
  request request = {Py_None, Py_None, Py_None, Py_None};
  if (read_request(&request, given, positional, keys) != 0) return NULL;
  int versioned = is_versioned(request.max_version);
  if (versioned < 0 || can_serve(&request) != 0) return NULL;
  return capsule(self, versioned);
}

static PyObject* own_device(PyObject* self, PyObject* none) {
  (void)self, (void)none;
  return Py_BuildValue("(ii)", kDLCPU, 0);
}

/* Where the first element is, so that those who take the object can be checked. */
static PyObject* own_address(PyObject* self, PyObject* none) {
  (void)none;
  return PyLong_FromVoidPtr(((own*)self)->block->elements);
}

static PyMethodDef METHODS[] = {
    {"__dlpack__", (PyCFunction)(void (*)(void))own_dlpack, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"__dlpack_device__", own_device, METH_NOARGS, NULL},
    {"address", own_address, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* The type -------------------------------------------------------------------------------------------------------- */

static PyObject* own_new(PyTypeObject* type, PyObject* arguments, PyObject* keywords) {
  (void)arguments, (void)keywords;
  own* self = (own*)type->tp_alloc(type, 0);
  if (self == NULL) return NULL;
  block* block = aligned_alloc(64, sizeof *block);
  if (block == NULL) {
    Py_DECREF(self);
    return PyErr_NoMemory();
  }
  memset(block, 0, sizeof *block);
  atomic_init(&block->holders, 1);
  block->shape[0] = ROWS, block->shape[1] = COLUMNS;
  block->strides[0] = COLUMNS, block->strides[1] = 1;
  for (int i = 0; i < ROWS * COLUMNS; i++) block->elements[i] = (float)i;
  self->block = block;
  return (PyObject*)self;
}

static void own_end(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  block* block = ((own*)self)->block;
  if (block != NULL) let_go(block);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyType_Slot SLOTS[] = {
    {Py_tp_new, own_new},
    {Py_tp_dealloc, own_end},
    {Py_tp_methods, METHODS},
    {0, NULL},
};

static PyType_Spec SPEC = {
    .name = "floors.Own",
    .basicsize = sizeof(own),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = SLOTS,
};

/* The table ------------------------------------------------------------------------------------------------------- */

static int is_own(PyObject* object) {
  if (Py_IS_TYPE(object, Own)) return 1;
  PyErr_SetString(PyExc_TypeError, "expected an Own");
  return 0;
}

static int view_of_own(void* object, DLTensor* out) {
  if (!is_own(object)) return -1;
  const block* block = ((own*)object)->block;
  describe(block, block->shape, block->strides, out);
  return 0;
}

static int tensor_of_own(void* object, DLManagedTensorVersioned** out) {
  *out = own_export(object);
  return *out == NULL ? -1 : 0;
}

static int own_of_tensor(DLManagedTensorVersioned* tensor, void** out) {
  (void)tensor;
  *out = NULL;
  PyErr_SetString(PyExc_BufferError, "an Own is not made of other memory");
  return -1;
}

static int allocate(DLTensor* prototype, DLManagedTensorVersioned** out, void* context,
                    void (*report)(void*, const char*, const char*)) {
  (void)prototype;
  *out = NULL;
  report(context, "BufferError", "an Own has one size");
  return -1;
}

static int work_stream(DLDeviceType type, int32_t id, void** out) {
  (void)type, (void)id;
  *out = NULL;
  return 0;
}

static DLPackExchangeAPI TABLE = {
    .header = {{DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION}, NULL},
    .managed_tensor_allocator = allocate,
    .managed_tensor_from_py_object_no_sync = tensor_of_own,
    .managed_tensor_to_py_object_no_sync = own_of_tensor,
    .dltensor_from_py_object_no_sync = view_of_own,
    .current_work_stream = work_stream,
};

int start_own(PyObject* module) {
  Own = (PyTypeObject*)PyType_FromSpec(&SPEC);
  if (Own == NULL) return -1;
  PyObject* capsule = PyCapsule_New(&TABLE, "dlpack_exchange_api", NULL);
  if (capsule == NULL) return -1;
  int failed = PyObject_SetAttr((PyObject*)Own, name.exchange_api, capsule);
  Py_DECREF(capsule);
  return failed ? -1 : PyModule_AddObjectRef(module, "Own", (PyObject*)Own);
}
