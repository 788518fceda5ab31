//! Columns of UUIDs: those that a model reads as a public id.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Returns table and column, from the sources of the models, so that a new column is included.
pub fn columns() -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    collect(&crate::support::repository().join("src/models"), &mut found);
    assert!(found.len() >= 12, "{found:?}");
    found
}

fn collect(directory: &Path, found: &mut BTreeSet<(String, String)>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            of_source(&fs::read_to_string(&path).expect("a source"), found);
        }
    }
}

/// Collects the UUID fields of each type that is read from a table.
fn of_source(source: &str, found: &mut BTreeSet<(String, String)>) {
    let (mut table, mut is_read) = (None, false);
    for line in source.lines() {
        if let Some((_, rest)) = line.split_once("table_name = ") {
            table = rest.split([',', ')']).next();
        } else if line == "}" {
            (table, is_read) = (None, false);
        }
        is_read |= line.contains("Queryable");
        let field = line.strip_suffix(',').and_then(|line| line.split_once(": "));
        let Some((name, of)) = field else { continue };
        let of = of.trim_start_matches("Option<").trim_end_matches('>');
        // Sessions of an adopted database may have ids of another form.
        if !of.ends_with("PublicId") || of == "UserSessionPublicId" {
            continue;
        }
        let name = name.trim_start().rsplit(' ').next().expect("a name");
        found.extend(table.filter(|_| is_read).map(|table| (table.to_owned(), name.to_owned())));
    }
}
