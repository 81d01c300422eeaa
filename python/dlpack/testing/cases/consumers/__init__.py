"""What a library's import does with tensors that are made by hand, well-formed ones and hostile ones."""
