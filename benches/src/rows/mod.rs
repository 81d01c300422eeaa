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

/// The rows whose names begin with one of the words; all of them if there is no word.
pub fn select(words: &[&str]) -> Result<Vec<Row>, String> {
    let rows = all();
    if let Some(word) =
        words.iter().find(|word| !rows.iter().any(|row| row.name.starts_with(*word)))
    {
        return Err(format!("no row begins with `{word}`"));
    }
    let is_wanted = |row: &Row| words.is_empty() || words.iter().any(|w| row.name.starts_with(w));
    Ok(rows.into_iter().filter(is_wanted).collect())
}
