//! The public interface of `dlpack`, read from what rustdoc writes as JSON.

use alloc::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::generated::publish;
use crate::tools::{self, Result, command, program, read, target, wants_check};

pub(crate) const HELP: &str = "\
writes the public interface of dlpack to a file

Usage: cargo xtask api [--check]

  --check  writes nothing, and fails if the interface is not the committed one

The file dlpack/public-api.txt has a paragraph for each public name: its declaration, its impls, and
the declarations of its members. A change of it is a change that users may notice.
";

const SNAPSHOT: &str = "dlpack/public-api.txt";

pub(crate) fn run(words: &[&str]) -> Result<bool> {
    let is_check = wants_check(words)?;
    let text = Api::read()?.names.into_iter().map(|(path, name)| {
        let lines = name.lines.iter().map(|line| format!("    {line}\n")).collect::<String>();
        format!("{path}\n    {}\n{lines}\n", name.declaration)
    });
    publish(SNAPSHOT, &text.collect::<String>(), is_check, "api")
}

/// A public name: its kind as rustdoc calls it, and what is declared there.
pub(crate) struct Name {
    pub(crate) kind: String,
    pub(crate) declaration: String,
    pub(crate) lines: BTreeSet<String>,
}

pub(crate) struct Api {
    /// The names by their paths, modules aside.
    pub(crate) names: BTreeMap<String, Name>,
    index: Value,
}

impl Api {
    /// Builds the documentation with all features and reads it.
    pub(crate) fn read() -> Result<Self> {
        let mut rustdoc = command("cargo");
        rustdoc.args("rustdoc --quiet -p dlpack --lib --all-features --".split(' '));
        rustdoc.args("-Zunstable-options --output-format json".split(' '));
        let usual = std::env::var_os("RUSTDOC").unwrap_or("rustdoc".into());
        tools::run(rustdoc.env("RUSTDOC", program()).env(tools::STANDS_IN, usual))?;
        let json = read(target().join("doc/dlpack.json"))?;
        let mut json: Value =
            serde_json::from_str(&json).map_err(|error| format!("dlpack.json: {error}"))?;
        let mut api = Self { names: BTreeMap::new(), index: json["index"].take() };
        api.module("dlpack", &json["root"])?;
        Ok(api)
    }

    /// The items of which a list gives the numbers, each with its kind, its contents, and itself; those of other crates aside.
    fn items<'a>(
        &'a self,
        list: &'a Value,
    ) -> impl Iterator<Item = (&'a str, &'a Value, &'a Value)> {
        list.as_array().into_iter().flatten().filter_map(|id| {
            let item = self.index.get(id.to_string())?;
            let (kind, inner) = item["inner"].as_object()?.iter().next()?;
            Some((kind.as_str(), inner, item))
        })
    }

    fn module(&mut self, path: &str, id: &Value) -> Result<()> {
        let list = Value::Array(vec![id.clone()]);
        let Some((_, module, _)) = self.items(&list).next() else { return Ok(()) };
        let (mut names, mut modules) = (Vec::new(), Vec::new());
        for (kind, inner, item) in self.items(&module["items"]) {
            let target = Value::Array(vec![inner["id"].clone()]);
            let (kind, inner, item, name) = match kind {
                "use" => match self.items(&target).next() {
                    Some((kind, found, other)) => (kind, found, other, &inner["name"]),
                    None => continue,
                },
                _ => (kind, inner, item, &item["name"]),
            };
            let name = format!("{path}::{}", name.as_str().unwrap_or_default());
            if kind == "module" {
                let is_glob = target[0] != Value::Null;
                modules.push((if is_glob { path.to_owned() } else { name }, item["id"].clone()));
            } else {
                let lines = self.members(inner)?;
                let declaration = declaration(kind, item)?;
                names.push((name, Name { kind: kind.to_owned(), declaration, lines }));
            }
        }
        self.names.extend(names);
        modules.iter().try_for_each(|(path, id)| self.module(path, id))
    }

    /// Returns the declarations of fields, variants, methods and constants, and the impls.
    fn members(&self, inner: &Value) -> Result<BTreeSet<String>> {
        let mut lines = BTreeSet::new();
        let kind = &inner["kind"];
        let lists = [&kind["plain"]["fields"], &kind["tuple"], &inner["variants"], &inner["items"]];
        for list in lists {
            for (kind, _, item) in self.items(list) {
                lines.insert(declaration(kind, item)?);
            }
        }
        for (_, found, item) in self.items(&inner["impls"]) {
            if found["is_synthetic"] == true || !found["blanket_impl"].is_null() {
                continue;
            }
            let Some(name) = found["trait"]["path"].as_str() else {
                for (kind, _, item) in self.items(&found["items"]) {
                    lines.insert(declaration(kind, item)?);
                }
                continue;
            };
            let written = source(item)?;
            let is_written = written.contains("impl") && !written.contains('$');
            lines.insert(if is_written { written } else { format!("impl {name}") });
        }
        Ok(lines)
    }
}

/// Returns what declares an item, as it is written, or its kind and name if a macro has written it.
fn declaration(kind: &str, item: &Value) -> Result<String> {
    let (written, name) = (source(item)?, item["name"].as_str().unwrap_or_default());
    let is_written = written.contains(name) && !written.contains('$');
    Ok(if is_written { written } else { format!("{kind} {name}") })
}

/// Returns the source of an item in one line: all of a field or variant, else what comes before its body.
fn source(item: &Value) -> Result<String> {
    let span = &item["span"];
    let Some(file) = span["filename"].as_str() else { return Ok(String::new()) };
    let line = |end: &str| span[end][0].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(1);
    let text = read(file)?;
    let lines = text.lines().take(line("end")).skip(line("begin") - 1).map(str::trim);
    let lines = lines.filter(|line| !line.starts_with("//") && !line.starts_with("#["));
    let mut text = lines.collect::<Vec<_>>().join(" ");
    if ["variant", "struct_field"].iter().all(|kind| item["inner"].get(kind).is_none()) {
        let end = [" {", " = ", ";"].iter().find_map(|end| text.find(end));
        text.truncate(end.unwrap_or(text.len()));
    }
    Ok(text.trim_end_matches([',', ';']).to_owned())
}
