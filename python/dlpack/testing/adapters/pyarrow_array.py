"""pyarrow's arrays, which have one axis and never change."""

from .. import abi
from . import Adapter


class Library(Adapter):
    name = "pyarrow_array"
    modules = ("pyarrow", "numpy")
    distribution = "pyarrow"
    imports = "import warnings\nwarnings.simplefilter('ignore')\nimport numpy as np, pyarrow as pa"
    # The first array makes pyarrow look for pandas.
    warm = "pa.array(np.zeros(1))"
    array = "pa.array(np.array({values}, '{dtype}'))"
    dtypes = {dtype: dtype for dtype in [*abi.INTEGERS, *abi.FLOATS]}
    read = "x.to_numpy(zero_copy_only=False).tolist()"
    layouts = {"offset": "x[2:]"}
    readonly = "pa.array(np.array([0, 1, -2, 1.5, 4, -3], 'f4'))"
    unexportable = {
        "nulls": "pa.array([1, None])",
        "bits": "pa.array([True, False])",
        "text": "pa.array(['a'])",
        "dates": "pa.array([0], pa.date32())",
    }
    borrowed = "pa.array(np.ones(1 << 23, 'float32'))"
    big = "pa.array(np.ones(1 << 20, 'float32'))"
    address = "x.buffers()[1].address + x.offset * x.type.bit_width // 8"
    shape = (6,)
