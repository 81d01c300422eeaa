//! The image library in C.

use std::path::{Path, PathBuf};

use dlpack_sys::DLManagedTensorVersioned;
use harness::consumer::gather_managed;
use harness::release::delete;
use harness::{Record, Spec, dtype, image};

/// A file that goes when the test does.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, content: &[u8]) -> Self {
        let name = format!("dlpack-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).expect("the folder for scratch files is writable");
        Self(path)
    }

    fn content(&self) -> Vec<u8> {
        std::fs::read(&self.0).expect("written")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Shape and pixels.
fn read(path: &Path) -> image::Result<([i64; 3], Vec<u8>)> {
    let tensor: *mut DLManagedTensorVersioned = image::read(path)?;
    // SAFETY: live.
    let all = unsafe { &*tensor };
    assert_eq!((all.version.major, all.version.minor, all.flags), (1, 3, 2));
    let inner = &all.dl_tensor;
    assert_eq!((inner.ndim, inner.byte_offset), (3, 0));
    assert_eq!((inner.device.device_type.0, inner.device.device_id), (1, 0));
    assert_eq!(inner.dtype, dtype(1, 8, 1));
    // SAFETY: three axes.
    let shape = unsafe { *inner.shape.cast::<[i64; 3]>() };
    // SAFETY: three axes.
    let strides = unsafe { *inner.strides.cast::<[i64; 3]>() };
    assert_eq!(strides, [shape[1] * shape[2], shape[2], 1]);
    // SAFETY: live.
    let pixels = unsafe { gather_managed(tensor) }.expect("can be walked");
    // SAFETY: live, and `all` is no longer used.
    unsafe { delete(tensor) };
    Ok((shape, pixels))
}

fn read_bytes(name: &str, content: &[u8]) -> image::Result<([i64; 3], Vec<u8>)> {
    read(&Scratch::new(name, content).0)
}

#[test]
fn well_formed_files() {
    let colour = read_bytes("colour", b"P6\n2 1\n255\n\x01\x02\x03\xFD\xFE\xFF");
    assert_eq!(colour, Ok(([1, 2, 3], vec![1, 2, 3, 253, 254, 255])));
    let grey = read_bytes("grey", b"P5 1 2 255\n\n#");
    assert_eq!(grey, Ok(([2, 1, 1], vec![b'\n', b'#'])), "pixels are not comments");
    let comments = b"P5 # a comment\n#another\n 1# of width\n\t1\r\n255#last\n\x07trailing bytes";
    assert_eq!(read_bytes("comments", comments), Ok(([1, 1, 1], vec![7])));
}

#[test]
fn malformed_files() {
    for (name, content, expected) in [
        ("empty", &b""[..], "expected a binary PGM or PPM file"),
        ("ascii", b"P3\n1 1\n255\n1 2 3", "expected a binary PGM or PPM file"),
        ("no-size", b"P5", "expected a width and a height"),
        ("word", b"P5 two 1 255\n", "expected a width and a height"),
        ("zero", b"P5 0 1 255\n", "expected a width and a height"),
        ("negative", b"P5 1 -1 255\n", "expected a width and a height"),
        ("huge", b"P5 99999999999999999999 1 255\n", "expected a width and a height"),
        ("much", b"P6 65536 65536 255\n", "more than 2^30 bytes"),
        ("deep", b"P5 1 1 65535\n\x01\x02", "expected samples from 0 to 255"),
        ("cut-head", b"P5 1 1 255", "expected samples from 0 to 255"),
        ("endless-comment", b"P5 1 1 # 255\n", "expected samples from 0 to 255"),
        ("cut", b"P6 2 1 255\n\x01\x02\x03\x04\x05", "the file ends before its pixels do"),
    ] {
        let message = read_bytes(name, content).expect_err(name);
        assert!(message.contains(expected), "{name}: {message}");
    }
    let missing = read(Path::new("no/such/file.ppm")).expect_err("there is no such file");
    assert_eq!(missing, "no/such/file.ppm: cannot be opened for reading");
}

#[test]
fn the_picture_of_the_examples() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/cat.ppm");
    let (shape, pixels) = read(Path::new(path)).expect("a picture");
    assert_eq!(shape, [192, 256, 3]);
    let mean = |channel: usize| -> usize {
        pixels.iter().skip(channel).step_by(3).map(|p| usize::from(*p)).sum::<usize>() / (192 * 256)
    };
    assert!(mean(0) > mean(2), "more red than blue");
}

/// Writes what `spec` says and returns the file.
fn written(name: &str, spec: &Spec) -> image::Result<Vec<u8>> {
    let scratch = Scratch::new(name, b"");
    let (tensor, record): (_, Record) = spec.make_versioned();
    // SAFETY: live, and C deletes it.
    let result = unsafe { image::write_f32(tensor, &scratch.0) };
    assert_eq!(record.deleted(), 1, "deleted, whatever happened");
    result.map(|()| scratch.content())
}

#[test]
fn writes_any_strides_and_clamps() {
    let grey = Spec::of(&[0_f32, 0.5, 1.0, -3.0, 7.0, f32::NAN]);
    let flat = written("flat", &grey.clone().shape(&[2, 3]));
    assert_eq!(flat.as_deref(), Ok(&b"P5\n3 2\n255\n\x00\x80\xFF\x00\xFF\x00"[..]));
    let flipped = grey.clone().shape(&[2, 3]).strides(&[-3, 1]).byte_offset(12);
    assert_eq!(
        written("flipped", &flipped).as_deref(),
        Ok(&b"P5\n3 2\n255\n\x00\xFF\x00\x00\x80\xFF"[..])
    );
    let planes = grey.clone().shape(&[1, 2, 3]).strides(&[6, 1, 2]);
    assert_eq!(
        written("planes", &planes).as_deref(),
        Ok(&b"P6\n2 1\n255\n\x00\xFF\xFF\x80\x00\x00"[..])
    );
    let one_channel = grey.shape(&[3, 2, 1]).null_strides();
    assert_eq!(
        written("one-channel", &one_channel).as_deref(),
        Ok(&b"P5\n2 3\n255\n\x00\x80\xFF\x00\xFF\x00"[..])
    );
}

#[test]
fn refuses_what_is_no_picture() {
    let grey = Spec::of(&[0_f32; 6]);
    let refused = |name: &str, spec: &Spec, expected: &str| {
        assert_eq!(written(name, spec), Err(expected.to_owned()));
    };
    refused("rank", &grey, "expected 2 or 3 dimensions, found 1");
    let bytes = Spec::of(&[0_u8; 6]).shape(&[2, 3]);
    refused("dtype", &bytes, "expected float32, found code 1 with 8 bits and 1 lanes");
    refused("channels", &grey.clone().shape(&[1, 3, 2]), "expected 1 or 3 channels, found 2");
    refused("nothing", &grey.clone().shape(&[0, 3]), "expected at least one pixel");
    refused("null", &grey.clone().shape(&[2, 3]).null_data(), "expected at least one pixel");
    let device = grey.clone().shape(&[2, 3]).device(2, 0);
    refused("device", &device, "expected a tensor on the CPU, found device type 2");
    let major = grey.shape(&[2, 3]).version(2, 0).guard_header();
    if harness::has_guard_pages() {
        refused("major", &major, "expected DLPack 1, found 2");
    }
}

#[test]
fn a_round_trip_through_a_file() {
    let pixels: Vec<u8> = (0..=255).collect();
    let floats: Vec<f32> = pixels.iter().map(|pixel| f32::from(*pixel) / 255.0).collect();
    let file = written("ramp", &Spec::of(&floats).shape(&[16, 16])).expect("a picture");
    assert_eq!(read_bytes("ramp-again", &file), Ok(([16, 16, 1], pixels)));
}

#[test]
fn images_are_counted() {
    let scratch = Scratch::new("many", b"P5 1 1 255\n\x09");
    let many: Vec<_> = (0..100).map(|_| image::read(&scratch.0).expect("a picture")).collect();
    // Other tests hold one or two at the same time.
    assert!(image::alive() >= 100);
    for tensor in many {
        // SAFETY: live.
        unsafe { delete(tensor) };
    }
    assert!(image::alive() < 100);
}
