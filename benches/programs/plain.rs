//! Runs rows; `cargo xtask bench` reads what it writes.

fn main() -> std::process::ExitCode {
    dlpack_benches::command::main()
}
