//! Casts, operators and functions of the owner of a database, which fit better than those of PostgreSQL, change no statement.
#![cfg(feature = "postgres")]

use crate::support::{Fixture, SqliteFixture, backups_in, rows, run, stderr};

/// The casts that PostgreSQL had up to its version 8.2.
fn casts() -> String {
    let types = ["smallint", "integer", "bigint", "oid", "real", "double precision", "numeric"];
    let more = ["date", "time", "timestamp", "timestamptz", "interval"];
    let cast = |name| format!("CREATE CAST ({name} AS text) WITH INOUT AS IMPLICIT;");
    types.into_iter().chain(more).map(cast).collect()
}

/// Each raises an exception, but for that of the aggregate, which has a wrong result.
const STAND_INS: [&str; 7] = [
    "count(bigint) RETURNS bigint",
    "format(text, name) RETURNS text",
    "format(text, text, text) RETURNS text",
    "format(text, regclass, name) RETURNS text",
    "quote_ident(name) RETURNS text",
    "concat(text, text, text) RETURNS text",
    "concat_ws(text, text, text) RETURNS text",
];

const OPERATORS: [(&str, &str); 5] = [
    ("text", "bigint"),
    ("text", "integer"),
    ("bigint", "text"),
    ("name", "text"),
    ("text", "name"),
];

fn odd() -> String {
    let raising = |signature: &str| {
        format!(
            "CREATE FUNCTION {signature} LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it ran'; END $$;"
        )
    };
    let operator = |(left, right): (&str, &str)| {
        let function = raising(&format!("joined({left}, {right}) RETURNS text"));
        format!(
            "{function} CREATE OPERATOR || (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = joined);"
        )
    };
    let functions = STAND_INS.into_iter().map(raising);
    casts() + &functions.chain(OPERATORS.into_iter().map(operator)).collect::<String>()
}

#[test]
fn no_statement_of_a_command_is_changed_by_them() {
    let Some(fixture) = Fixture::on_a_server(Fixture::blank) else { return };
    fixture.sql(&odd());
    run(fixture.zenith().arg("create"), 0);
    rows::fill(&mut fixture.raw());
    let commands: [&[&str]; 11] = [
        &["status"],
        &["health-check", "--deep"],
        &["rollback", "--yes", "--steps", "2"],
        &["migrate"],
        &["redo", "--yes"],
        &["ensure"],
        &["seed"],
        &["purge", "--metrics", "1", "--yes"],
        &["backup"],
        &["restore", "--drill"],
        &["health-check", "--deep"],
    ];
    for words in commands {
        run(fixture.zenith().args(words), 0);
    }
    let file = SqliteFixture::empty();
    run(fixture.zenith().args(["transfer", "--to"]).arg(file.path()), 0);
    let back = Fixture::blank();
    back.sql(&odd());
    run(file.zenith().args(["transfer", "--to", &back.address().1]), 0);
    run(back.zenith().args(["health-check", "--deep"]), 0);
}

#[test]
fn a_restore_names_the_cast_that_no_backup_has() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    fixture.sql(&casts());
    run(fixture.zenith().arg("backup"), 0);
    let backup = fixture.backups().join(&backups_in(&fixture.backups())[0]);
    let refused = run(fixture.zenith().args(["restore", "--yes"]).arg(backup), 2);
    assert!(stderr(&refused).contains("the cast (bigint AS "), "{}", stderr(&refused));
}
