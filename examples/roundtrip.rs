//! A round trip of a picture: C reads it, Rust views it and computes, C writes the result.
//!
//! The C library uses DLPack's header and nothing else. Only pointers to `DLManagedTensorVersioned` are exchanged: no pixel is
//! copied. In the end, the deleters of both sides have been called.
//!
//! The library in C is `roundtrip.c`. This compiles it in the `build.rs` of a project that depends on `dlpack-sys`, and on `cc` to
//! build: `cc::Build::new().file("roundtrip.c").include(std::env::var("DEP_DLPACK_INCLUDE").unwrap()).compile("roundtrip");`
//!
//! The picture is `examples/data/cat.ppm` of the project.

use std::error::Error;
use std::ffi::{CString, c_char, c_int};
use std::path::Path;
use std::ptr;
use std::sync::Arc;

use dlpack::sys::DLManagedTensorVersioned;
use dlpack::{DataType, Exporter, Flags, ManagedTensorVersioned, TensorView};

unsafe extern "C" {
    fn image_read(path: *const c_char, out: *mut *mut DLManagedTensorVersioned) -> c_int;
    fn image_write(tensor: *mut DLManagedTensorVersioned, path: *const c_char) -> c_int;
    safe fn images_alive() -> c_int;
}

const TOP: usize = 44;
const LEFT: usize = 60;
const HEIGHT: usize = 128;
const WIDTH: usize = 160;

fn main() -> Result<(), Box<dyn Error>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/cat.ppm");
    let target = std::env::current_exe()?.with_extension("ppm");

    // From C: the struct is checked and owned.
    let picture = read(&source)?;
    println!("C read {}: {picture:?}", source.display());
    assert_eq!(picture.dtype(), DataType::U8);
    assert_eq!(picture.shape(), [192, 256, 3]);
    assert_eq!(picture.flags(), Flags::IS_COPIED);

    // Nobody else accesses a tensor that is marked as a copy.
    // SAFETY: the C library has written all pixels.
    let picture = unsafe { picture.try_exclusive()?.assume_init() };
    let pixels = picture.view::<u8>()?;

    // A mirrored crop has other strides over the same memory.
    let face = pixels.slice(0, TOP..TOP + HEIGHT)?.slice(1, LEFT..LEFT + WIDTH)?.flip(1)?;
    println!("Rust crops and mirrors it: shape {:?}, strides {:?}", face.shape(), face.strides());
    assert_eq!(face.as_ptr(), &raw const pixels[[TOP, LEFT + WIDTH - 1, 0]]);

    // Each channel is stretched to the whole range, and becomes a plane of its own.
    let mut planes = Vec::with_capacity(face.numel());
    for channel in 0..3 {
        stretch(&face.select(2, channel)?, &mut planes);
    }

    // To C, which indexes the channels last: the strides say where they are.
    let planes = Arc::<[f32]>::from(planes);
    let owner = Arc::downgrade(&planes);
    let strides = [isize::try_from(WIDTH)?, 1, isize::try_from(HEIGHT * WIDTH)?];
    let result = Exporter::shared(planes).shape(&[HEIGHT, WIDTH, 3]).strides(&strides).build()?;
    println!("Rust passes on {result:?}");
    let path = c_path(&target)?;
    // SAFETY: C takes ownership of the tensor, and only reads it. The path lives through the call.
    let code = unsafe { image_write(result.into_raw(), path.as_ptr()) };
    assert_eq!(code, 0, "C could write the file");
    assert_eq!(owner.strong_count(), 0, "C called the deleter, which dropped the owner");
    println!("C wrote {}", target.display());

    assert_result(&target, &pixels)?;
    assert_eq!(images_alive(), 1);
    drop(picture);
    assert_eq!(images_alive(), 0, "Rust called the deleters of C");
    println!("each deleter has run once, and nothing is left");
    Ok(())
}

/// Lets C read a picture, and takes it over.
fn read(path: &Path) -> Result<ManagedTensorVersioned, Box<dyn Error>> {
    let (path, mut raw) = (c_path(path)?, ptr::null_mut());
    // SAFETY: both pointers live through the call.
    let code = unsafe { image_read(path.as_ptr(), &mut raw) };
    if code != 0 {
        return Err(format!("{path:?} is not a picture that C can read").into());
    }
    // SAFETY: the C library passes the tensor on, and keeps to the standard.
    Ok(unsafe { ManagedTensorVersioned::from_raw(raw) }?)
}

fn c_path(path: &Path) -> Result<CString, Box<dyn Error>> {
    Ok(CString::new(path.to_str().ok_or("expected a path in UTF-8")?)?)
}

/// Appends the values of a channel, scaled so that the darkest is 0 and the brightest 1.
fn stretch(channel: &TensorView<'_, u8>, plane: &mut Vec<f32>) {
    let low = channel.reduce_memory_order(u8::MAX, u8::min);
    let high = channel.reduce_memory_order(u8::MIN, u8::max);
    let range = f32::from((high - low).max(1));
    plane.extend(channel.iter().map(|value| f32::from(value - low) / range));
}

/// Reads the file and compares it with the original pixels.
fn assert_result(path: &Path, pixels: &TensorView<'_, u8>) -> Result<(), Box<dyn Error>> {
    let result = read(path)?;
    // SAFETY: the C library has written all pixels, and does not write them again.
    let result = unsafe { result.view::<u8>() }?;
    assert_eq!(result.shape(), [HEIGHT, WIDTH, 3]);
    for channel in 0..3 {
        let old = |y: usize, x: usize| pixels[[TOP + y, LEFT + WIDTH - 1 - x, channel]];
        let all = || (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (y, x)));
        let low = all().map(|(y, x)| old(y, x)).min().ok_or("no pixels")?;
        let high = all().map(|(y, x)| old(y, x)).max().ok_or("no pixels")?;
        for (y, x) in all() {
            let (part, range) = (u32::from(old(y, x) - low), u32::from(high - low));
            let expected = (part * 510 + range) / (2 * range);
            assert!(u32::from(result[[y, x, channel]]).abs_diff(expected) <= 1);
        }
    }
    Ok(())
}
