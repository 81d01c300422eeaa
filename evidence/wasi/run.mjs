// Runs a program for WebAssembly that sees the files of the repository: `node run.mjs PROGRAM ARGUMENT...`.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { WASI } from "node:wasi";

const root = fileURLToPath(new URL("../../", import.meta.url));
const args = process.argv.slice(2);
const wasi = new WASI({ version: "preview1", args, env: {}, preopens: { [root]: root } });
const program = await WebAssembly.compile(await readFile(args[0]));
process.exit(wasi.start(await WebAssembly.instantiate(program, wasi.getImportObject())));
