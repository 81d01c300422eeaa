/* The least that a C extension can do for each task: the protocol by hand, and no more.
 *
 * Whatever takes an array returns the address of its first element plus the number of its elements, so that what all
 * contenders have found can be compared.
 */
#ifndef FLOORS_H_
#define FLOORS_H_

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <dlpack/dlpack.h>

/* Names that are looked up by their identity; made once, by start_names. */
typedef struct names {
  PyObject* dlpack;          /* "__dlpack__" */
  PyObject* array_struct;    /* "__array_struct__" */
  PyObject* exchange_api;    /* "__dlpack_c_exchange_api__" */
  PyObject* stream;
  PyObject* max_version;
  PyObject* dl_device;
  PyObject* copy;
  PyObject* only_version;    /* ("max_version",) */
  PyObject* newest;          /* (1, 3) */
} names;

extern names name;
int start_names(void);

/* take.c: an array into native code ------------------------------------------------------------------------------- */

/* Checks the tensor and returns what all contenders return; a null result has its exception. */
PyObject* answer(const DLTensor* tensor);

PyObject* take_protocol(PyObject* self, PyObject* array);
PyObject* take_legacy(PyObject* self, PyObject* array);
PyObject* take_buffer(PyObject* self, PyObject* array);
PyObject* take_ndarray(PyObject* self, PyObject* array);
PyObject* take_array_struct(PyObject* self, PyObject* array);

/* exchange.c: the same through the table of the array's type -------------------------------------------------------- */

PyObject* take_view(PyObject* self, PyObject* array);
PyObject* take_view_asking(PyObject* self, PyObject* tensor);
PyObject* take_owned(PyObject* self, PyObject* array);
PyObject* take_owned_asking(PyObject* self, PyObject* tensor);
PyObject* to_torch(PyObject* self, PyObject* own);

/* own.c: an array type with `__dlpack__` and a table ---------------------------------------------------------------- */

extern PyTypeObject* Own;
int start_own(PyObject* module);

/* A new tensor that shares the object's memory. */
DLManagedTensorVersioned* own_export(PyObject* own);

/* ready.c: an object with a tensor that is ready ------------------------------------------------------------------- */

int start_ready(PyObject* module);

/* loop.c: the clock and the counter ------------------------------------------------------------------------------- */

PyObject* repeat(PyObject* self, PyObject* arguments);
PyObject* count(PyObject* self, PyObject* arguments);
int can_count(void);

#endif /* FLOORS_H_ */
