"""One adapter for each library of the matrix."""
