//! Which functions the statements for a server call.

use std::fs;
use std::path::Path;

use super::CRATES;
use crate::support::repository;

/// Functions that take values of any type, and those of names: one of the owner of a database may fit better.
const OF_ANY_TYPE: [&str; 6] =
    ["format", "concat", "concat_ws", "quote_ident", "quote_literal", "quote_nullable"];

/// The statements of these run where names are those of PostgreSQL only, or on SQLite.
const AMONG_OURS: [&str; 5] =
    ["rights.rs", "scratch.rs", "scratch_settings.rs", "trust.rs", "src/build.rs"];

/// The lines of a text that call one of the functions in SQL without its schema: in Rust, a method follows a point, and a
/// macro has a mark.
fn calls_by_name_alone(text: &str) -> Vec<&str> {
    let calls = |line: &&str| {
        OF_ANY_TYPE.iter().any(|name| {
            line.match_indices(&format!("{name}(")).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                before.is_none_or(|c| !c.is_alphanumeric() && !['_', '.', ':', '`'].contains(&c))
            })
        })
    };
    text.lines().filter(|line| !line.trim_start().starts_with("//")).filter(calls).collect()
}

fn collect(directory: &Path, found: &mut Vec<String>) -> usize {
    let mut qualified = 0;
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            qualified += collect(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source");
        qualified += text.matches("pg_catalog.").count();
        if !AMONG_OURS.iter().any(|end| path.ends_with(end)) {
            let calls = calls_by_name_alone(&text).into_iter();
            found.extend(calls.map(|line| format!("{}: {line}", path.display())));
        }
    }
    qualified
}

#[test]
fn no_statement_calls_what_another_function_could_stand_for() {
    let mut found = Vec::new();
    let qualified: usize =
        CRATES.iter().map(|(_, sources)| collect(&repository().join(sources), &mut found)).sum();
    assert_eq!(found, Vec::<String>::new());
    assert!(qualified > 20, "{qualified} calls");
    for line in ["SELECT format('%s', a)", "(quote_ident(a))", "concat_ws(' ', a)"] {
        assert_eq!(calls_by_name_alone(line), [line]);
    }
    for line in ["pg_catalog.format('%s', a)", "time.format(a)", "[a].concat()", "format!(a)"] {
        assert_eq!(calls_by_name_alone(line), Vec::<&str>::new());
    }
}
