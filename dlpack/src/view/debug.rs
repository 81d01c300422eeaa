//! Views printed as nested lists, with the middle of long axes left out.

use core::fmt::{self, Debug, Formatter};

use super::tensor_view::TensorView;
use super::tensor_view_mut::TensorViewMut;
use crate::dims::CAPACITY;

/// Views of more elements than this are printed in part.
const WHOLE: usize = 100;
/// How many indices are shown at either end of an axis that is printed in part.
const EDGE: usize = 3;
/// No more elements than this are printed.
const MOST: usize = 1000;

impl<T: Debug> Debug for TensorView<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            // The other axes may be so long that a list for each of their indices would never end.
            f.write_str("[]")?;
        } else {
            list(self, &mut [0; CAPACITY], 0, &mut { MOST }, f)?;
        }
        if f.alternate() {
            write!(f, " shape={:?} strides={:?}", self.shape(), self.strides())?;
        }
        Ok(())
    }
}

impl<T: Debug> Debug for TensorViewMut<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.as_view().fmt(f)
    }
}

/// Prints what is left of the tensor under the first `depth` indices.
///
/// No more than `room` elements are printed: short axes, if there are many, make long lists too.
fn list<T: Debug>(
    view: &TensorView<'_, T>,
    index: &mut [usize; CAPACITY],
    depth: usize,
    room: &mut usize,
    f: &mut Formatter<'_>,
) -> fmt::Result {
    let Some(&size) = view.shape().get(depth) else {
        *room = room.saturating_sub(1);
        return match view.get(&index[..depth]) {
            // The alternate form is that of the list; other options, such as a precision, are for the elements.
            Some(element) if f.alternate() => write!(f, "{element:?}"),
            Some(element) => element.fmt(f),
            None => Ok(()),
        };
    };
    let (head, tail) =
        if view.numel() > WHOLE && size > 2 * EDGE { (EDGE, size - EDGE) } else { (size, size) };
    f.write_str("[")?;
    for k in (0..head).chain(tail..size) {
        if k > 0 {
            f.write_str(", ")?;
        }
        if k == tail {
            f.write_str("..., ")?;
        }
        if *room == 0 {
            f.write_str("...")?;
            break;
        }
        index[depth] = k;
        list(view, index, depth + 1, room, f)?;
    }
    f.write_str("]")
}
