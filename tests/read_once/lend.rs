//! Functions that lend the tensor.

use crate::scene::{legacy_row, row, six};

#[test]
fn as_dl_tensor() {
    row(&six(), |tensor, scene| {
        let lent = tensor.as_dl_tensor().expect("writable");
        scene.is_lent(&lent);
        scene.change();
        scene.is_lent(&lent);
    });
    legacy_row(&six(), |tensor, scene| {
        scene.is_lent(&tensor.as_dl_tensor().expect("not known to be read-only"));
    });
}

#[test]
fn to_borrowed() {
    row(&six(), |tensor, scene| {
        let borrowed = tensor.to_borrowed().expect("two axes");
        scene.is_six(&borrowed);
        scene.is_lent(&borrowed.as_dl_tensor().expect("writable"));
    });
    legacy_row(&six(), |tensor, scene| scene.is_six(&tensor.to_borrowed().expect("two axes")));
}

#[test]
fn a_view() {
    row(&six(), |tensor, scene| {
        // SAFETY: C has initialised the elements, and nobody writes them.
        let view = unsafe { tensor.view::<f32>() }.expect("floats");
        scene.change();
        view.with_dl_tensor(|lent| scene.is_lent(lent)).expect("two axes");
    });
}
