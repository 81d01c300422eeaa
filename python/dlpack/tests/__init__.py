"""The tests of the package: `pytest --pyargs dlpack`. What is not installed is skipped."""
