//! Puts all mutants of a file into one text, each behind a condition that chooses it.

use alloc::collections::{BTreeMap, BTreeSet};
use core::ops::Range;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Arm, Block, Expr, ExprBinary, ExprUnary, ImplItemFn, ItemFn, Signature};

use crate::evidence::cargo_mutants::{Mutant, offset};
use crate::tools::Result;

/// A file with its mutants.
#[derive(Debug)]
pub(super) struct Woven {
    pub(super) text: String,
    /// What stands for which mutants, so that an error of the compiler leads to them.
    pub(super) parts: Vec<(Range<usize>, Vec<usize>)>,
    /// Where an arm has got a guard, and by which mutant.
    pub(super) guards: Vec<(usize, usize)>,
    /// The mutants that are in the text, by their numbers.
    pub(super) numbers: Vec<usize>,
}

/// A place that some mutants change.
#[derive(Debug)]
struct Place {
    range: Range<usize>,
    what: What,
    /// The number of each mutant, and what it puts there.
    mutants: Vec<(usize, String)>,
}

#[derive(Clone, Debug)]
enum What {
    /// Something else is returned before the body.
    Body,
    /// An expression is another one, which each mutant has.
    Expression,
    /// Another condition decides about an arm.
    Guard,
    /// A function is no longer constant.
    Constant,
    /// An arm is never taken. It may have a guard.
    Arm { guard: Option<Range<usize>> },
}

/// Weaves the mutants of a file, which have these numbers, into its text, apart from those that cannot be put behind a condition. Its
/// functions are no longer constant, in which nothing could be chosen, unless they have one of these names.
pub(super) fn weave(
    text: &str,
    mutants: &[(usize, &Mutant)],
    constant: &BTreeSet<String>,
) -> Result<Woven> {
    let file = syn::parse_file(text).map_err(|error| format!("cannot parse a file: {error}"))?;
    let mut found = Found::default();
    found.visit_file(&file);
    let mut places = BTreeMap::<(usize, usize, bool), Place>::new();
    for &(number, mutant) in mutants {
        let between = offset(text, mutant.start).zip(offset(text, mutant.end));
        let (start, end) = between.ok_or_else(|| format!("{}: no such place", mutant.name))?;
        if let Some(function) = found.constant.iter().find(|it| it.body.contains(&start)) {
            if constant.contains(&function.name) {
                continue;
            }
            let range = function.keyword.clone();
            let place = Place { range: range.clone(), what: What::Constant, mutants: Vec::new() };
            places.insert((range.start, usize::MAX - range.end, false), place);
        }
        let place = match mutant.genre.as_str() {
            // The compiler finds one type behind `impl`, and that of the mutant is another.
            "FnValue" if mutant.name.contains("-> impl") => continue,
            "FnValue" => Some((start..end, What::Body)),
            "BinaryOperator" | "UnaryOperator" => {
                let range = found.expressions.get(&start);
                range.map(|range| (range.clone(), What::Expression))
            }
            "MatchArmGuard" => Some((start..end, What::Guard)),
            "MatchArm" => found.arms.get(&start).cloned(),
            _ => continue,
        };
        let (range, what) =
            place.ok_or_else(|| format!("{}: cannot find what it changes", mutant.name))?;
        let new = match what {
            // As the text is read with another operator: that may bind more closely, or less.
            What::Expression => {
                format!("{}{}{}", &text[range.start..start], mutant.new, &text[end..range.end])
            }
            _ => mutant.new.clone(),
        };
        // What is around something else comes first: it may begin where that begins, and a body or a guard may be one expression.
        let is_inner = matches!(what, What::Expression);
        let place = places.entry((range.start, usize::MAX - range.end, is_inner));
        let place = place.or_insert_with(|| Place { range, what, mutants: Vec::new() });
        place.mutants.push((number, new));
    }
    let places: Vec<Place> = places.into_values().collect();
    let numbers = places.iter().flat_map(|place| &place.mutants).map(|&(number, _)| number);
    let numbers = numbers.collect();
    let mut weaver = Weaver {
        source: text,
        places: &places,
        text: String::new(),
        parts: Vec::new(),
        guards: Vec::new(),
    };
    weaver.put(0..text.len(), None);
    Ok(Woven { text: weaver.text, parts: weaver.parts, guards: weaver.guards, numbers })
}

/// What a file has, by where it begins.
#[derive(Debug, Default)]
struct Found {
    /// By their operators: the whole of those with one operator after another.
    expressions: BTreeMap<usize, Range<usize>>,
    arms: BTreeMap<usize, (Range<usize>, What)>,
    constant: Vec<Function>,
    /// The expression of which the next one is an operand.
    around: Option<Range<usize>>,
}

/// A constant function.
#[derive(Debug)]
struct Function {
    name: String,
    keyword: Range<usize>,
    body: Range<usize>,
}

impl Found {
    fn enter(&mut self, signature: &Signature, body: &Block) {
        self.constant.extend(signature.constness.as_ref().map(|keyword| Function {
            name: signature.ident.to_string(),
            keyword: keyword.span().byte_range(),
            body: body.span().byte_range(),
        }));
    }
}

impl<'ast> Visit<'ast> for Found {
    fn visit_item_fn(&mut self, it: &'ast ItemFn) {
        self.enter(&it.sig, &it.block);
        visit::visit_item_fn(self, it);
    }

    fn visit_impl_item_fn(&mut self, it: &'ast ImplItemFn) {
        self.enter(&it.sig, &it.block);
        visit::visit_impl_item_fn(self, it);
    }

    fn visit_expr_binary(&mut self, it: &'ast ExprBinary) {
        let [left, operator, right] =
            [it.left.span(), it.op.span(), it.right.span()].map(|span| span.byte_range());
        let around = self.around.take().unwrap_or(left.start..right.end);
        self.expressions.insert(operator.start, around.clone());
        for side in [&it.left, &it.right] {
            self.around = matches!(**side, Expr::Binary(_)).then(|| around.clone());
            self.visit_expr(side);
        }
        self.around = None;
    }

    fn visit_expr_unary(&mut self, it: &'ast ExprUnary) {
        let start = it.op.span().byte_range().start;
        self.expressions.insert(start, start..it.expr.span().byte_range().end);
        visit::visit_expr_unary(self, it);
    }

    fn visit_arm(&mut self, it: &'ast Arm) {
        let guard = it.guard.as_ref().map(|(_, guard)| guard.span().byte_range());
        let end = it.pat.span().byte_range().end;
        let range = guard.clone().unwrap_or(end..end);
        self.arms.insert(it.span().byte_range().start, (range, What::Arm { guard }));
        visit::visit_arm(self, it);
    }
}

#[derive(Debug)]
struct Weaver<'a> {
    source: &'a str,
    /// The outer ones come before those within them.
    places: &'a [Place],
    text: String,
    parts: Vec<(Range<usize>, Vec<usize>)>,
    guards: Vec<(usize, usize)>,
}

impl Weaver<'_> {
    /// Appends a part of the source with all places in it, apart from one that is around it and those before that one.
    fn put(&mut self, range: Range<usize>, within: Option<usize>) {
        let mut at = range.start;
        let first = within.map_or(0, |within| within + 1);
        for index in first..self.places.len() {
            let place = &self.places[index];
            if place.range.start < at || place.range.end > range.end {
                continue;
            }
            self.text.push_str(&self.source[at..place.range.start]);
            at = place.range.end;
            let start = self.text.len();
            self.put_place(index, place);
            // A body is as it was, apart from what is put before it.
            if !matches!(place.what, What::Body | What::Constant) {
                let numbers = place.mutants.iter().map(|&(number, _)| number).collect();
                self.parts.push((start..self.text.len(), numbers));
            }
        }
        self.text.push_str(&self.source[at..range.end]);
    }

    fn put_place(&mut self, index: usize, place: &Place) {
        let Place { range, what, mutants } = place;
        match what {
            What::Constant => {}
            What::Body => {
                for (number, new) in mutants {
                    let choice = format!("if {} {{ return {new}; }} ", chosen(*number));
                    self.put_choice(*number, &choice);
                }
                self.put(range.clone(), Some(index));
            }
            What::Expression => {
                self.text.push('(');
                for (number, new) in mutants {
                    let choice = format!("if {} {{ ({new}) }} else ", chosen(*number));
                    self.put_choice(*number, &choice);
                }
                self.text.push_str("{ (");
                self.put(range.clone(), Some(index));
                self.text.push_str(") })");
            }
            What::Guard | What::Arm { guard: Some(_) } => {
                let mut ends = 0;
                for (number, new) in mutants {
                    let new = if new.is_empty() { "false" } else { new };
                    let choice = format!("if {} {{ {new} }} else {{ ", chosen(*number));
                    self.put_choice(*number, &choice);
                    ends += 1;
                }
                self.put(range.clone(), Some(index));
                self.text.push_str(&" }".repeat(ends));
            }
            What::Arm { guard: None } => {
                for (number, _) in mutants {
                    self.guards.push((self.text.len(), *number));
                    self.put_choice(*number, &format!(" if !{}", chosen(*number)));
                }
            }
        }
    }

    fn put_choice(&mut self, number: usize, choice: &str) {
        let start = self.text.len();
        self.text.push_str(choice);
        self.parts.push((start..self.text.len(), vec![number]));
    }
}

fn chosen(number: usize) -> String {
    format!("crate::one_build::chosen({number})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(genre: &str, new: &str, text: &str, what: &str) -> Mutant {
        let at = text.find(what).unwrap();
        let place = |at: usize| (1, at + 1);
        Mutant {
            name: format!("a.rs: {genre} {new}"),
            file: "a.rs".to_owned(),
            genre: genre.to_owned(),
            start: place(at),
            end: place(at + what.len()),
            new: new.to_owned(),
        }
    }

    #[test]
    fn each_mutant_has_its_condition() {
        let text = "const fn f(a: u8, b: u8) -> bool { match a { 1 if b == 2 => true, 3 => !g(), _ => a < b && b < 9 } }";
        let body = "match a { 1 if b == 2 => true, 3 => !g(), _ => a < b && b < 9 }";
        let mutants = [
            mutant("FnValue", "false", text, body),
            mutant("MatchArmGuard", "true", text, "b == 2"),
            mutant("BinaryOperator", "!=", text, "=="),
            mutant("MatchArm", "", text, "3 => !g(),"),
            mutant("UnaryOperator", "", text, "!"),
            mutant("BinaryOperator", ">", text, "<"),
            mutant("BinaryOperator", "||", text, "&&"),
            mutant("StructField", "", text, "b"),
        ];
        let numbered: Vec<_> = mutants.iter().enumerate().collect();
        let woven = weave(text, &numbered, &BTreeSet::new()).unwrap();
        let chosen = |number: usize| format!("crate::one_build::chosen({number})");
        let expected = format!(
            " fn f(a: u8, b: u8) -> bool {{ if {} {{ return false; }} match a {{ 1 if if {} {{ true }} else {{ \
             (if {} {{ (b != 2) }} else {{ (b == 2) }}) }} => true, 3 if !{} => (if {} {{ (g()) }} else {{ (!g()) }}), \
             _ => (if {} {{ (a > b && b < 9) }} else if {} {{ (a < b || b < 9) }} else {{ (a < b && b < 9) }}) }} }}",
            chosen(0),
            chosen(1),
            chosen(2),
            chosen(3),
            chosen(4),
            chosen(5),
            chosen(6),
        );
        assert_eq!(woven.text, expected);
        assert!(syn::parse_file(&woven.text).is_ok());
        let constant = weave(text, &numbered, &BTreeSet::from(["f".to_owned()])).unwrap();
        assert_eq!((constant.text.as_str(), constant.numbers.len()), (text, 0));
        let mut numbers = woven.numbers;
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6]);
        let at = woven.text.find("return false").unwrap();
        let parts = woven.parts.iter().filter(|(part, _)| part.contains(&at));
        let smallest = parts.min_by_key(|(part, _)| part.len()).unwrap();
        assert_eq!(smallest.1, [0]);
    }
}
