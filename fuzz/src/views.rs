//! Chains of operations on views, against a list of the places that each view should name.

use dlpack::view::{Unaligned, ViewElement};
use dlpack::{Element, Error, TensorView, TensorViewMut};

use crate::input::Input;
use crate::oracle;
use crate::producer::Allocation;

/// An array has at most so many elements.
const MOST: usize = 200;

/// The places that a view names, in row-major order of its indices.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Model {
    shape: Vec<usize>,
    places: Vec<usize>,
}

/// One operation.
#[derive(Clone, Debug)]
enum Step {
    Slice(usize, usize, usize),
    Jump(usize, usize),
    Flip(usize),
    Select(usize, usize),
    InsertAxis(usize),
    Permute(Vec<usize>),
    Reshape(Vec<usize>),
    Transpose,
    SplitAt(usize, usize, bool),
}

impl Step {
    fn read(input: &mut Input<'_>, model: &Model) -> Self {
        let ndim = model.shape.len();
        // One more than there is, now and then.
        let axis = input.below(ndim + 1);
        let size = model.shape.get(axis).copied().unwrap_or(3);
        let index = |input: &mut Input<'_>| match input.byte() {
            255 => usize::MAX - usize::from(input.byte() % 4),
            byte => usize::from(byte) % (size + 2),
        };
        match input.below(9) {
            0 => Self::Slice(axis, index(input), index(input)),
            1 => Self::Jump(axis, index(input)),
            2 => Self::Flip(axis),
            3 => Self::Select(axis, index(input)),
            4 => Self::InsertAxis(input.below(ndim + 2)),
            5 => {
                let mut axes: Vec<usize> = (0..ndim).collect();
                for at in (1..ndim).rev() {
                    axes.swap(at, input.below(at + 1));
                }
                if input.rarely(12) {
                    axes.push(0);
                }
                if input.rarely(12) && ndim > 0 {
                    axes[0] = input.below(ndim + 2);
                }
                Self::Permute(axes)
            }
            6 => Self::Reshape(new_shape(input, model)),
            7 => Self::Transpose,
            _ => Self::SplitAt(axis, index(input), input.rarely(2)),
        }
    }
}

/// A shape of as many elements, most of the time.
fn new_shape(input: &mut Input<'_>, model: &Model) -> Vec<usize> {
    let mut rest = model.places.len();
    if rest == 0 || input.rarely(16) {
        return (0..input.below(5)).map(|_| usize::from(input.byte() % 4)).collect();
    }
    let mut shape = Vec::new();
    while rest > 1 && shape.len() < 9 {
        let divisors: Vec<usize> = (1..=rest).filter(|n| rest % *n == 0).collect();
        let size = divisors[input.below(divisors.len())];
        shape.push(size);
        rest /= size;
    }
    if rest > 1 || input.rarely(4) {
        shape.push(rest);
    }
    shape
}

impl Model {
    /// The elements of a row-major array, one after another.
    fn row_major(shape: &[usize]) -> Self {
        let count = shape.iter().product();
        Self { shape: shape.to_vec(), places: (0..count).collect() }
    }

    fn place(&self, index: &[usize]) -> usize {
        let flat = self.shape.iter().zip(index).fold(0, |flat, (size, k)| flat * size + k);
        self.places[flat]
    }

    /// The view whose index names the place that is named here by what `old` makes of it.
    fn pick(&self, shape: Vec<usize>, old: impl Fn(&mut Vec<usize>)) -> Self {
        let count = shape.iter().product();
        let (mut places, mut index) = (Vec::with_capacity(count), vec![0; shape.len()]);
        let mut turned = Vec::with_capacity(shape.len() + 1);
        for _ in 0..count {
            turned.clone_from(&index);
            old(&mut turned);
            places.push(self.place(&turned));
            advance(&mut index, &shape);
        }
        Self { shape, places }
    }

    fn size(&self, axis: usize) -> Result<usize, Error> {
        let ndim = self.shape.len();
        self.shape.get(axis).copied().ok_or(Error::AxisOutOfRange { axis, ndim })
    }

    /// What the step should give, for a view with these strides.
    fn step(&self, step: &Step) -> Result<Self, Error> {
        let ndim = self.shape.len();
        let with = |axis: usize, size: usize| {
            let mut shape = self.shape.clone();
            shape[axis] = size;
            shape
        };
        match *step {
            Step::Slice(axis, start, end) => {
                let size = self.size(axis)?;
                if end > size || start > end {
                    return Err(Error::RangeOutOfBounds { start, end, size });
                }
                Ok(self.pick(with(axis, end - start), |k| k[axis] += start))
            }
            Step::Jump(axis, step) => {
                let size = self.size(axis)?;
                if step == 0 {
                    return Err(Error::ZeroStep);
                }
                Ok(self.pick(with(axis, size.div_ceil(step)), |k| k[axis] *= step))
            }
            Step::Flip(axis) => {
                let size = self.size(axis)?;
                Ok(self.pick(self.shape.clone(), |k| k[axis] = size - 1 - k[axis]))
            }
            Step::Select(axis, index) => {
                let size = self.size(axis)?;
                if index >= size {
                    return Err(Error::IndexOutOfRange { axis, index, size });
                }
                let mut shape = self.shape.clone();
                shape.remove(axis);
                Ok(self.pick(shape, |k| k.insert(axis, index)))
            }
            Step::InsertAxis(axis) => {
                if axis > ndim {
                    return Err(Error::InsertOutOfRange { axis, ndim });
                }
                let mut shape = self.shape.clone();
                shape.insert(axis, 1);
                Ok(self.pick(shape, |k| {
                    k.remove(axis);
                }))
            }
            Step::Permute(ref axes) => {
                if axes.len() != ndim {
                    return Err(Error::NdimMismatch { expected: ndim, found: axes.len() });
                }
                for (at, &axis) in axes.iter().enumerate() {
                    if axis >= ndim {
                        return Err(Error::AxisOutOfRange { axis, ndim });
                    }
                    if axes[..at].contains(&axis) {
                        return Err(Error::RepeatedAxis { axis });
                    }
                }
                let shape = axes.iter().map(|&axis| self.shape[axis]).collect();
                Ok(self.pick(shape, |k| {
                    let new = k.clone();
                    axes.iter().zip(new).for_each(|(&axis, new)| k[axis] = new);
                }))
            }
            Step::Transpose => {
                let shape = self.shape.iter().rev().copied().collect();
                Ok(self.pick(shape, |k| k.reverse()))
            }
            Step::Reshape(ref shape) => {
                let found = shape.iter().product();
                if found != self.places.len() {
                    return Err(Error::LenMismatch { expected: self.places.len(), found });
                }
                let new = Self { shape: shape.clone(), places: self.places.clone() };
                if new.has_strides() { Ok(new) } else { Err(Error::ReshapeNeedsCopy) }
            }
            Step::SplitAt(axis, at, tail) => match tail {
                false => self.step(&Step::Slice(axis, 0, at)),
                true => {
                    // The head comes first, and its error with it.
                    self.step(&Step::Slice(axis, 0, at))?;
                    let size = self.size(axis)?;
                    self.step(&Step::Slice(axis, at, size))
                }
            },
        }
    }

    /// Whether there are strides that name these places: those from the first element to its neighbours, if any do.
    fn has_strides(&self) -> bool {
        let Some(&first) = self.places.first() else { return true };
        let ndim = self.shape.len();
        let signed = |n: usize| isize::try_from(n).unwrap();
        let stride = |axis: usize| {
            let mut index = vec![0; ndim];
            index[axis] = 1;
            if self.shape[axis] < 2 { 0 } else { signed(self.place(&index)) - signed(first) }
        };
        let strides: Vec<isize> = (0..ndim).map(stride).collect();
        let mut index = vec![0; ndim];
        for &place in &self.places {
            let steps = index.iter().zip(&strides).map(|(&k, &stride)| signed(k) * stride);
            if signed(first) + steps.sum::<isize>() != signed(place) {
                return false;
            }
            advance(&mut index, &self.shape);
        }
        true
    }

    fn is_row_major(&self) -> bool {
        self.places.windows(2).all(|pair| pair[0] + 1 == pair[1])
    }

    fn sorted(&self) -> Vec<usize> {
        let mut places = self.places.clone();
        places.sort_unstable();
        places
    }
}

/// The next index in row-major order.
fn advance(index: &mut [usize], shape: &[usize]) {
    for (k, &size) in index.iter_mut().zip(shape).rev() {
        *k += 1;
        if *k < size {
            return;
        }
        *k = 0;
    }
}

/// Does a step to a view of either kind.
macro_rules! step {
    ($view:expr, $step:expr) => {{
        let view = $view;
        match $step {
            // Ranges of all kinds.
            Step::Slice(axis, 0, end) => view.slice(*axis, ..*end),
            Step::Slice(axis, start, end) if *end > 0 && *end < usize::MAX && start % 2 == 1 => {
                view.slice(*axis, *start..=*end - 1)
            }
            Step::Slice(axis, start, end) => view.slice(*axis, *start..*end),
            Step::Jump(axis, step) => view.step_by(*axis, *step),
            Step::Flip(axis) => view.flip(*axis),
            Step::Select(axis, index) => view.select(*axis, *index),
            Step::InsertAxis(axis) => view.insert_axis(*axis),
            Step::Permute(axes) => view.permute(axes),
            Step::Reshape(shape) => view.reshape(shape),
            Step::Transpose => Ok(view.transpose()),
            Step::SplitAt(axis, at, tail) => {
                view.split_at(*axis, *at).map(|(head, rest)| if *tail { rest } else { head })
            }
        }
    }};
}

/// Runs one input.
///
/// # Panics
///
/// On any difference.
pub fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.below(3) {
        0 => chain::<u8>(&mut input),
        1 => chain::<u32>(&mut input),
        _ => chain::<u64>(&mut input),
    }
}

/// Elements that can be counted.
trait Number: Element + PartialEq + core::fmt::Debug {
    fn of(place: usize) -> Self;
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Number for $number {
            fn of(place: usize) -> Self {
                Self::try_from(place % 251).unwrap()
            }
        }
    )*};
}

numbers! { u8 u32 u64 }

fn chain<T: Number>(input: &mut Input<'_>) {
    let is_long = input.rarely(8);
    let axes = if is_long { 4 + input.below(8) } else { input.below(5) };
    let mut shape: Vec<usize> = Vec::new();
    for _ in 0..axes {
        let size = usize::try_from(input.size()).unwrap();
        let product: usize = shape.iter().product::<usize>() * size;
        shape.push(if product > MOST { 1 } else { size });
    }
    let (base, memory) = base::<T>(input, &shape);
    let steps: Vec<(Step, Model)> = {
        let mut model = base.model.clone();
        let mut steps = Vec::new();
        for _ in 0..input.below(10) {
            let step = Step::read(input, &model);
            let next = model.step(&step);
            check_step(&base, &memory, &steps, &step, &next);
            if let Ok(next) = next {
                model = next.clone();
                steps.push((step, next));
            }
        }
        steps
    };
    let model = steps.last().map_or(&base.model, |(_, model)| model).clone();
    let loose = base.view::<Unaligned<T>>(&memory, &steps);
    let found: Vec<T> = loose.iter().map(Unaligned::get).collect();
    assert_eq!(found, values::<T>(&model));
    assert_eq!(loose.to_vec(), values::<T>(&model));
    if !base.aligned {
        return;
    }
    let view = base.view::<T>(&memory, &steps);
    reads(&view, &model);
    if input.rarely(4) {
        copies(&view, &model);
    }
    #[cfg(feature = "types")]
    crates::read(&view, &model);
    if !base.overlaps {
        writes::<T>(input, &base, &memory, &steps, &model);
    }
}

/// An array, and where it is in its memory.
struct Base {
    model: Model,
    /// The strides, if they are not those of a row-major array.
    strides: Option<Vec<isize>>,
    /// The place of the first element.
    origin: usize,
    count: usize,
    aligned: bool,
    overlaps: bool,
}

fn base<T: Number>(input: &mut Input<'_>, shape: &[usize]) -> (Base, Allocation) {
    let skew = if input.rarely(6) { 1 + input.below(7) } else { 0 };
    let aligned = skew % align_of::<T>() == 0;
    let numel: usize = shape.iter().product();
    let strides: Option<Vec<isize>> =
        input.rarely(2).then(|| shape.iter().map(|_| isize::from(input.byte() % 12) - 4).collect());
    let (model, origin, count, overlaps) = match &strides {
        None => (Model::row_major(shape), 0, numel, false),
        Some(strides) => {
            let (mut low, mut high) = (0_isize, 0_isize);
            for (&size, &stride) in shape.iter().zip(strides) {
                let reach = isize::try_from(size.max(1) - 1).unwrap() * stride;
                low += reach.min(0);
                high += reach.max(0);
            }
            let origin = if numel == 0 { 0 } else { low.unsigned_abs() };
            let count = if numel == 0 { 0 } else { usize::try_from(high - low + 1).unwrap() };
            let mut places = Vec::new();
            let mut index = vec![0; shape.len()];
            for _ in 0..numel {
                let steps = index.iter().zip(strides).map(|(&k, &stride)| {
                    let k: isize = isize::try_from(k).unwrap();
                    k * stride
                });
                let place = isize::try_from(origin).unwrap() + steps.sum::<isize>();
                places.push(usize::try_from(place).unwrap());
                advance(&mut index, shape);
            }
            let wide = |n: &usize| i64::try_from(*n).unwrap();
            let sizes: Vec<i64> = shape.iter().map(wide).collect();
            let steps: Vec<i64> = strides.iter().map(|&n| i64::try_from(n).unwrap()).collect();
            let overlaps = !oracle::nests(&sizes, &steps);
            (Model { shape: shape.to_vec(), places }, origin, count, overlaps)
        }
    };
    let memory = Allocation::new(count * size_of::<T>(), skew);
    for place in 0..count {
        let value = T::of(place);
        // SAFETY: a place in the memory, which need not be aligned.
        unsafe { memory.start().cast::<T>().add(place).write_unaligned(value) };
    }
    (Base { model, strides, origin, count, aligned, overlaps }, memory)
}

impl Base {
    /// The view of the array after some steps, of numbers or of [`Unaligned`] ones.
    fn view<'a, E: ViewElement>(
        &self,
        memory: &'a Allocation,
        steps: &[(Step, Model)],
    ) -> TensorView<'a, E> {
        let (start, shape) = (memory.start().cast::<E>(), &self.model.shape);
        let mut view = match &self.strides {
            None => {
                // SAFETY: so many elements are in the memory, which outlives the view.
                let elements = unsafe { core::slice::from_raw_parts(start, self.count) };
                TensorView::from_slice(elements, shape).expect("as many as the shape has")
            }
            Some(strides) => {
                let origin = start.wrapping_add(self.origin);
                // SAFETY: the elements are in the memory, which outlives the view.
                unsafe { TensorView::from_raw_parts(origin, shape, strides) }.expect("small")
            }
        };
        for (step, _) in steps {
            view = step!(&view, step).expect("a step that the model has taken");
        }
        view
    }

    /// The same for writing.
    fn view_mut<'a, T: Number>(
        &self,
        memory: &'a Allocation,
        steps: &[(Step, Model)],
    ) -> TensorViewMut<'a, T> {
        let start = memory.start().cast::<T>();
        let shape = &self.model.shape;
        let mut view = match &self.strides {
            None => {
                // SAFETY: so many elements are in the memory, which outlives the view; there is no other view.
                let elements = unsafe { core::slice::from_raw_parts_mut(start, self.count) };
                TensorViewMut::from_slice(elements, shape).expect("as many as the shape has")
            }
            Some(strides) => {
                let origin = start.wrapping_add(self.origin);
                // SAFETY: the elements are in the memory, which outlives the view; there is no other view.
                unsafe { TensorViewMut::from_raw_parts(origin, shape, strides) }.expect("disjoint")
            }
        };
        for (step, _) in steps {
            view = step!(view, step).expect("a step that the model has taken");
        }
        view
    }
}

fn check_step(
    base: &Base,
    memory: &Allocation,
    steps: &[(Step, Model)],
    step: &Step,
    expected: &Result<Model, Error>,
) {
    let before = base.view::<Unaligned<u8>>(memory, steps);
    let found = step!(&before, step);
    match (found, expected) {
        (Ok(view), Ok(model)) => {
            assert_eq!(view.shape(), model.shape);
            assert_eq!(view.numel(), model.places.len());
        }
        (Err(found), Err(expected)) => assert_eq!(found, *expected),
        (found, expected) => {
            panic!("{step:?}: {:?} instead of {expected:?}", found.map(|view| view.numel()))
        }
    }
}

fn values<T: Number>(model: &Model) -> Vec<T> {
    model.places.iter().map(|&place| T::of(place)).collect()
}

/// All ways to read.
fn reads<T: Number>(view: &TensorView<'_, T>, model: &Model) {
    let expected = values::<T>(model);
    assert_eq!((view.shape(), view.ndim()), (&model.shape[..], model.shape.len()));
    assert_eq!((view.numel(), view.is_empty()), (expected.len(), expected.is_empty()));
    assert!(view.iter().copied().eq(expected.iter().copied()));
    assert_eq!(view.iter().len(), expected.len());
    // From both sides of a clone in the middle.
    let mut iter = view.iter();
    for at in 0..expected.len() / 2 {
        assert_eq!(iter.next(), expected.get(at));
    }
    assert!(iter.copied().eq(expected[expected.len() / 2..].iter().copied()));
    let mut index = vec![0; model.shape.len()];
    for value in &expected {
        assert_eq!(view.get(&index), Some(value));
        advance(&mut index, &model.shape);
    }
    for axis in 0..index.len() {
        let mut beyond = vec![0; index.len()];
        beyond[axis] = model.shape[axis];
        assert_eq!(view.get(&beyond), None);
        beyond[axis] = usize::MAX;
        assert_eq!(view.get(&beyond), None);
    }
    assert_eq!(view.get(&[&index[..], &[0]].concat()), None);
    assert_eq!(view.to_vec(), expected);
    assert_eq!(view.try_to_vec(), Ok(expected.clone()));
    let mut copy = vec![T::of(250); expected.len()];
    view.copy_to(&mut copy).expect("as many");
    assert_eq!(copy, expected);
    copy.push(T::of(1));
    let mismatch = Error::LenMismatch { expected: expected.len(), found: copy.len() };
    assert_eq!(view.copy_to(&mut copy), Err(mismatch));
    assert_eq!(view.is_contiguous(), model.is_row_major());
    match view.as_slice() {
        Ok(slice) => assert_eq!((slice, model.is_row_major()), (&expected[..], true)),
        Err(error) => {
            assert_eq!((error, model.is_row_major()), (Error::NotContiguous, false));
        }
    }
    let sorted = model.sorted();
    let in_memory: Vec<T> = sorted.iter().map(|&place| T::of(place)).collect();
    let dense = sorted.windows(2).all(|pair| pair[0] + 1 == pair[1]);
    match view.as_slice_memory_order() {
        Ok(slice) => assert_eq!((slice, dense), (&in_memory[..], true)),
        Err(error) => assert_eq!((error, dense), (Error::NotContiguous, false)),
    }
    let folded = view.fold_memory_order(Vec::new(), |mut all, value| {
        all.push(*value);
        all
    });
    if sorted.windows(2).all(|pair| pair[0] != pair[1]) && dense {
        assert_eq!(folded, in_memory);
    } else {
        let count = |of: &[T], value: &T| of.iter().filter(|other| *other == value).count();
        assert_eq!(folded.len(), expected.len());
        assert!(expected.iter().all(|value| count(&folded, value) == count(&expected, value)));
    }
}

/// What takes the elements elsewhere.
fn copies<T: Number>(view: &TensorView<'_, T>, model: &Model) {
    let expected = values::<T>(model);
    let tensor = view.to_tensor().expect("memory");
    assert_eq!(tensor.as_slice::<T>(), Ok(&expected[..]));
    assert_eq!(tensor.sizes_of(), model.shape);
    let lent = view.with_dl_tensor(|raw| {
        // SAFETY: the struct is valid during this call.
        let lent = unsafe { dlpack::BorrowedTensor::from_raw(raw) }.expect("a valid tensor");
        // SAFETY: the elements of the view, which nobody writes.
        let elements = unsafe { lent.view_as::<T>() }.expect("the same dtype").to_vec();
        (lent.sizes_of(), elements)
    });
    assert_eq!(lent, Ok((model.shape.clone(), expected)));
    assert!(!format!("{view:?}").is_empty());
}

/// The shape as Rust has it.
trait Sizes {
    fn sizes_of(&self) -> Vec<usize>;
}

impl Sizes for dlpack::Descriptor {
    fn sizes_of(&self) -> Vec<usize> {
        self.shape().iter().map(|&size| usize::try_from(size).unwrap()).collect()
    }
}

/// All ways to write, and that nothing else is written.
fn writes<T: Number>(
    input: &mut Input<'_>,
    base: &Base,
    memory: &Allocation,
    steps: &[(Step, Model)],
    model: &Model,
) {
    let mut expected: Vec<T> = (0..base.count).map(T::of).collect();
    let new: Vec<T> = (0..model.places.len()).map(|at| T::of(at + 100)).collect();
    let mut view = base.view_mut::<T>(memory, steps);
    match input.below(7) {
        0 => {
            for (to, from) in view.iter_mut().zip(&new) {
                *to = *from;
            }
            put(&mut expected, model, &new);
        }
        1 => {
            view.fill(T::of(77));
            put(&mut expected, model, &vec![T::of(77); new.len()]);
        }
        2 => {
            view.copy_from_slice(&new).expect("as many");
            put(&mut expected, model, &new);
        }
        3 => {
            // From a view in another order.
            let mut shape = model.shape.clone();
            shape.reverse();
            let source = TensorView::from_slice(&new, &shape).expect("as many").transpose();
            let values = source.to_vec();
            view.copy_from(&source).expect("the same shape");
            put(&mut expected, model, &values);
        }
        4 => {
            let mut index = vec![0; model.shape.len()];
            for value in &new {
                *view.get_mut(&index).expect("an element") = *value;
                advance(&mut index, &model.shape);
            }
            put(&mut expected, model, &new);
        }
        5 => {
            // Two parts at once.
            if let Some(&size) = model.shape.first() {
                let at = input.below(size + 1);
                let (mut head, mut tail) = view.split_at(0, at).expect("within");
                tail.fill(T::of(5));
                head.fill(T::of(6));
                assert!(tail.iter().all(|value| *value == T::of(5)));
                let each = model.places.len().checked_div(size).unwrap_or(0);
                let mut values = vec![T::of(6); at * each];
                values.resize(new.len(), T::of(5));
                put(&mut expected, model, &values);
            }
        }
        _ => {
            let sorted = model.sorted();
            let dense = sorted.windows(2).all(|pair| pair[0] + 1 == pair[1]);
            match view.as_mut_slice_memory_order() {
                Ok(slice) => {
                    assert!(dense);
                    slice.copy_from_slice(&new);
                    sorted.iter().zip(&new).for_each(|(&place, value)| expected[place] = *value);
                }
                Err(error) => assert_eq!((error, dense), (Error::NotContiguous, false)),
            }
            let is_slice = view.as_mut_slice().is_ok();
            assert_eq!(is_slice, model.is_row_major());
        }
    }
    let found: Vec<T> = (0..base.count)
        // SAFETY: the places of the memory, all of which are written; the view is gone.
        .map(|place| unsafe { memory.start().cast::<T>().add(place).read() })
        .collect();
    assert_eq!(found, expected);
}

fn put<T: Number>(all: &mut [T], model: &Model, values: &[T]) {
    for (&place, value) in model.places.iter().zip(values) {
        all[place] = *value;
    }
}

/// Views of other crates.
#[cfg(feature = "types")]
mod crates {
    use super::{Model, Number, TensorView, values};

    pub(super) fn read<T: Number>(view: &TensorView<'_, T>, model: &Model) {
        let expected = values::<T>(model);
        if let Ok(array) = ndarray::ArrayViewD::<T>::try_from(view.clone()) {
            assert_eq!(array.shape(), model.shape);
            assert!(array.iter().copied().eq(expected.iter().copied()));
            let back = TensorView::try_from(array).expect("what was one");
            assert_eq!((back.shape(), back.to_vec()), (&model.shape[..], expected.clone()));
        }
        let &[rows, columns] = &model.shape[..] else { return };
        let at = |row: usize, column: usize| expected[row * columns + column];
        type Matrix<'a, T> =
            nalgebra::MatrixView<'a, T, nalgebra::Dyn, nalgebra::Dyn, nalgebra::Dyn, nalgebra::Dyn>;
        if let Ok(matrix) = Matrix::<T>::try_from(view.clone()) {
            assert_eq!(matrix.shape(), (rows, columns));
            for row in 0..rows {
                for column in 0..columns {
                    assert_eq!(matrix.get((row, column)), Some(&at(row, column)));
                }
            }
        }
        #[cfg(feature = "faer")]
        {
            let matrix = faer::MatRef::<T>::try_from(view.clone()).expect("two axes");
            assert_eq!((matrix.nrows(), matrix.ncols()), (rows, columns));
            for row in 0..rows {
                for column in 0..columns {
                    assert_eq!(*matrix.get(row, column), at(row, column));
                }
            }
            let back = TensorView::try_from(matrix).expect("what was one");
            assert_eq!((back.shape(), back.to_vec()), (&model.shape[..], expected));
        }
    }
}
