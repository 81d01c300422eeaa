//! Where `unsafe` may be, and the reason that stands above it.

use crate::lexer::tokens;
use crate::sources::{self, Crate, Source};

/// The lines of `unsafe` blocks and `unsafe impl`s without a `// SAFETY:` above the statement that they are in.
fn without_reason(source: &Source) -> Vec<usize> {
    let tokens = tokens(&source.code);
    let unsafes = tokens
        .windows(2)
        .filter(|pair| pair[0].text == "unsafe" && (pair[1].text == "{" || pair[1].text == "impl"));
    let lines: Vec<&str> = source.text.lines().collect();
    let code: Vec<&str> = source.code.lines().collect();
    unsafes
        .map(|pair| pair[0].line)
        .filter(|&line| !has_reason(&lines, statement(&code, line)))
        .collect()
}

/// The first line of the statement, field, arm or argument that a line of code belongs to.
fn statement(code: &[&str], line: usize) -> usize {
    let mut first = line;
    while first > 0 {
        let above = code[first - 1].trim();
        if above.is_empty() || above.ends_with([';', '{', '}', ',', '(']) || above.starts_with("#[")
        {
            break;
        }
        first -= 1;
    }
    first
}

/// Whether the comment right above a line gives the reason.
fn has_reason(lines: &[&str], line: usize) -> bool {
    let above = lines[..line].iter().rev().map(|text| text.trim());
    above
        .skip_while(|text| text.starts_with("#["))
        .take_while(|text| text.starts_with("//") && !text.starts_with("///"))
        .any(|text| text.starts_with("// SAFETY: ") && text.len() > "// SAFETY: ".len())
}

/// The lines of `layout`, or of what must be as it is, that know of pointers.
fn pointers(source: &Source) -> Vec<usize> {
    let tokens = tokens(&source.code);
    let raw = tokens.windows(2).filter(|pair| {
        let pointer = pair[0].text == "*" && (pair[1].text == "const" || pair[1].text == "mut");
        pointer || ["unsafe", "NonNull", "as_ptr", "as_mut_ptr"].contains(&pair[0].text)
    });
    raw.map(|pair| pair[0].line).collect()
}

#[test]
fn every_unsafe_has_its_reason() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for source in sources::all() {
        count += source.code.matches("unsafe").count();
        wrong.extend(without_reason(source).iter().map(|&line| source.at(line)));
    }
    assert!(count > 100, "the checker sees the code");
    assert!(wrong.is_empty(), "no `// SAFETY:` above\n{}", wrong.join("\n"));
}

#[test]
fn rooms_of_arithmetic_and_words_know_no_pointers() {
    let mut seen = 0;
    for source in Crate::Dlpack.sources().filter(|source| source.room() == "layout") {
        seen += 1;
        assert!(pointers(source).is_empty(), "{}", source.at(pointers(source)[0]));
    }
    assert!(seen > 2, "the room is where it was");
}

/// What is left of `unsafe` outside the rooms for it: marker traits, which have no code.
#[test]
fn unsafe_code_is_in_few_rooms() {
    const ROOMS: [&str; 8] =
        ["dims", "copy", "view", "managed", "export", "negotiate", "exchange", "integrations"];
    for source in Crate::Dlpack.sources() {
        if ROOMS.contains(&source.room()) {
            continue;
        }
        let tokens = tokens(&source.code);
        let block = tokens
            .windows(2)
            .find(|pair| pair[0].text == "unsafe" && ["{", "fn", "extern"].contains(&pair[1].text));
        assert!(block.is_none(), "{}", source.at(block.unwrap()[0].line));
    }
}

#[test]
fn the_checker_sees_reasons() {
    let wrong = |text: &str| without_reason(&Source::new("view/x.rs", text));
    for text in [
        "// SAFETY: invariant 1.\nunsafe { f() };",
        "// SAFETY: invariant 1,\n// which is long.\nlet x =\n    unsafe { f() };",
        "// SAFETY: one.\nunsafe impl Send for X {}",
        "// SAFETY: one.\n#[inline]\nunsafe impl Send for X {}",
        "match x {\n    // SAFETY: one.\n    1 => unsafe { f() },\n}",
        "// SAFETY: one.\nlet Some(x) = (unsafe { f() }) else {",
        "/// unsafe { f() }\nfn f() {}",
        "unsafe fn f() {}",
        "let s = \"unsafe { }\";",
    ] {
        assert_eq!(wrong(text), [0; 0], "{text}");
    }
    for (text, line) in [
        ("unsafe { f() };", 0),
        ("// SAFETY: one.\nlet x = 1;\nunsafe { f(x) };", 2),
        ("// SAFETY: one.\n\nunsafe { f(x) };", 2),
        ("// SAFETY:\nunsafe { f() };", 1),
        ("// safe.\nunsafe { f() };", 1),
        ("/// SAFETY: one.\nunsafe impl Send for X {}", 1),
        ("// SAFETY: one.\nlet x = unsafe { f() };\nlet y = unsafe { f() };", 2),
        ("// SAFETY: one.\nif unsafe { f() } {\n    unsafe { g() }\n}", 2),
    ] {
        assert_eq!(wrong(text), [line], "{text}");
    }
}

#[test]
fn the_checker_sees_pointers() {
    let found = |text: &str| pointers(&Source::new("layout/x.rs", text)).len();
    assert_eq!(found("fn f(a: &[i64], b: i64) -> i64 { a[0] * b } // unsafe *const"), 0);
    assert_eq!(found("const X: i64 = 2 * 3;"), 0);
    assert_eq!(found("fn f(a: *const i64) { }"), 1);
    assert_eq!(found("fn f(a: *mut i64) { unsafe { *a } }"), 2);
    assert_eq!(found("fn f(a: &[i64]) { a.as_ptr(); }"), 1);
}
