//! Everything that makes a view of a view, as data that can be done to a view and to its model.

use dlpack::{Error, TensorView, TensorViewMut};

use crate::model::Model;

/// An operation with its arguments. Of the two halves of a split, one is kept.
#[derive(Clone, Debug)]
pub enum Operation {
    Slice(usize, usize, usize),
    Step(usize, usize),
    Flip(usize),
    Select(usize, usize),
    InsertAxis(usize),
    Permute(Vec<usize>),
    Transpose,
    Reshape(Vec<usize>),
    Head(usize, usize),
    Tail(usize, usize),
}

impl Operation {
    pub fn on_model(&self, model: &Model) -> Result<Model, Error> {
        match self {
            Self::Slice(axis, start, end) => model.slice(*axis, *start, *end),
            Self::Step(axis, step) => model.step_by(*axis, *step),
            Self::Flip(axis) => model.flip(*axis),
            Self::Select(axis, index) => model.select(*axis, *index),
            Self::InsertAxis(axis) => model.insert_axis(*axis),
            Self::Permute(axes) => model.permute(axes),
            Self::Transpose => Ok(model.transpose()),
            Self::Reshape(shape) => model.reshape(shape),
            Self::Head(axis, at) => Ok(model.split_at(*axis, *at)?.0),
            Self::Tail(axis, at) => Ok(model.split_at(*axis, *at)?.1),
        }
    }

    pub fn on_view<'a, T>(&self, view: &TensorView<'a, T>) -> Result<TensorView<'a, T>, Error> {
        match self {
            Self::Slice(axis, start, end) => view.slice(*axis, *start..*end),
            Self::Step(axis, step) => view.step_by(*axis, *step),
            Self::Flip(axis) => view.flip(*axis),
            Self::Select(axis, index) => view.select(*axis, *index),
            Self::InsertAxis(axis) => view.insert_axis(*axis),
            Self::Permute(axes) => view.permute(axes),
            Self::Transpose => Ok(view.transpose()),
            Self::Reshape(shape) => view.reshape(shape),
            Self::Head(axis, at) => Ok(view.split_at(*axis, *at)?.0),
            Self::Tail(axis, at) => Ok(view.split_at(*axis, *at)?.1),
        }
    }

    pub fn on_view_mut<'a, T>(
        &self,
        view: TensorViewMut<'a, T>,
    ) -> Result<TensorViewMut<'a, T>, Error> {
        match self {
            Self::Slice(axis, start, end) => view.slice(*axis, *start..*end),
            Self::Step(axis, step) => view.step_by(*axis, *step),
            Self::Flip(axis) => view.flip(*axis),
            Self::Select(axis, index) => view.select(*axis, *index),
            Self::InsertAxis(axis) => view.insert_axis(*axis),
            Self::Permute(axes) => view.permute(axes),
            Self::Transpose => Ok(view.transpose()),
            Self::Reshape(shape) => view.reshape(shape),
            Self::Head(axis, at) => Ok(view.split_at(*axis, *at)?.0),
            Self::Tail(axis, at) => Ok(view.split_at(*axis, *at)?.1),
        }
    }
}
