//! The tables of `docs/ARCHITECTURE.md`.

use std::collections::{BTreeMap, BTreeSet};

/// What each layer or package may use.
pub type Allowed = BTreeMap<String, BTreeSet<String>>;

/// The table whose first column is headed `layer`.
pub fn layers(document: &str) -> Allowed {
    table(document, "layer")
}

/// The table whose first column is headed `package`.
pub fn packages(document: &str) -> Allowed {
    table(document, "package")
}

/// The first cell of each row with the names in the last one. Names stand in backticks.
fn table(document: &str, heading: &str) -> Allowed {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let rows = document
        .lines()
        .skip_while(|line| !line.starts_with(&format!("| {heading} |")))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let found: Allowed = rows
        .map(cells)
        .map(|row| {
            let name: Vec<String> = names(row.first().expect("a first cell"));
            let may_use: Vec<String> = names(row.last().expect("a last cell"));
            (name.first().expect("a name").clone(), may_use.into_iter().collect())
        })
        .collect();
    assert!(!found.is_empty(), "there is no table headed `{heading}`");
    found
}
