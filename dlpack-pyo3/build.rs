//! Tells the crate which Python it is compiled for, by the same `cfg`s as PyO3.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
}
