//! The same program with an allocator that counts.

use dlpack_benches::mallocs::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> std::process::ExitCode {
    dlpack_benches::command::main()
}
