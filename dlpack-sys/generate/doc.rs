//! Turns the header's doxygen comments into rustdoc, also where bindgen does not find them.

/// Rewrites one doxygen comment (its `/*!`, `*` and `*/` already taken off) as Markdown.
pub(crate) fn from_doxygen(comment: &str, header: &str) -> String {
    let mut page = Page { header, ..Page::default() };
    for line in comment.lines() {
        page.line(line.trim_end());
    }
    page.lines.join("\n").trim().to_owned()
}

/// Writes every comment as `///` lines, and gives what bindgen left without one the header's: an
/// enumerator of a group has that of the group's first.
pub(crate) fn tidy(bindings: &str, header: &str) -> String {
    let mut tidied = Vec::new();
    let mut comment = Vec::new();
    let mut is_commented = false;
    let mut lines = bindings.lines();
    while let Some(line) = lines.next() {
        let (indent, item) = line.split_at(line.len() - line.trim_start().len());
        if let Some(found) = read_comment(item, &mut lines) {
            tidied.extend(as_doc_lines(&found, indent));
            comment = found;
            is_commented = true;
        } else if let Some(name) = declared_name(item) {
            if !is_commented {
                comment = header_comment(name, header).unwrap_or(comment);
                tidied.extend(as_doc_lines(&comment, indent));
            }
            tidied.push(line.to_owned());
            is_commented = false;
        } else if !(is_commented && item.is_empty()) {
            tidied.push(line.to_owned());
        }
    }
    tidied.push(String::new());
    tidied.join("\n")
}

/// Returns the lines of the comment that starts at `item`, if one does.
fn read_comment<'a>(
    item: &'a str,
    rest: &mut impl Iterator<Item = &'a str>,
) -> Option<Vec<String>> {
    if let Some(only) = item.strip_prefix("///") {
        return Some(vec![only.to_owned()]);
    }
    let mut line = item.strip_prefix("/**")?;
    let mut lines = Vec::new();
    loop {
        if let Some(last) = line.strip_suffix("*/") {
            lines.push(last.to_owned());
            return Some(lines);
        }
        lines.push(line.to_owned());
        line = rest.next()?;
    }
}

fn as_doc_lines(comment: &[String], indent: &str) -> Vec<String> {
    comment.iter().map(|line| format!("{indent}/// {line}").trim_end().to_owned()).collect()
}

fn declared_name(item: &str) -> Option<&str> {
    let (_, name) = item.strip_prefix("pub ")?.split_once(' ').unwrap_or_default();
    name.split([':', '(', ' ']).next()
}

/// Returns the comment above the declaration of `name`: the last that starts a line before it.
fn header_comment(name: &str, header: &str) -> Option<Vec<String>> {
    let declaration = [format!("#define {name} "), format!("}} {name};")];
    let (above, _) = declaration.iter().find_map(|text| header.split_once(text.as_str()))?;
    let (_, comment) = above.rsplit_once("\n/*!")?;
    let (comment, _) = comment.split_once("*/")?;
    let lines: Vec<&str> =
        comment.lines().map(|line| line.trim().trim_start_matches('*')).collect();
    Some(from_doxygen(&lines.join("\n"), header).lines().map(str::to_owned).collect())
}

/// The comment written so far, and what the line before means for the next one.
#[derive(Default)]
struct Page<'a> {
    header: &'a str,
    lines: Vec<String>,
    in_code: bool,
    in_item: bool,
    after_brief: bool,
}

impl Page<'_> {
    fn line(&mut self, line: &str) {
        let text = line.trim();
        if self.in_code {
            let end = text == "\\endcode";
            self.in_code = !end;
            let line = line.strip_prefix(' ').unwrap_or(line);
            self.lines.push(if end { "```".to_owned() } else { line.to_owned() });
        } else if text.starts_with("\\code") {
            self.in_code = true;
            self.lines.push("```text".to_owned());
        } else if let Some((command, rest)) = command(text) {
            self.command(command, rest);
        } else {
            self.text(text);
        }
    }

    fn command(&mut self, command: &str, rest: &str) {
        match command {
            "brief" => {
                self.text(rest);
                self.after_brief = true;
            }
            "param" => {
                let (name, meaning) = rest.split_once(' ').unwrap_or((rest, ""));
                self.item(&format!("`{name}`: {}", self.words(meaning)));
            }
            "return" => self.paragraph(&format!("Returns: {rest}")),
            "sa" => self.paragraph(&format!("See also {rest}.")),
            "note" => match rest.strip_prefix("- ") {
                Some(point) => {
                    self.paragraph("Note:");
                    self.lines.push(String::new());
                    self.item(&self.words(point));
                }
                None => self.paragraph(&format!("Note: {rest}")),
            },
            _ => self.text(rest),
        }
    }

    /// Adds a line as it comes: an item of a list, more of one, or plain text.
    fn text(&mut self, text: &str) {
        let text = if text == "*" { "" } else { text };
        if let Some(point) = text.strip_prefix("- ") {
            return self.item(&self.words(point));
        }
        // A brief says one thing; a sentence that starts on the next line says another.
        if self.after_brief && text.starts_with(|first: char| first.is_uppercase() || first == '(')
        {
            self.lines.push(String::new());
        }
        self.after_brief = false;
        self.in_item &= !text.is_empty();
        let indent = if self.in_item { "  " } else { "" };
        self.lines.push(format!("{indent}{}", self.words(text)));
    }

    fn paragraph(&mut self, text: &str) {
        self.in_item = false;
        self.after_brief = false;
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
        self.lines.push(self.words(text));
    }

    fn item(&mut self, text: &str) {
        self.in_item = true;
        self.after_brief = false;
        self.lines.push(format!("- {text}"));
    }

    /// Links the header's own names and sets other code as code.
    fn words(&self, text: &str) -> String {
        let words: Vec<String> = text.split_whitespace().map(|word| self.word(word)).collect();
        words.join(" ")
    }

    fn word(&self, word: &str) -> String {
        let name = word.trim_start_matches('(');
        let (before, name) = word.split_at(word.len() - name.len());
        let is_call = name.contains('(');
        let kept = name.trim_end_matches(|last| ",.:;".contains(last) || (last == ')' && !is_call));
        let (name, after) = name.split_at(kept.len());
        if is_declared(name, self.header) {
            format!("{before}[`{name}`]{after}")
        } else if is_code(name) {
            format!("{before}`{name}`{after}")
        } else {
            word.to_owned()
        }
    }
}

fn command(text: &str) -> Option<(&str, &str)> {
    let (command, rest) = text.strip_prefix('\\')?.split_once(' ').unwrap_or((&text[1..], ""));
    Some((command, rest.trim()))
}

fn is_declared(name: &str, header: &str) -> bool {
    name.starts_with("DL")
        && [format!("}} {name};"), format!("(*{name})"), format!("#define {name} ")]
            .iter()
            .any(|declaration| header.contains(declaration))
}

fn is_code(name: &str) -> bool {
    name.contains(['_', '<', '[', '*', '='])
        && name.contains(char::is_alphanumeric)
        && !name.contains('`')
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "
/*! \\brief the largest */
#define DLPACK_MOST 3
/*!
 * \\brief A kind.
 */
#ifdef X
typedef enum {
  /*! \\brief two of them */
  kDLOne = 1,
  kDLTwo = 2,
} DLKind;
";

    fn converted(comment: &str) -> String {
        from_doxygen(comment, HEADER)
    }

    #[test]
    fn a_brief_is_a_paragraph_of_its_own() {
        assert_eq!(converted(" \\brief A kind\n goes on.\n"), "A kind\ngoes on.");
        assert_eq!(converted(" \\brief A kind.\n It ends.\n"), "A kind.\n\nIt ends.");
    }

    #[test]
    fn parameters_are_a_list() {
        let comment =
            " Text.\n\n \\param out The\n        rest.\n \\return 0 or -1.\n \\sa DLKind, DLGone";
        let expected =
            "Text.\n\n- `out`: The\n  rest.\n\nReturns: 0 or -1.\n\nSee also [`DLKind`], DLGone.";
        assert_eq!(converted(comment), expected);
    }

    #[test]
    fn a_note_may_be_a_list() {
        assert_eq!(converted(" \\note - One.\n       - Two."), "Note:\n\n- One.\n- Two.");
        assert_eq!(converted(" \\note One."), "Note: One.");
    }

    #[test]
    fn code_is_fenced_and_left_alone() {
        let comment = " \\code{.c}\n if (a[0]) {\n   b;\n }\n \\endcode\n Text.";
        assert_eq!(converted(comment), "```text\nif (a[0]) {\n  b;\n}\n```\nText.");
    }

    #[test]
    fn names_and_code_are_marked() {
        assert_eq!(converted("a DLKind, (DLPACK_MOST)."), "a [`DLKind`], ([`DLPACK_MOST`]).");
        assert_eq!(
            converted("x[i] of std::v<T>: f_g() `a_b` 2 * 3"),
            "`x[i]` of `std::v<T>`: `f_g()` `a_b` 2 * 3"
        );
    }

    #[test]
    fn what_has_no_comment_gets_the_headers() {
        let bindings = "pub const DLPACK_MOST: u32 = 3;
impl DLKind {
    ///two of them

    pub const kDLOne: DLKind = DLKind(1);
    pub const kDLTwo: DLKind = DLKind(2);
}
pub struct DLKind(pub u32);
";
        let expected = "/// the largest
pub const DLPACK_MOST: u32 = 3;
impl DLKind {
    /// two of them
    pub const kDLOne: DLKind = DLKind(1);
    /// two of them
    pub const kDLTwo: DLKind = DLKind(2);
}
/// A kind.
pub struct DLKind(pub u32);
";
        assert_eq!(tidy(bindings, HEADER), expected);
    }

    #[test]
    fn a_block_becomes_lines() {
        let bindings = "    /**One.\n\nTwo.*/\n    pub x: u8,\n";
        assert_eq!(tidy(bindings, HEADER), "    /// One.\n    ///\n    /// Two.\n    pub x: u8,\n");
    }
}
