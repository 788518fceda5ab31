//! Differences between the row counts of a database and of its copy.

use std::collections::{BTreeMap, BTreeSet};

/// Differences that are listed; the others are counted.
const LISTED: usize = 20;

/// Returns a table of the row counts that differ, of which `names` are the columns beside the names of the tables;
/// `None` if all counts are the same. It is a text of several lines.
pub(crate) fn row_differences(
    names: [&str; 2],
    [left, right]: [&BTreeMap<String, i64>; 2],
) -> Option<String> {
    let rows = |counts: &BTreeMap<String, i64>, table: &String| {
        counts.get(table).map_or_else(|| "no table".to_owned(), i64::to_string)
    };
    let tables: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let different: Vec<[String; 3]> = tables
        .into_iter()
        .filter(|table| left.get(*table) != right.get(*table))
        .map(|table| [printable(table), rows(left, table), rows(right, table)])
        .collect();
    if different.is_empty() {
        return None;
    }
    let more = different.len().saturating_sub(LISTED);
    let mut lines = vec![["table".to_owned(), names[0].to_owned(), names[1].to_owned()]];
    lines.extend(different.into_iter().take(LISTED));
    let mut widths = [0; 3];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let [first, second, third] = widths;
    let mut listed: Vec<String> = lines
        .iter()
        .map(|[table, left, right]| format!("\n  {table:first$}  {left:>second$}  {right:>third$}"))
        .collect();
    if more > 0 {
        listed.push(format!("\n  and {more} more"));
    }
    Some(listed.concat())
}

/// Returns a name on one line.
fn printable(name: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    name.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_listed_one_line_each() {
        let counts = |rows: &[(&str, i64)]| -> BTreeMap<String, i64> {
            rows.iter().map(|(table, rows)| ((*table).to_owned(), *rows)).collect()
        };
        let database = counts(&[("a\nb", 3), ("lost", 1), ("same", 2)]);
        let copy = counts(&[("Ü \"x", 0), ("a\nb", 10), ("same", 2)]);
        let found = row_differences(["database", "copy"], [&database, &copy]);
        let expected = "\n  table  database      copy\n  a\\nb          3        10\
                        \n  lost          1  no table\n  Ü \"x   no table         0";
        assert_eq!(found.as_deref(), Some(expected));
        assert_eq!(row_differences(["a", "b"], [&copy, &copy]), None);
        let many: BTreeMap<String, i64> = (0..25).map(|at| (format!("t{at:02}"), 1)).collect();
        let found = row_differences(["a", "b"], [&many, &BTreeMap::new()]).expect("differences");
        assert!(found.ends_with("\n  and 5 more") && !found.contains("t20"), "{found}");
    }
}
