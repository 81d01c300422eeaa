/* Arrays through the table of functions that their type offers. */
#include "floors.h"

/* Returns the table of a type; the last answer is kept, as is the type. */
static const DLPackExchangeAPI* table_of(PyTypeObject* type) {
  static PyTypeObject* known = NULL;
  static const DLPackExchangeAPI* table = NULL;
  if (type == known) return table;
  PyObject* capsule = PyObject_GetAttr((PyObject*)type, name.exchange_api);
  if (capsule == NULL) return NULL;
  const DLPackExchangeAPI* asked = PyCapsule_GetPointer(capsule, "dlpack_exchange_api");
  Py_DECREF(capsule); /* the table outlives its capsule */
  if (asked == NULL) return NULL;
  if (asked->header.version.major != DLPACK_MAJOR_VERSION) {
    PyErr_SetString(PyExc_BufferError, "expected another version");
    return NULL;
  }
  Py_INCREF(type);
  Py_XDECREF(known);
  known = type;
  return table = asked;
}

PyObject* take_view(PyObject* self, PyObject* array) {
  (void)self;
  const DLPackExchangeAPI* table = table_of(Py_TYPE(array));
  if (table == NULL) return NULL;
  DLTensor tensor;
  if (table->dltensor_from_py_object_no_sync(array, &tensor) != 0) return NULL;
  return answer(&tensor);
}

PyObject* take_owned(PyObject* self, PyObject* array) {
  (void)self;
  const DLPackExchangeAPI* table = table_of(Py_TYPE(array));
  if (table == NULL) return NULL;
  DLManagedTensorVersioned* managed = NULL;
  if (table->managed_tensor_from_py_object_no_sync(array, &managed) != 0) return NULL;
  PyObject* result = answer(&managed->dl_tensor);
  if (managed->deleter != NULL) managed->deleter(managed);
  return result;
}

static PyTypeObject* torch_tensor(void) {
  static PyTypeObject* known = NULL;
  if (known != NULL) return known;
  PyObject* torch = PyImport_ImportModule("torch");
  if (torch == NULL) return NULL;
  known = (PyTypeObject*)PyObject_GetAttrString(torch, "Tensor");
  Py_DECREF(torch);
  return known;
}

PyObject* to_torch(PyObject* self, PyObject* own) {
  (void)self;
  PyTypeObject* type = torch_tensor();
  const DLPackExchangeAPI* table = type == NULL ? NULL : table_of(type);
  if (table == NULL) return NULL;
  DLManagedTensorVersioned* managed = own_export(own);
  if (managed == NULL) return NULL;
  void* tensor = NULL;
  return table->managed_tensor_to_py_object_no_sync(managed, &tensor) == 0 ? tensor : NULL;
}
