//! The names of tables, unique indexes and checks by which errors are explained are those of the
//! migrations.

use std::collections::BTreeSet;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::Backend;
use zenith_db::internal::error::{CHECKS, TABLES, UNIQUE};
use zenith_db::migrations;

use crate::support::rows;

/// Runs a query with the column `line` on a database that the migrations created.
fn lines(query: &str) -> BTreeSet<String> {
    let mut connection = SqliteConnection::establish(":memory:").expect("a connection");
    for migration in migrations::all() {
        connection
            .batch_execute(migration.script(Backend::Sqlite).expect("scripts").up)
            .expect("a migration");
    }
    rows::lines(&mut connection, query).into_iter().collect()
}

#[test]
fn the_tables_are_those_of_the_migrations() {
    let found = lines(
        "SELECT name AS line FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
    );
    assert_eq!(found, TABLES.iter().map(|name| (*name).to_owned()).collect());
}

#[test]
fn the_unique_indexes_are_those_of_the_migrations() {
    let found = lines(
        "SELECT i.name || ' ' || t.name || ' ' || group_concat(c.name, ' ') AS line
         FROM sqlite_schema AS t, pragma_index_list(t.name) AS i, pragma_index_info(i.name) AS c
         WHERE t.type = 'table' AND i.\"unique\" GROUP BY i.name",
    );
    let listed = UNIQUE
        .iter()
        .map(|(index, table, columns)| format!("{index} {table} {}", columns.join(" ")));
    assert_eq!(found, listed.collect());
}

#[test]
fn every_check_is_named_after_its_column_or_listed_with_its_columns() {
    let columns = lines(
        "SELECT t.name || '_' || c.name AS line
         FROM sqlite_schema AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table'",
    );
    let mut listed: BTreeSet<&str> = CHECKS.iter().map(|(name, _)| *name).collect();
    let mut checks = 0;
    for migration in migrations::all() {
        for rest in
            migration.script(Backend::Sqlite).expect("scripts").up.split("CONSTRAINT ").skip(1)
        {
            let name = rest.split_whitespace().next().expect("a name");
            let column = name.rsplit_once('_').expect("a kind").0;
            assert!(listed.remove(name) != columns.contains(column), "{name}");
            checks += 1;
        }
    }
    assert!(checks > 250 && listed.is_empty(), "{checks}, missing: {listed:?}");
    for (name, of) in CHECKS {
        let table = TABLES.iter().filter(|table| name.starts_with(**table));
        let table = table.max_by_key(|table| table.len()).expect("a table");
        assert!(of.iter().all(|c| columns.contains(&format!("{table}_{c}"))), "{name}");
    }
}
