//! Each column of the query DSL has the type that the constraints of the database call for.

use std::collections::BTreeMap;

use crate::support::rows;
use crate::support::{SqliteFixture, text};

/// Replaces Diesel's `table!`: lists what each column of a table holds, without `Nullable`.
macro_rules! types {
    ($table:ident (id) { $($(#[$meta:meta])* $column:ident -> $type:ident $(<$inner:ident>)?,)* }) => {
        pub(super) mod $table {
            use zenith_db::schema::$table;

            pub(in super::super) fn types() -> Vec<(String, String)> {
                vec![$((
                    concat!(stringify!($table), ".", stringify!($column)).trim_end_matches('_').to_owned(),
                    super::super::short(std::any::type_name::<
                        <$table::$column as ::diesel::Expression>::SqlType,
                    >()),
                ),)*]
            }
        }
    };
}

macro_rules! all {
    ($($table:ident,)*) => {
        pub(super) fn all() -> Vec<(String, String)> { [$($table::types(),)*].concat() }
    };
}

macro_rules! nothing {
    ($($ignored:tt)*) => {};
}

mod tables {
    mod diesel {
        pub(super) use {
            all as allow_tables_to_appear_in_same_query, nothing as joinable, types as table,
        };
    }

    include!("../../src/schema.rs");
}

/// Returns the name of a type without its path and without `Nullable`.
fn short(name: &str) -> String {
    let inner = name.split_once('<').map_or(name, |(_, inner)| inner.trim_end_matches('>'));
    inner.rsplit("::").next().expect("a name").to_owned()
}

fn held() -> BTreeMap<String, String> {
    tables::all().into_iter().collect()
}

#[test]
fn a_reference_holds_the_key_of_the_table_to_which_it_refers() {
    let fixture = SqliteFixture::created();
    let references = rows::lines(
        &mut fixture.raw(),
        "SELECT t.name || '.' || k.\"from\" || ' ' || k.\"table\" || '.' || k.\"to\" AS line
         FROM sqlite_master t, pragma_foreign_key_list(t.name) k WHERE t.type = 'table'",
    );
    assert!(references.len() > 20, "{references:?}");
    let held = held();
    for reference in references {
        let (from, to) = reference.split_once(' ').expect("two columns");
        assert_eq!(held[from], held[to], "{from} refers to {to}: see src/tables.rs");
    }
}

/// The constraints that give a text a meaning, by the last word of their names.
const RULES: [&str; 6] = ["known", "json", "sha256", "utc", "uuid", "phc"];

#[test]
fn a_column_with_a_rule_has_a_type_of_its_own() {
    let fixture = SqliteFixture::created();
    let query =
        "SELECT group_concat(sql, char(10)) AS text FROM sqlite_master WHERE type = 'table'";
    let sql = text(&mut fixture.raw(), query);
    let held = held();
    let ruled = |path: &str| {
        let (table, column) = path.split_once('.').expect("a table and a column");
        RULES.iter().any(|rule| sql.contains(&format!("CONSTRAINT {table}_{column}_{rule} CHECK")))
    };
    let (ruled, free): (Vec<_>, Vec<_>) = held.iter().partition(|(path, _)| ruled(path));
    assert!(ruled.len() > 80, "{}", ruled.len());
    let plain = ruled.iter().filter(|(_, held)| ["Text", "Timestamp"].contains(&held.as_str()));
    let plain: Vec<_> = plain.map(|(path, _)| path.as_str()).collect();
    // Diesel's own table, whose checksum is only compared.
    assert_eq!(plain, ["schema_version.checksum"], "src/tables.rs needs a rule for each");
    // Nor is anything typed that no rule of the database keeps to its form, but keys, and secrets of the application.
    let typed = free.iter().filter(|(_, held)| !PLAIN.contains(&held.as_str()));
    let unruled: Vec<_> =
        typed.filter(|(_, held)| !held.ends_with("Id")).map(|(path, _)| path.as_str()).collect();
    assert_eq!(unruled, UNRULED);
}

const PLAIN: [&str; 5] = ["Text", "BigInt", "Integer", "Bool", "Double"];

/// Columns whose form only this crate keeps: a hash, and a secret that the application has encrypted.
const UNRULED: [&str; 2] = ["chat_sessions.share_token", "users.two_factor_secret"];
