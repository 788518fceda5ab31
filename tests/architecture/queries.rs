//! A table or view of a file takes precedence over SQLite's table-valued function of the same name,
//! unless the query names the schema `temp`, which no file has.

use std::fs;
use std::path::Path;

use super::CRATES;
use crate::support::repository;

/// The functions without `temp.` that a text of Rust selects from.
fn unqualified(text: &str) -> Vec<&str> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .windows(2)
        .filter(|pair| pair[0].ends_with("FROM") || pair[0] == "JOIN" || pair[0].ends_with(','))
        .map(|pair| pair[1])
        .filter(|word| {
            let name = word.split(['(', ')', '"', ';']).next().unwrap_or_default();
            name.starts_with("pragma_") || ["dbstat", "json_each", "json_tree"].contains(&name)
        })
        .collect()
}

fn collect(directory: &Path, found: &mut Vec<String>) -> usize {
    let mut qualified = 0;
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            qualified += collect(&path, found);
        } else {
            let text = fs::read_to_string(&path).expect("a source");
            found.extend(unqualified(&text).iter().map(|at| format!("{}: {at}", path.display())));
            qualified += text.matches("temp.pragma_").count();
        }
    }
    qualified
}

#[test]
fn no_query_calls_a_function_by_a_name_that_a_file_can_take() {
    let mut found = Vec::new();
    let qualified: usize =
        CRATES.iter().map(|(_, sources)| collect(&repository().join(sources), &mut found)).sum();
    assert_eq!(found, Vec::<String>::new());
    assert!(qualified > 20, "{qualified} calls");
}

/// Casts of a schema's name, which PostgreSQL reads as SQL: without `quote_ident`, `MySchema` is `myschema`.
fn folding(text: &str) -> usize {
    let casts = text.match_indices("::regnamespace");
    casts.filter(|(at, _)| !text[..*at].ends_with("quote_ident(current_schema())")).count()
}

#[test]
fn no_name_of_a_schema_is_read_as_sql() {
    fn count(directory: &Path) -> (usize, usize) {
        let entries = fs::read_dir(directory).expect("a directory");
        let counts = entries.map(|entry| {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                return count(&path);
            }
            let text = fs::read_to_string(&path).expect("a source");
            (folding(&text), text.matches("::regnamespace").count())
        });
        counts.fold((0, 0), |sum, new| (sum.0 + new.0, sum.1 + new.1))
    }

    let counts = CRATES.iter().map(|(_, sources)| count(&repository().join(sources)));
    let (folding, all) = counts.fold((0, 0), |sum, new| (sum.0 + new.0, sum.1 + new.1));
    assert!(folding == 0 && all > 10, "{folding} of {all}");
    assert_eq!(self::folding("nspname = current_schema()::regnamespace"), 1);
}

#[test]
fn an_unqualified_call_is_found_in_whatever_place() {
    for (text, call) in [
        ("\"SELECT 1 FROM pragma_table_list\"", "pragma_table_list\""),
        ("(SELECT 1 FROM\n    dbstat)", "dbstat)"),
        ("FROM sqlite_schema AS t, pragma_index_list(t.name) AS i", "pragma_index_list(t.name)"),
        ("JOIN pragma_{pragma}(s.name)", "pragma_{pragma}(s.name)"),
        ("EXISTS (SELECT 1 FROM json_each(tags))", "json_each(tags))"),
    ] {
        assert_eq!(unqualified(text), [call]);
        let qualified = text.replace(call, &format!("temp.{call}"));
        assert_eq!(unqualified(&qualified), Vec::<&str>::new());
    }
}
