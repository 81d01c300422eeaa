//! Views printed as nested lists, with the middle of long axes left out.

use core::fmt::{self, Debug, Formatter};

use super::tensor_view::TensorView;
use super::tensor_view_mut::TensorViewMut;

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
            let mut index = Index { at: [0; crate::dims::CAPACITY], depth: 0, room: MOST };
            list(self, &mut index, f)?;
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

/// Where the printing is.
struct Index {
    at: [usize; crate::dims::CAPACITY],
    depth: usize,
    /// How many more elements are printed: short axes, if there are many, make long lists too.
    room: usize,
}

/// Prints what is left of the tensor under the first `depth` indices.
fn list<T: Debug>(
    view: &TensorView<'_, T>,
    index: &mut Index,
    f: &mut Formatter<'_>,
) -> fmt::Result {
    let depth = index.depth;
    let Some(&size) = view.shape().get(depth) else {
        index.room = index.room.saturating_sub(1);
        return match view.get(&index.at[..depth]) {
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
        if index.room == 0 {
            f.write_str("...")?;
            break;
        }
        index.at[depth] = k;
        index.depth = depth + 1;
        list(view, index, f)?;
    }
    index.depth = depth;
    f.write_str("]")
}
