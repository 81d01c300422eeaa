//! The registry: every row with its contenders.

mod export;
mod fold;
mod fp4;
mod import;
mod transpose;
mod validate;

use crate::contender::Row;

/// All rows, in the order in which they are shown.
pub fn all() -> Vec<Row> {
    let rows = [
        export::rows(),
        import::rows(),
        validate::rows(),
        fold::rows(),
        transpose::rows(),
        fp4::rows(),
    ];
    rows.into_iter().flatten().collect()
}

/// The rows that the words name, or whose names begin with one of them; all rows if there is no word.
pub fn select(words: &[&str]) -> Result<Vec<Row>, String> {
    let rows = all();
    let is_exact = |word: &str| rows.iter().any(|row| row.name == word);
    let is_named =
        |row: &Row, word: &str| row.name == word || (row.name.starts_with(word) && !is_exact(word));
    if let Some(word) = words.iter().find(|word| !rows.iter().any(|row| is_named(row, word))) {
        return Err(format!("no row begins with `{word}`"));
    }
    let wanted: Vec<bool> = rows
        .iter()
        .map(|row| words.is_empty() || words.iter().any(|word| is_named(row, word)))
        .collect();
    Ok(rows.into_iter().zip(wanted).filter_map(|(row, wanted)| wanted.then_some(row)).collect())
}
