"""`python -m dlpack`: shows one object, what libraries make of it, and how well a library keeps to the standard."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command. Returns 0, or 1 if there is no tensor to show; wrong arguments exit with 2."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] == "doctor":
        # It reads its arguments itself, so that showing an object does not import it.
        from .testing.doctor import main as doctor

        return doctor(list(arguments[1:]))
    parser = argparse.ArgumentParser(prog="python -m dlpack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    inspect = commands.add_parser(
        "inspect",
        help="show one object: its memory, its layout, and what libraries get of it",
        description="Shows the tensor of a Python expression or of a file.",
        epilog="A file is one of NumPy's (.npy), one of safetensors, or else plain bytes. In an expression, modules are "
        "imported when they are named, and np, jnp, pd, tf, pa, mx and wp stand for the usual ones.",
    )
    inspect.add_argument(
        "what", metavar="EXPR|FILE", help='such as "np.arange(6).reshape(2, 3).T", or weights.npy'
    )
    inspect.add_argument("--json", action="store_true", help="print JSON for programs")
    inspect.add_argument("--tensor", metavar="NAME", help="the tensor of a safetensors file that has several")
    inspect.add_argument("--dtype", help="the dtype of the elements of plain bytes, such as float32")
    inspect.add_argument("--shape", help="the shape of plain bytes, such as 2,-1")
    libraries = commands.add_parser("libraries", help="print which call imports a tensor into which library")
    libraries.add_argument("--json", action="store_true", help="print JSON for programs")
    commands.add_parser("doctor", help="check how libraries keep to the standard; see `doctor --help`", add_help=False)
    options = parser.parse_args(arguments)
    if options.command == "libraries":
        from ._libraries import rows, table

        print(json.dumps(rows(), indent=2) if options.json else table())
        return 0
    from ._inspect import describe, render
    from ._load import load

    try:
        obj, name = load(options.what, options.tensor, options.dtype, options.shape)
        found = describe(obj, name)
    except Exception as raised:  # noqa: BLE001 - an expression raises whatever it wants.
        text = str(raised).strip().partition("\n")[0]
        print(f"python -m dlpack inspect: {type(raised).__name__}: {text}", file=sys.stderr)
        return 1
    print(json.dumps(found, indent=2) if options.json else render(found))
    return 0


if __name__ == "__main__":
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output, such as `head`, has read enough. Python would complain once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status)
