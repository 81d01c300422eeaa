//! A tensor as a plain list: each index, and the place in memory that it names.
//!
//! There are no strides here. An operation goes through the list, drops what it drops, and renumbers the rest.

use dlpack::Error;

use crate::MAX_NDIM;

/// What a view must look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    pub shape: Vec<usize>,
    /// In logical order: the last entry of the index runs fastest.
    pub elements: Vec<(Vec<usize>, usize)>,
}

/// All indices of a shape, in logical order.
pub fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    if shape.contains(&0) {
        return vec![];
    }
    let mut all = vec![vec![]];
    for &size in shape {
        let longer = |index: &Vec<usize>| -> Vec<Vec<usize>> {
            (0..size).map(|k| [&index[..], &[k]].concat()).collect()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

impl Model {
    /// The elements of a row-major array, one after another.
    pub fn row_major(shape: &[usize]) -> Self {
        Self { shape: shape.to_vec(), elements: indices(shape).into_iter().zip(0..).collect() }
    }

    /// Index `k` names the place `origin + Σ k·stride`.
    #[cfg(feature = "alloc")]
    pub fn strided(shape: &[usize], strides: &[isize], origin: usize) -> Self {
        let place = |index: &Vec<usize>| {
            let mut place = isize::try_from(origin).unwrap();
            for (&k, &stride) in index.iter().zip(strides) {
                place += isize::try_from(k).unwrap() * stride;
            }
            usize::try_from(place).unwrap()
        };
        let elements = indices(shape).into_iter().map(|index| (index.clone(), place(&index)));
        Self { shape: shape.to_vec(), elements: elements.collect() }
    }

    pub fn numel(&self) -> usize {
        self.elements.len()
    }

    /// The places in logical order.
    pub fn places(&self) -> Vec<usize> {
        self.elements.iter().map(|&(_, place)| place).collect()
    }

    /// The places in memory order.
    pub fn sorted_places(&self) -> Vec<usize> {
        let mut places = self.places();
        places.sort_unstable();
        places
    }

    pub fn is_row_major(&self) -> bool {
        consecutive(&self.places())
    }

    pub fn is_dense(&self) -> bool {
        consecutive(&self.sorted_places())
    }

    fn size(&self, axis: usize) -> Result<usize, Error> {
        let ndim = self.shape.len();
        self.shape.get(axis).copied().ok_or(Error::AxisOutOfRange { axis, ndim })
    }

    /// Keeps the elements for which `keep` gives a new index, in the order of those.
    fn renumber(
        &self,
        shape: Vec<usize>,
        keep: impl Fn(&[usize]) -> Option<Vec<usize>>,
    ) -> Result<Self, Error> {
        let kept = |(index, place): &(Vec<usize>, usize)| Some((keep(index)?, *place));
        let mut elements: Vec<_> = self.elements.iter().filter_map(kept).collect();
        elements.sort_unstable();
        Ok(Self { shape, elements })
    }

    pub fn slice(&self, axis: usize, start: usize, end: usize) -> Result<Self, Error> {
        let size = self.size(axis)?;
        if end > size {
            return Err(Error::RangeOutOfBounds { start, end, size });
        }
        let shape = with(&self.shape, axis, end - start);
        self.renumber(shape, |index| {
            let k = index[axis];
            (start <= k && k < end).then(|| with(index, axis, k - start))
        })
    }

    pub fn step_by(&self, axis: usize, step: usize) -> Result<Self, Error> {
        let size = self.size(axis)?;
        if step == 0 {
            return Err(Error::ZeroStep);
        }
        let shape = with(&self.shape, axis, (0..size).step_by(step).count());
        self.renumber(shape, |index| {
            let k = index[axis];
            (k % step == 0).then(|| with(index, axis, k / step))
        })
    }

    pub fn flip(&self, axis: usize) -> Result<Self, Error> {
        let size = self.size(axis)?;
        self.renumber(self.shape.clone(), |index| Some(with(index, axis, size - 1 - index[axis])))
    }

    pub fn select(&self, axis: usize, index: usize) -> Result<Self, Error> {
        let size = self.size(axis)?;
        if index >= size {
            return Err(Error::IndexOutOfRange { axis, index, size });
        }
        let shape = without(&self.shape, axis);
        self.renumber(shape, |k| (k[axis] == index).then(|| without(k, axis)))
    }

    pub fn insert_axis(&self, axis: usize) -> Result<Self, Error> {
        let ndim = self.shape.len();
        if axis > ndim {
            return Err(Error::InsertOutOfRange { axis, ndim });
        }
        if ndim == MAX_NDIM {
            return Err(Error::TooManyAxes { ndim: ndim + 1, max: MAX_NDIM });
        }
        let insert = |to: &[usize], k| [&to[..axis], &[k], &to[axis..]].concat();
        self.renumber(insert(&self.shape, 1), |index| Some(insert(index, 0)))
    }

    pub fn permute(&self, axes: &[usize]) -> Result<Self, Error> {
        let ndim = self.shape.len();
        if axes.len() != ndim {
            return Err(Error::NdimMismatch { expected: ndim, found: axes.len() });
        }
        for (i, &axis) in axes.iter().enumerate() {
            if axis >= ndim {
                return Err(Error::AxisOutOfRange { axis, ndim });
            }
            if axes[..i].contains(&axis) {
                return Err(Error::RepeatedAxis { axis });
            }
        }
        let turn = |from: &[usize]| axes.iter().map(|&axis| from[axis]).collect::<Vec<_>>();
        self.renumber(turn(&self.shape), |index| Some(turn(index)))
    }

    pub fn transpose(&self) -> Self {
        let axes: Vec<_> = (0..self.shape.len()).rev().collect();
        self.permute(&axes).unwrap()
    }

    pub fn split_at(&self, axis: usize, at: usize) -> Result<(Self, Self), Error> {
        let size = self.size(axis)?;
        if at > size {
            return Err(Error::RangeOutOfBounds { start: 0, end: at, size });
        }
        Ok((self.slice(axis, 0, at)?, self.slice(axis, at, size)?))
    }

    pub fn reshape(&self, shape: &[usize]) -> Result<Self, Error> {
        let numel = shape.iter().product();
        if numel != self.numel() {
            return Err(Error::LenMismatch { expected: self.numel(), found: numel });
        }
        let elements = indices(shape).into_iter().zip(self.places()).collect();
        let reshaped = Self { shape: shape.to_vec(), elements };
        if reshaped.strides().is_some() { Ok(reshaped) } else { Err(Error::ReshapeNeedsCopy) }
    }

    /// The only strides that these places can have, if there are any: those from the first element to its neighbours.
    /// `None` stands for an axis without a neighbour.
    pub fn strides(&self) -> Option<Vec<Option<isize>>> {
        let place = |(_, place): &(Vec<usize>, usize)| isize::try_from(*place).unwrap();
        let first = self.elements.first().map_or(0, place);
        let neighbour = |axis: usize| {
            let unit = with(&vec![0; self.shape.len()], axis, 1);
            let at = self.elements.binary_search_by(|(index, _)| index.cmp(&unit)).ok()?;
            Some(place(&self.elements[at]) - first)
        };
        let strides: Vec<_> = (0..self.shape.len()).map(neighbour).collect();
        let fits = |element: &(Vec<usize>, usize)| {
            let steps = element.0.iter().zip(&strides);
            let way = steps.map(|(&k, stride)| isize::try_from(k).unwrap() * stride.unwrap_or(0));
            first + way.sum::<isize>() == place(element)
        };
        self.elements.iter().all(fits).then_some(strides)
    }

    /// Whether each axis steps over all that those of smaller steps reach, so that memory order is an order of axes.
    pub fn nests(&self) -> bool {
        let strides = self.strides().unwrap_or_default();
        let long =
            strides.iter().zip(&self.shape).filter_map(|(stride, &size)| Some(((*stride)?, size)));
        let mut axes: Vec<_> = long.map(|(stride, size)| (stride.unsigned_abs(), size)).collect();
        axes.sort_unstable();
        let mut reach = 0;
        axes.into_iter().all(|(step, size)| {
            let nests = step > reach;
            reach += step * (size - 1);
            nests
        })
    }
}

fn consecutive(places: &[usize]) -> bool {
    places.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

fn with(index: &[usize], axis: usize, k: usize) -> Vec<usize> {
    let mut index = index.to_vec();
    index[axis] = k;
    index
}

fn without(index: &[usize], axis: usize) -> Vec<usize> {
    let mut index = index.to_vec();
    index.remove(axis);
    index
}
