//! Names, numbers and layouts of the header as the C compiler reads it.

use std::ffi::{CStr, CString, c_char};

use crate::ffi;
pub use crate::ffi::Layout;

/// Every enumerator and every numeric macro of the header, in the header's order.
pub fn constants() -> Vec<(&'static str, u64)> {
    let one = |i| {
        // SAFETY: `i` is below the count.
        let name = text(unsafe { ffi::ct_constant_name(i) });
        // SAFETY: as above.
        (name, unsafe { ffi::ct_constant_value(i) })
    };
    (0..ffi::ct_constant_count()).map(one).collect()
}

/// Every name that [`layout_of`] knows.
pub fn layout_names() -> Vec<&'static str> {
    // SAFETY: `i` is below the count.
    (0..ffi::ct_layout_count()).map(|i| text(unsafe { ffi::ct_layout_name(i) })).collect()
}

/// The layout of a type (`DLTensor`) or of a field (`DLTensor.byte_offset`).
pub fn layout_of(name: &str) -> Option<Layout> {
    let name = CString::new(name).expect("a name without NUL");
    let mut layout = Layout::default();
    // SAFETY: both pointers live through the call.
    let rc = unsafe { ffi::ct_layout_of(name.as_ptr(), &mut layout) };
    (rc == 0).then_some(layout)
}

fn text(name: *const c_char) -> &'static str {
    // SAFETY: the C tables hold string literals.
    let name = unsafe { CStr::from_ptr(name) };
    name.to_str().expect("the header is ASCII")
}
