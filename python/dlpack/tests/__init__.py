"""The tests of the package: `pytest --pyargs dlpack`. What is not installed is skipped."""

import sysconfig

# Without the global lock, an object that another thread has made ends on that thread, some time after its last reference.
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
