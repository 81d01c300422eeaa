/* The module `floors`. */
#include "floors.h"

names name;

int start_names(void) {
  name.dlpack = PyUnicode_InternFromString("__dlpack__");
  name.array_struct = PyUnicode_InternFromString("__array_struct__");
  name.exchange_api = PyUnicode_InternFromString("__dlpack_c_exchange_api__");
  name.stream = PyUnicode_InternFromString("stream");
  name.max_version = PyUnicode_InternFromString("max_version");
  name.dl_device = PyUnicode_InternFromString("dl_device");
  name.copy = PyUnicode_InternFromString("copy");
  if (PyErr_Occurred()) return -1;
  name.only_version = PyTuple_Pack(1, name.max_version);
  name.newest = Py_BuildValue("(ii)", DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION);
  return PyErr_Occurred() ? -1 : 0;
}

/* What a call costs that does nothing. */
static PyObject* nothing(PyObject* self, PyObject* object) {
  (void)self, (void)object;
  Py_RETURN_NONE;
}

static PyMethodDef FUNCTIONS[] = {
    {"nothing", nothing, METH_O, NULL},
    {"take_protocol", take_protocol, METH_O, NULL},
    {"take_legacy", take_legacy, METH_O, NULL},
    {"take_buffer", take_buffer, METH_O, NULL},
    {"take_ndarray", take_ndarray, METH_O, NULL},
    {"take_array_struct", take_array_struct, METH_O, NULL},
    {"take_view", take_view, METH_O, NULL},
    {"take_view_asking", take_view_asking, METH_O, NULL},
    {"take_owned", take_owned, METH_O, NULL},
    {"take_owned_asking", take_owned_asking, METH_O, NULL},
    {"to_torch", to_torch, METH_O, NULL},
    {"repeat", repeat, METH_VARARGS, NULL},
    {"count", count, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "floors",
    .m_size = -1,
    .m_methods = FUNCTIONS,
};

PyMODINIT_FUNC PyInit_floors(void) {
  PyObject* module = PyModule_Create(&MODULE);
  if (module == NULL) return NULL;
  if (start_names() != 0 || start_own(module) != 0 || start_ready(module) != 0) return NULL;
  if (PyModule_AddIntConstant(module, "can_count", can_count()) != 0) return NULL;
  return module;
}
