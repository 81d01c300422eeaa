"""Writes decode.csv and encode.csv next to this file, as the Python package ml_dtypes computes them but for one range.

Run with `pip install ml_dtypes==0.6.0 numpy` when a format is added; the result does not change otherwise.
Numbers are bit patterns in hexadecimal. decode.csv has every pattern of every format, encode.csv the `float32`s where
an encoder is likely to be wrong: halfway between two neighbours and one step to each side, around the largest and the
smallest value, specials, and a few at random.
"""

import pathlib

import ml_dtypes
import numpy as np

FORMATS = {
    "float8_e3m4": 8,
    "float8_e4m3": 8,
    "float8_e4m3b11fnuz": 8,
    "float8_e4m3fn": 8,
    "float8_e4m3fnuz": 8,
    "float8_e5m2": 8,
    "float8_e5m2fnuz": 8,
    "float8_e8m0fnu": 8,
    "float6_e2m3fn": 6,
    "float6_e3m2fn": 6,
    "float4_e2m1fn": 4,
}
HERE = pathlib.Path(__file__).parent


def decodings(name):
    """The value of each pattern, as the pattern of a `float32`."""
    patterns = np.arange(1 << FORMATS[name], dtype=np.uint8)
    return patterns.view(getattr(ml_dtypes, name)).astype(np.float32).view(np.uint32)


def encode(name, inputs):
    with np.errstate(all="ignore"):
        patterns = inputs.view(np.float32).astype(getattr(ml_dtypes, name)).view(np.uint8)
    if name == "float8_e8m0fnu":
        # ml_dtypes takes 2^-126 for everything above 2^-127, although up to 1.5 * 2^-127 the latter is nearer.
        patterns[(0x00400000 < inputs) & (inputs < 0x00600000)] = 0
    return patterns


def edges(name):
    """The magnitudes at which the nearest value of the format changes, and their neighbours."""
    values = decodings(name).view(np.float32).astype(np.float64)
    values = np.unique(np.abs(values[np.isfinite(values)]))
    beyond = 2 * values[-1] - values[-2]
    values = np.concatenate([values, [beyond, 2 * beyond]])
    with np.errstate(over="ignore"):
        halves = ((values[:-1] + values[1:]) / 2).astype(np.float32).view(np.uint32)
        last = values[-2:].astype(np.float32).view(np.uint32)
    edge = np.concatenate([halves, last]).astype(np.int64)
    around = np.concatenate([edge - 1, edge, edge + 1])
    return around[around >= 0].astype(np.uint32)


def inputs():
    random = np.random.default_rng(1)
    magnitudes = np.unique(np.concatenate([edges(name) for name in FORMATS]))
    signs = random.integers(0, 2, magnitudes.size, dtype=np.uint32) << 31
    anywhere = random.integers(0, 1 << 32, 100, dtype=np.uint32)
    near_one = (random.normal(0, 20, 100)).astype(np.float32).view(np.uint32)
    special = [
        *[0, 0x7F800000],  # zero and infinity
        *[0x7FC00000, 0x7F800001, 0x7FFFFFFF],  # NaNs
        *[1, 0x00200000, 0x00400000, 0x007FFFFF, 0x00800000],  # subnormals, and the smallest number that is not
        0x7F7FFFFF,  # the largest number
    ]
    special = np.array(special + [bits | 0x80000000 for bits in special], dtype=np.uint32)
    return np.unique(np.concatenate([magnitudes | signs, anywhere, near_one, special]))


def write(path, first, keys, columns):
    """A row for each key; a cell is empty where a column has no more."""
    lines = [",".join([first, *FORMATS])]
    for i, key in enumerate(keys):
        cells = [f"{column[i]:x}" if i < column.size else "" for column in columns]
        lines.append(",".join([f"{key:x}", *cells]))
    path.write_text("\n".join(lines) + "\n")


def main():
    columns = [decodings(name) for name in FORMATS]
    write(HERE / "decode.csv", "bits", range(256), columns)
    values = inputs()
    write(HERE / "encode.csv", "float32", values, [encode(name, values) for name in FORMATS])


if __name__ == "__main__":
    main()
