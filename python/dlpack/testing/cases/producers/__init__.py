"""What `__dlpack__` and `__dlpack_device__` promise."""
