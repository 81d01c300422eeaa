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

/* PyTorch's `__dlpack__` refuses tensors that require a gradient, which its table does not look at; neither looks at the negative
 * bit. Those with the conjugate bit, which are complex, are no concern of a floor that takes real ones. */
typedef struct questions {
  const PyGetSetDef* requires_grad;
  PyCFunction is_neg;
} questions;

static const questions* questions_of(PyTypeObject* type) {
  static questions known;
  if (known.is_neg != NULL) return &known;
  PyObject* property = PyObject_GetAttrString((PyObject*)type, "requires_grad");
  PyObject* method = PyObject_GetAttrString((PyObject*)type, "is_neg");
  if (property != NULL && method != NULL && Py_IS_TYPE(property, &PyGetSetDescr_Type) &&
      Py_IS_TYPE(method, &PyMethodDescr_Type)) {
    known.requires_grad = ((PyGetSetDescrObject*)property)->d_getset;
    known.is_neg = ((PyMethodDescrObject*)method)->d_method->ml_meth;
  } else if (!PyErr_Occurred()) {
    PyErr_SetString(PyExc_TypeError, "expected a tensor of PyTorch");
  }
  Py_XDECREF(property); /* the type keeps both */
  Py_XDECREF(method);
  return known.is_neg == NULL ? NULL : &known;
}

static int is_false(PyObject* says) {
  if (says == NULL) return 0;
  Py_DECREF(says);
  if (says == Py_False) return 1;
  PyErr_SetString(PyExc_BufferError, "expected a tensor that requires no gradient and has no negative bit");
  return 0;
}

static int is_plain(PyObject* tensor) {
  const questions* ask = questions_of(Py_TYPE(tensor));
  return ask != NULL && is_false(ask->requires_grad->get(tensor, ask->requires_grad->closure)) &&
         is_false(ask->is_neg(tensor, NULL));
}

PyObject* take_view_asking(PyObject* self, PyObject* tensor) {
  return is_plain(tensor) ? take_view(self, tensor) : NULL;
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

PyObject* take_owned_asking(PyObject* self, PyObject* tensor) {
  return is_plain(tensor) ? take_owned(self, tensor) : NULL;
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
