//! As much of Rust's lexical grammar as it takes to tell code from comments and strings.

/// An identifier, or `::`, or any other single character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    pub text: &'a str,
    /// From 0.
    pub line: usize,
}

/// The source with comments, and what is inside strings and character literals, replaced by spaces. Lines stay lines.
pub fn code(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while !rest.is_empty() {
        let (kept, blanked) = match blank_prefix(rest, out.chars().next_back()) {
            Some(len) => (0, len),
            None => (rest.chars().next().map_or(0, char::len_utf8), 0),
        };
        out.push_str(&rest[..kept]);
        out.extend(rest[kept..kept + blanked].chars().map(|c| if c == '\n' { c } else { ' ' }));
        rest = &rest[kept + blanked..];
    }
    out
}

/// How long the comment or literal is that `rest` starts with.
fn blank_prefix(rest: &str, before: Option<char>) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment(rest));
    }
    if rest.starts_with('"') {
        return Some(quoted(rest, '"'));
    }
    if rest.starts_with('\'') {
        return character(rest);
    }
    let in_word = before.is_some_and(is_word);
    if !in_word && (rest.starts_with("r\"") || rest.starts_with("r#")) {
        let hashes = rest[1..].chars().take_while(|&c| c == '#').count();
        let end = format!("\"{}", "#".repeat(hashes));
        let body = rest.get(1 + hashes..)?.strip_prefix('"')?;
        return Some(body.find(&end).map_or(rest.len(), |at| 2 + hashes + at + end.len()));
    }
    None
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        let tail = &rest[at..];
        if tail.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += tail.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + 1;
        }
    }
    rest.len()
}

/// A character literal, but not a lifetime.
fn character(rest: &str) -> Option<usize> {
    let mut chars = rest.chars().skip(1);
    let (first, second) = (chars.next()?, chars.next()?);
    (first == '\\' || second == '\'').then(|| quoted(rest, '\''))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The tokens of what [`code`] gives.
pub fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for (line, text) in code.lines().enumerate() {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let len = if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            if !first.is_whitespace() {
                tokens.push(Token { text: &rest[..len], line });
            }
            rest = &rest[len..];
        }
    }
    tokens
}

/// The code without the modules that are only there for tests.
pub fn without_tests(code: &str) -> String {
    const START: [&str; 9] = ["#", "[", "cfg", "(", "test", ")", "]", "mod", "tests"];
    let mut lines: Vec<&str> = code.lines().collect();
    let all = tokens(code);
    for (at, window) in all.windows(START.len()).enumerate() {
        if window.iter().map(|token| token.text).ne(START) {
            continue;
        }
        let mut depth = 0;
        let end = all[at + START.len()..].iter().find(|token| {
            depth += i32::from(token.text == "{") - i32::from(token.text == "}");
            depth == 0
        });
        let last = end.map_or(lines.len() - 1, |token| token.line);
        lines[window[0].line..=last].fill("");
    }
    lines.join("\n")
}

#[test]
fn comments_and_strings_are_blanked() {
    for (source, left) in [
        ("a // b\nc", &["a", "c"][..]),
        ("a /* b /* c\n */ d */ e", &["a", "e"]),
        (r#"f("a // \" b") + g"#, &["f(", ")", "+", "g"]),
        ("f(r#\"a\"b\"#) + r\"\\\" + for\"a\"", &["f(", ")", "+", "+", "for"]),
        (r"'a' b '\'' c '\n' <'a>", &["b", "c", "<'a>"]),
        ("x: &'a str) { 'x' }", &["x:", "&'a", "str)", "{", "}"]),
        ("/// assert!(true)\nfn f()", &["fn", "f()"]),
    ] {
        let code = code(source);
        assert_eq!(code.split_whitespace().collect::<Vec<_>>(), left, "{source}");
        assert_eq!((code.len(), code.lines().count()), (source.len(), source.lines().count()));
    }
}

#[test]
fn tokens_have_lines() {
    let found: Vec<_> =
        tokens("use crate::a_1;\n&'b *x").iter().map(|t| (t.text, t.line)).collect();
    let first = ["use", "crate", "::", "a_1", ";"].map(|text| (text, 0));
    let second = ["&", "'", "b", "*", "x"].map(|text| (text, 1));
    assert_eq!(found, [first, second].concat());
}

#[test]
fn modules_of_tests_are_left_out() {
    let source = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}";
    assert_eq!(without_tests(source), "fn a() {}\n\n\n\n\nfn c() {}");
}
