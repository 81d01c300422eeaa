"""Where the compiled contenders are: beside `floors`."""

from pathlib import Path

import floors


def file(name: str) -> str:
    return str(Path(floors.__file__).with_name(f"{name}.so"))
