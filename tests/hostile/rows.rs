//! The list of odd and hostile inputs, and the test that each of them has one.
//!
//! Unless a row says otherwise it is about a float32 tensor of two rows and three columns on the CPU.

/// What row `n` is about, at index `n - 1`.
const ROWS: [&str; 118] = [
    // The header.
    "a null pointer",
    "version 1.3",
    "versions 1.0, 1.1, 1.99 and 1.4294967295",
    "version 2.0, with nothing but an inaccessible page after the flags",
    "version 0.8 in the versioned struct",
    "version 4294967295.0 without a deleter",
    // The deleter.
    "no deleter",
    "no manager context",
    "a deleter that frees the struct and overwrites it",
    "a deleter that drops another tensor",
    "a deleter that waits for a lock, on another thread",
    "an import that is refused after the tensor was taken over",
    "a thousand round trips between raw pointer and owner",
    "an owner that is forgotten",
    "an owner that is dropped while a panic unwinds",
    "an exported owner that panics when it is dropped",
    // The header, continued.
    "an unknown flag",
    "all flags",
    "a valid legacy tensor",
    "a struct that is not aligned",
    // The pointers to shape and strides.
    "no dimensions, null shape and null strides",
    "-1 dimensions",
    "as few dimensions as an i32 can say",
    "as many dimensions as an i32 can say, with the shape at the end of a page",
    "64 dimensions",
    "65 dimensions",
    "a null shape with two dimensions",
    "null strides, legacy",
    "null strides, version 1.1",
    "null strides, version 1.3, leniently and strictly",
    "a shape that grows after the import",
    "a shape that is freed after the import",
    "null strides without elements",
    "null strides and 2^80 elements",
    // Sizes.
    "a negative size",
    "the smallest size",
    "no elements and no data",
    "no elements and strides of zero",
    "no elements, of sizes whose product does not fit",
    "2^64 elements",
    "one byte more than an isize can count",
    "elements that an isize can count, and bytes that it cannot",
    "three axes of size one",
    // Strides.
    "a reversed axis",
    "reversed rows",
    "reversed columns",
    "the smallest stride",
    "the smallest stride, of one element",
    "a meaningless stride of an axis of size one",
    "the largest strides",
    "the largest strides in both directions",
    "one row four times",
    "a sliding window",
    "column-major order",
    "rows with a gap",
    "two equal strides",
    "a stride of an axis of size one that does not fit in the address space",
    "mixed signs between the two edges of an allocation",
    // Data, offset, alignment.
    "no data, with elements",
    "no data and no elements, at an offset",
    "data that dangles, without elements",
    "a byte offset",
    "a byte offset meant to be negative",
    "a byte offset of half the address space",
    "misaligned data",
    "a misaligned byte offset",
    "bytes at any address",
    "complex numbers as aligned as one part",
    "doubles aligned to four bytes",
    "elements up to an inaccessible page",
    "uninitialised elements",
    // Dtypes.
    "no bits",
    "no lanes",
    "an unknown code",
    "four lanes",
    "four lanes as a vector type that is aligned to sixteen bytes",
    "bool as an element",
    "truth values of 0, 1, 2 and 255",
    "truth values of one bit and of 32",
    "truth values declared as unsigned bytes",
    "signed integers as unsigned ones",
    "complex numbers as doubles",
    "complex numbers of two halves",
    "five packed 4-bit floats",
    "five padded 4-bit floats",
    "pairs of 4-bit floats",
    "8-bit 4-bit floats",
    "every other packed 4-bit integer",
    "6-bit floats across bytes",
    "opaque handles as integers",
    // Devices.
    "processors with numbers",
    "pinned memory",
    "managed memory",
    "memory of other devices",
    "unknown devices",
    "a handle and a byte offset",
    // Access.
    "read-only memory",
    "legacy memory, of which nobody knows whether it is read-only",
    "a copy, and a read-only copy",
    "memory that is no copy",
    "what may cross threads",
    "two tensors of one buffer",
    "memory that is written between two reads",
    "eight threads that read",
    // Export.
    "a vector as two rows of three",
    "an empty vector",
    "more elements than the owner has",
    "strides that leave the owner's memory",
    "a consumer that overwrites the struct",
    "a consumer that writes into the shape",
    "a tensor that is moved after its export",
    "shared memory",
    "the owner taken back",
    "a deleter that runs on another thread",
    "legacy to versioned",
    "versioned to legacy, with flags that cannot be said",
    "no memory",
    "an export of 64 and of 65 dimensions",
];

/// What row `n` is about, at index `n - 130`; `tests/exchange` has the tests. The rows between are Python's.
const EXCHANGE: [&str; 9] = [
    "no table, an older table behind a newer one, a circle of tables, a thousand tables",
    "each function of a table missing in turn",
    "an allocator that fails and writes garbage",
    "an allocator that succeeds without a tensor",
    "an object that cannot be made, with the deleter called and not",
    "an object that is made and not there",
    "an object that is resized while its tensor is lent",
    "a consumer that does not listen to the allocator",
    "a prototype of garbage, of -1 dimensions, of negative and huge sizes",
];

/// The modules with rows, and `tests/abort.rs`, whose rows end their process.
const SOURCES: [(&str, &str); 15] = [
    ("access", include_str!("access.rs")),
    ("autotraits", include_str!("autotraits.rs")),
    ("data", include_str!("data.rs")),
    ("deleter", include_str!("deleter.rs")),
    ("device", include_str!("device.rs")),
    ("dtype", include_str!("dtype.rs")),
    ("export", include_str!("export.rs")),
    ("header", include_str!("header.rs")),
    ("in_rust", include_str!("in_rust.rs")),
    ("reexport", include_str!("reexport.rs")),
    ("shape", include_str!("shape.rs")),
    ("shape_pointers", include_str!("shape_pointers.rs")),
    ("starvation", include_str!("starvation.rs")),
    ("strides", include_str!("strides.rs")),
    ("sub_byte", include_str!("sub_byte.rs")),
];
const ABORT: &str = include_str!("../abort.rs");
const EXCHANGE_SOURCES: [&str; 7] = [
    include_str!("../exchange/allocate.rs"),
    include_str!("../exchange/chain.rs"),
    include_str!("../exchange/lending.rs"),
    include_str!("../exchange/missing.rs"),
    include_str!("../exchange/objects.rs"),
    include_str!("../exchange/told_allocate.rs"),
    include_str!("../exchange/told_objects.rs"),
];
const MAIN: &str = include_str!("main.rs");

/// The rows that a source has tests for.
fn tested(source: &str) -> Vec<usize> {
    let mut rows = vec![];
    let mut is_test = false;
    for line in source.lines() {
        if let Some(name) = line.strip_prefix("fn ") {
            rows.extend(row_of(name).filter(|_| is_test));
            is_test = false;
        } else if line == "#[test]" {
            is_test = true;
        } else if !line.starts_with("#[") {
            is_test = false;
        }
    }
    rows
}

/// 42 for `h042_and_so_on`.
fn row_of(name: &str) -> Option<usize> {
    let (digits, rest) = name.strip_prefix('h')?.split_at_checked(3)?;
    if rest.starts_with('_') { digits.parse().ok() } else { None }
}

#[test]
fn every_row_has_a_test_and_every_test_a_row() {
    let here = SOURCES.iter().map(|(_, source)| *source);
    let sources = here.chain([ABORT]).chain(EXCHANGE_SOURCES);
    let mut tested: Vec<usize> = sources.flat_map(tested).collect();
    tested.sort_unstable();
    tested.dedup();
    let rows = (1..).zip(ROWS).chain((130..).zip(EXCHANGE));
    let missing: Vec<(usize, &str)> = rows.filter(|(row, _)| !tested.contains(row)).collect();
    assert_eq!(missing, []);
    let listed = ROWS.len() + EXCHANGE.len();
    assert_eq!(tested.len(), listed, "no test of a row that is not in the list");
}

#[test]
fn every_source_is_compiled() {
    for (module, _) in SOURCES {
        let declaration = format!("mod {module};");
        assert!(MAIN.lines().any(|line| line == declaration), "{declaration}");
    }
    let declared = MAIN.lines().filter(|line| line.starts_with("mod ")).count();
    let helpers = ["producer", "rows", "support"];
    assert_eq!(declared, SOURCES.len() + helpers.len(), "each module is in the list");
}

#[test]
fn the_search_finds_tests_only() {
    let source = "#[test]\nfn h001_a() {}\n#[test]\n#[cfg(x)]\nfn h002_b() {}\nfn h003_c() {}\n\
                  #[test]\nfn other() {}\nfn h004_d() {}\n    fn h005_e() {}\n#[test]\nfn h06_f() {}\n";
    assert_eq!(tested(source), [1, 2]);
}
