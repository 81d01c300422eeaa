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

/* PyTorch's `__dlpack__` refuses tensors that require a gradient, which its table does not look at. Those with the
 * conjugate bit, which are complex, are no concern of a floor that takes real ones. */
static const PyGetSetDef* requires_grad(PyTypeObject* type) {
  static const PyGetSetDef* known = NULL;
  if (known != NULL) return known;
  PyObject* descriptor = PyObject_GetAttrString((PyObject*)type, "requires_grad");
  if (descriptor == NULL) return NULL;
  if (Py_IS_TYPE(descriptor, &PyGetSetDescr_Type)) known = ((PyGetSetDescrObject*)descriptor)->d_getset;
  else PyErr_SetString(PyExc_TypeError, "expected a tensor of PyTorch");
  Py_DECREF(descriptor); /* the type keeps it */
  return known;
}

PyObject* take_view_asking(PyObject* self, PyObject* tensor) {
  const PyGetSetDef* question = requires_grad(Py_TYPE(tensor));
  PyObject* says = question == NULL ? NULL : question->get(tensor, question->closure);
  if (says == NULL) return NULL;
  Py_DECREF(says);
  if (says == Py_False) return take_view(self, tensor);
  PyErr_SetString(PyExc_BufferError, "expected a tensor that requires no gradient");
  return NULL;
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
