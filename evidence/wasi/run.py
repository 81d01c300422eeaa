"""Runs a program for WebAssembly that sees the files of the repository: `python run.py PROGRAM ARGUMENT...`."""

import pathlib
import sys

import wasmtime

ROOT = str(pathlib.Path(__file__).resolve().parents[2])


def main(program, *arguments):
    config = wasmtime.WasiConfig()
    config.argv = [program, *arguments]
    config.env = [("RUST_BACKTRACE", "0")]
    config.inherit_stdout()
    config.inherit_stderr()
    config.preopen_dir(ROOT, ROOT)
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    store.set_wasi(config)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    instance = linker.instantiate(store, wasmtime.Module.from_file(engine, program))
    try:
        instance.exports(store)["_start"](store)
    except wasmtime.ExitTrap as end:
        return end.code
    return 0


sys.exit(main(*sys.argv[1:]))
