//! What the C library makes and reads, against values worked out by hand.

use std::ptr;

use harness::consumer::{
    checksum, element_bits, element_bytes, gather, gather_managed, is_row_major, numel, offset_of,
    read,
};
use harness::release::{consume, delete};
use harness::{Plain, Spec, bytes_of, dtype};
use proptest::prelude::*;

use crate::dims;

fn gathered(spec: &Spec) -> Option<Vec<u8>> {
    // SAFETY: C lends what `spec` says, and the specs here are true or refused.
    spec.lend(|tensor| unsafe { gather(tensor, 0) })
}

fn assert_reads<T: Plain>(spec: &Spec, expected: &[T]) {
    assert_eq!(gathered(spec).as_deref(), Some(bytes_of(expected)), "{spec:?}");
}

#[test]
fn strides_of_every_kind() {
    let six = Spec::of(&[10_i32, 11, 12, 13, 14, 15]);
    assert_reads(&six.clone().shape(&[2, 3]), &[10, 11, 12, 13, 14, 15]);
    assert_reads(&six.clone().shape(&[2, 3]).null_strides(), &[10, 11, 12, 13, 14, 15]);
    assert_reads(&six.clone().shape(&[3, 2]).strides(&[1, 3]), &[10, 13, 11, 14, 12, 15]);
    assert_reads(&six.clone().strides(&[-1]).origin(20), &[15, 14, 13, 12, 11, 10]);
    assert_reads(
        &six.clone().shape(&[2, 3]).strides(&[-3, 1]).origin(12),
        &[13, 14, 15, 10, 11, 12],
    );
    assert_reads(&six.clone().shape(&[2, 2]).strides(&[0, 5]), &[10, 15, 10, 15]);
    assert_reads(&six.clone().shape(&[2, 2]).byte_offset(8), &[12, 13, 14, 15]);
    assert_reads(&six.clone().shape(&[]).byte_offset(4), &[11]);
    assert_reads(&six.clone().shape(&[]).null_shape().null_strides(), &[10]);
    assert_reads::<i32>(&six.clone().shape(&[2, 0]).null_data().byte_offset(64), &[]);
    assert_reads(&six.clone().data_shift(1), &[10, 11, 12, 13, 14, 15]);
}

#[test]
fn lanes_and_odd_widths() {
    let four = Spec::of(&[1_f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    let vectors = Spec::new(dtype(2, 32, 4)).data(&[1_f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    assert_reads(&four.strides(&[-1]).origin(28), &[8_f32, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]);
    let reversed = vectors.shape(&[2]).strides(&[-1]).origin(16);
    assert_reads(&reversed, &[5_f32, 6.0, 7.0, 8.0, 1.0, 2.0, 3.0, 4.0]);

    for (bits, lanes, expected) in [(12, 1, 2), (8, 3, 3), (64, 2, 16), (33, 1, 5), (12, 3, 5)] {
        let width = dtype(0, bits, lanes);
        assert_eq!(
            (element_bytes(width, 0), element_bits(width, 0)),
            (expected, 8 * expected as u64)
        );
    }
}

#[test]
fn what_cannot_be_walked() {
    let six = Spec::of(&[1_u8, 2, 3, 4, 5, 6]);
    assert_eq!(gathered(&six.clone().null_data()), None);
    assert_eq!(gathered(&six.clone().null_shape()), None);
    assert_eq!(gathered(&six.clone().ndim(-1)), None);
    assert_eq!(gathered(&six.clone().shape(&[-1, 0])), None);
    assert_eq!(gathered(&six.clone().shape(&[1 << 40, 1 << 40])), None);
    for (device, host) in [(1, true), (2, false), (3, true), (11, true), (13, false), (-1, false)] {
        assert_eq!(gathered(&six.clone().device(device, 0)).is_some(), host, "device {device}");
    }
}

#[test]
fn one_element_at_a_time() {
    let spec = Spec::of(&[10_u16, 11, 12, 13, 14, 15]).shape(&[2, 3]).strides(&[1, 2]);
    spec.lend(|tensor| {
        // SAFETY: lent by C, and two entries for two axes.
        let at = |i, j| unsafe { read(tensor, 0, &[i, j]) };
        assert_eq!(at(0, 0).as_deref(), Some(bytes_of(&[10_u16])));
        assert_eq!(at(1, 2).as_deref(), Some(bytes_of(&[15_u16])));
        assert_eq!(at(0, 2).as_deref(), Some(bytes_of(&[14_u16])));
        assert_eq!((at(2, 0), at(0, 3), at(-1, 0)), (None, None, None));
        // SAFETY: as above.
        assert_eq!(unsafe { offset_of(tensor, &[1, 2]) }, 5);
    });
}

#[test]
fn counts_and_order() {
    let check = |shape: &[i64], strides: &[i64]| {
        Spec::new(dtype(1, 8, 1)).shape(shape).strides(strides).lend(|tensor| {
            // SAFETY: only shape and strides are read.
            let count = unsafe { numel(tensor) };
            // SAFETY: as above.
            (count, unsafe { is_row_major(tensor) })
        })
    };
    assert_eq!(check(&[2, 3], &[3, 1]), (Some(6), true));
    assert_eq!(check(&[2, 3], &[1, 2]), (Some(6), false));
    assert_eq!(check(&[2, 1, 3], &[3, -9, 1]), (Some(6), true));
    assert_eq!(check(&[2, 0], &[7, 7]), (Some(0), true));
    assert_eq!(check(&[], &[]), (Some(1), true));
    assert_eq!(check(&[1 << 62, 2, 0], &[0, 0, 0]), (None, false));
    assert_eq!(check(&[2, -3], &[3, 1]).0, None);
}

#[test]
fn known_checksums() {
    let of = |text: &[u8]| {
        let spec = Spec::of(text);
        // SAFETY: lent by C.
        let lent = spec.lend(|tensor| unsafe { checksum(tensor, 0) });
        let (tensor, record) = spec.make_versioned();
        // SAFETY: live.
        assert_eq!(unsafe { consume(tensor) }, lent);
        assert_eq!(record.deleted(), 1);
        lent
    };
    // The vectors that come with the description of FNV.
    assert_eq!(of(b""), Some(0xCBF2_9CE4_8422_2325));
    assert_eq!(of(b"a"), Some(0xAF63_DC4C_8601_EC8C));
    assert_eq!(of(b"foobar"), Some(0x8594_4171_F739_67E8));
}

#[test]
fn every_field_as_it_was_told() {
    let mut outside = [0_u8; 4];
    let spec = Spec::new(dtype(99, 7, 3))
        .version(7, 9)
        .flags(1 << 40)
        .device(-5, 12)
        .shape(&[4, -5])
        .ndim(3)
        .strides(&[i64::MIN])
        .byte_offset(u64::MAX)
        .borrow(outside.as_mut_ptr().cast());
    let (tensor, record) = spec.make_versioned();
    assert!(record.data().is_null(), "nothing was copied");
    // SAFETY: live.
    let all = unsafe { &*tensor };
    let inner = &all.dl_tensor;
    assert_eq!((all.version.major, all.version.minor, all.flags), (7, 9, 1 << 40));
    assert!(!all.manager_ctx.is_null());
    assert_eq!((inner.device.device_type.0, inner.device.device_id), (-5, 12));
    assert_eq!((inner.dtype.code, inner.dtype.bits, inner.dtype.lanes), (99, 7, 3));
    assert_eq!((inner.ndim, inner.byte_offset), (3, u64::MAX));
    assert_eq!(inner.data, outside.as_mut_ptr().cast());
    // SAFETY: the arrays have two entries and one.
    assert_eq!(unsafe { *inner.shape.cast::<[i64; 2]>() }, [4, -5]);
    // SAFETY: as above.
    assert_eq!(unsafe { *inner.strides }, i64::MIN);
    // SAFETY: live.
    unsafe { delete(tensor) };

    let nothing = Spec::new(dtype(2, 32, 1)).null_shape().null_strides().null_data();
    let (tensor, _record) = nothing.null_context().null_deleter().make_legacy();
    // SAFETY: live as long as the record.
    let all = unsafe { &*tensor };
    assert_eq!((all.dl_tensor.shape, all.dl_tensor.strides), (ptr::null_mut(), ptr::null_mut()));
    assert_eq!((all.dl_tensor.data, all.manager_ctx), (ptr::null_mut(), ptr::null_mut()));
    assert!(all.deleter.is_none());
}

#[test]
fn row_major_strides_unless_told_otherwise() {
    let (tensor, record) = Spec::new(dtype(1, 8, 1)).shape(&[2, 1, 0, 5]).make_versioned();
    // SAFETY: live, and the array has four entries.
    assert_eq!(unsafe { *dims(tensor)[1].cast::<[i64; 4]>() }, [5, 5, 5, 1]);
    // SAFETY: live.
    unsafe { delete(tensor) };
    assert_eq!(record.deleted(), 1);
}

/// All indices of a shape, last axis fastest.
fn indices(shape: &[i64]) -> Vec<Vec<i64>> {
    shape.iter().fold(vec![vec![]], |prefixes, size| {
        let extend = |prefix: &Vec<i64>, i| prefix.iter().copied().chain([i]).collect();
        prefixes.iter().flat_map(|prefix| (0..*size).map(move |i| extend(prefix, i))).collect()
    })
}

proptest! {
    #[test]
    fn any_layout(
        axes in prop::collection::vec((0..4_i64, -6..7_i64), 0..5),
        bytes in prop::sample::select(vec![1_u8, 2, 4, 8, 16]),
        byte_offset in 0..40_usize,
    ) {
        let (shape, strides): (Vec<_>, Vec<_>) = axes.into_iter().unzip();
        let size = i64::from(bytes);
        let low: i64 = shape.iter().zip(&strides).map(|(n, t)| ((n - 1) * t).min(0)).sum();
        let spec = Spec::new(dtype(1, bytes * 8, 1)).shape(&shape).strides(&strides).filled();
        let expected: Vec<u8> = indices(&shape)
            .iter()
            .map(|index| index.iter().zip(&strides).map(|(i, t)| i * t).sum::<i64>() - low)
            .flat_map(|element| element * size..(element + 1) * size)
            .map(|byte| u8::try_from(byte % 251).expect("below 251"))
            .collect();
        prop_assert_eq!(gathered(&spec), Some(expected.clone()));

        // The same memory, counted from elsewhere.
        let origin = if expected.is_empty() { 0 } else { usize::try_from(-low * size).expect("fits") };
        let back = byte_offset.min(origin);
        let shifted = spec.origin(origin - back).byte_offset(back as u64);
        let (tensor, record) = shifted.make_legacy();
        // SAFETY: live.
        prop_assert_eq!(unsafe { gather_managed(tensor) }, Some(expected));
        // SAFETY: live.
        unsafe { delete(tensor) };
        prop_assert_eq!(record.deleted(), 1);
    }
}
