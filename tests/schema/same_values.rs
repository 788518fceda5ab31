//! What one database stores, the other can: each column takes the same values on both, out of those about which types,
//! lengths and encodings differ. Times have a file of their own. SQLite also stores text that is no UTF-8, which no
//! function of its tells from others.
#![cfg(feature = "postgres")]

use crate::support::rows::{drop_trigger, enforce_references, fill};
use crate::support::{Fixture, Raw, SqliteFixture};

/// Values as SQL for SQLite and for PostgreSQL.
type Both = (String, String);

fn same(values: &[&str]) -> Vec<Both> {
    values.iter().map(|value| ((*value).to_owned(), (*value).to_owned())).collect()
}

fn integers() -> Vec<Both> {
    same(&[
        "NULL",
        "0",
        "-1",
        "1",
        "10",
        "11",
        "100",
        "2147483647",
        "2147483648",
        "-2147483649",
        "1000000000000000000",
        "9223372036854775807",
        "-9223372036854775808",
        "'abc'",
        "''",
    ])
}

fn numbers() -> Vec<Both> {
    let mut values =
        same(&["NULL", "0", "-1", "0.5", "-0.0", "1e308", "-1e308", "5e-324", "'abc'", "''"]);
    for (ours, theirs) in [("9e999", "'Infinity'"), ("-9e999", "'-Infinity'")] {
        values.push((ours.to_owned(), theirs.to_owned()));
    }
    values
}

fn flags() -> Vec<Both> {
    let mut values = same(&["NULL", "TRUE", "FALSE", "'maybe'"]);
    values.push(("2".to_owned(), "2".to_owned()));
    values
}

fn texts() -> Vec<Both> {
    let mut values = same(&["NULL"]);
    let mut add = |text: &str| {
        let literal = format!("'{}'", text.replace('\'', "''"));
        values.push((literal.clone(), literal));
    };
    for text in [
        "",
        " ",
        "x",
        "X",
        "0",
        "true",
        "NaN",
        "Infinity",
        "it's",
        "a\tb\nc",
        "\u{0}".trim_matches('\u{0}'),
        "\u{FEFF}x",
        "\u{1F5C4}",
        "e\u{301}",
        "{}",
        "[]",
        "null",
        "\"\"",
        "{",
        "{\"a\": 1e400}",
        "{\"a\": NaN}",
        "{\"a\": 01}",
        "{\"a\": 1, \"a\": 2}",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"a\tb\"",
        "[1,]",
        " {} ",
        "00000000-0000-7000-8000-0000000000ff",
        "00000000-0000-7000-8000-0000000000FF",
    ] {
        add(text);
    }
    for limit in [10, 20, 36, 45, 50, 64, 100, 200, 255, 500, 4_096] {
        for length in [limit, limit + 1] {
            add(&"x".repeat(length));
            // Characters are counted, not bytes.
            add(&"\u{1F5C4}".repeat(length));
        }
    }
    for depth in [100, 900] {
        add(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
    }
    values.push(("'a' || char(0) || 'b'".to_owned(), r"E'a\000b'".to_owned()));
    values
}

/// Whether the statement succeeds. Nothing stays.
fn takes(connection: &mut impl Raw, table: &str, column: &str, value: &str) -> bool {
    connection.batch_execute("BEGIN").expect("a transaction");
    let statement =
        format!("UPDATE {table} SET {column} = {value} WHERE id = (SELECT max(id) FROM {table})");
    let refused = connection.refusal(&statement);
    connection.batch_execute("ROLLBACK").expect("the end");
    refused.is_none()
}

#[test]
fn each_column_takes_the_same_values_on_both_databases() {
    let Some(postgres) = Fixture::on_a_server(Fixture::created) else { return };
    let sqlite = SqliteFixture::created();
    let (mut ours, mut theirs) = (sqlite.raw(), postgres.raw());
    fill(&mut ours);
    fill(&mut theirs);
    enforce_references(&mut ours, true);
    drop_trigger(&mut ours, "audit_log", "audit_log_no_update");
    drop_trigger(&mut theirs, "audit_log", "audit_log_no_update");
    let columns = theirs.lines(
        "SELECT table_name || ' ' || column_name || ' ' || data_type AS line FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name NOT LIKE '\\_\\_%' ORDER BY 1",
    );
    assert!(columns.len() > 250, "{}", columns.len());
    let (mut tried, mut differ) = (0, Vec::new());
    for line in &columns {
        let mut parts = line.splitn(3, ' ');
        let mut next = || parts.next().expect("three words");
        let (table, column, kind) = (next(), next(), next());
        let values = match kind {
            "bigint" | "integer" => integers(),
            "double precision" => numbers(),
            "boolean" => flags(),
            "text" => texts(),
            "timestamp without time zone" => continue,
            other => panic!("{table}.{column} is {other}: say which values differ"),
        };
        // What the other has no literal of: a BLOB in place of a text, of which the type would be lost, and NaN, of which
        // SQLite makes NULL.
        if kind == "text" && takes(&mut ours, table, column, "x'31'") {
            differ.push(format!("SQLite takes a BLOB for {table}.{column}"));
        }
        if kind == "double precision" && takes(&mut theirs, table, column, "'NaN'") {
            differ.push(format!("PostgreSQL takes NaN for {table}.{column}"));
        }
        for (on_sqlite, on_postgres) in values {
            tried += 1;
            let is_taken = takes(&mut ours, table, column, &on_sqlite);
            if is_taken != takes(&mut theirs, table, column, &on_postgres) {
                let by = if is_taken { "SQLite" } else { "PostgreSQL" };
                let shown: String = on_sqlite.chars().take(40).collect();
                differ.push(format!("only {by} takes {table}.{column} = {shown}"));
            }
        }
    }
    assert!(tried > 5_000, "{tried}");
    assert_eq!(differ, Vec::<String>::new());
}
