//! The database of another program that uses Diesel: its ledger has none of this program's migrations.

use std::fs;

use crate::support::command::json;
use crate::support::legacy::{Shape, rows, tables, write};
use crate::support::{Fixture, SqliteFixture, run, stderr};

const LEDGER: &str =
    "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL,
         run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
     INSERT INTO __diesel_schema_migrations (version) VALUES ('20180114171611');";
/// Diesel's tables beside those of a program.
const VAULT: &str = "CREATE TABLE users (uuid TEXT PRIMARY KEY, email TEXT);
     CREATE TABLE ciphers (uuid TEXT PRIMARY KEY); CREATE TABLE schema_version (v TEXT)";
/// Nobody's version: the column is computed.
const COMPUTED: &str = "CREATE TABLE __diesel_schema_migrations (a,
         version AS (hex(zeroblob(400000000)))); INSERT INTO __diesel_schema_migrations VALUES (1);";
/// A table with the name of Diesel's ledger, and nothing else of it.
const SHAPELESS: &str = "CREATE TABLE __diesel_schema_migrations (id INTEGER);";

/// How each of the first ones is refused.
const OTHERS: &str = "lists none of this program's migrations: another program that uses Diesel";
/// How each of the others is refused.
const NONE: &str = "has no stored column version with texts, so that it is not the ledger";

#[test]
fn every_command_refuses_it_as_another_programs() {
    let former = format!("{}{}", tables(Shape::Plain), rows(Shape::Plain));
    for (ledger, others, reason) in [
        (LEDGER, VAULT, OTHERS),
        (LEDGER, &former, OTHERS),
        (COMPUTED, VAULT, NONE),
        (SHAPELESS, VAULT, NONE),
    ] {
        let fixture = SqliteFixture::empty();
        write(&fixture.path(), &[ledger, others]);
        let before = fs::read(fixture.path()).expect("a file");
        for arguments in [
            &["adopt", "--yes"][..],
            &["adopt", "--plan"],
            &["ensure"],
            &["ensure", "--adopt"],
            &["migrate"],
            &["create"],
            &["create", "--adopt"],
            &["seed"],
            &["status"],
        ] {
            let output = fixture.zenith().args(arguments).output().expect("the command starts");
            let said = stderr(&output);
            assert!(!output.status.success(), "{arguments:?}: {said}");
            assert!(said.contains(reason), "{arguments:?}: {said}");
            assert!(fs::read(fixture.path()).expect("a file") == before, "{arguments:?}");
        }
    }
}

#[test]
fn a_table_that_is_no_ledger_of_diesel_is_refused_in_a_sentence() {
    for columns in ["id INTEGER", "version INTEGER"] {
        let fixture = Fixture::blank();
        // SQLite reads any value as a text.
        if columns != "id INTEGER" && fixture.either(true, false) {
            continue;
        }
        fixture.sql(&format!(
            "CREATE TABLE __diesel_schema_migrations ({columns}); CREATE TABLE users (id INTEGER);
             INSERT INTO __diesel_schema_migrations VALUES (1)"
        ));
        let before = fixture.everything();
        for arguments in [
            ["status"].as_slice(),
            &["migrate"],
            &["create"],
            &["seed"],
            &["migrate", "--plan"],
            &["rollback", "--yes"],
            &["purge", "--metrics", "1", "--yes"],
        ] {
            let said = stderr(&run(fixture.zenith().args(arguments), 2));
            assert!(said.contains("it is not the ledger of a program that uses Diesel"), "{said}");
            assert!(said.contains("name another database"), "{said}");
            let advice = said.contains("DATABASE_SCHEMA");
            assert_eq!(advice, fixture.either(false, true), "{arguments:?}: {said}");
        }
        let health = json(&run(fixture.zenith().args(["health-check", "--format", "json"]), 2));
        assert!(health.to_string().contains("is not the ledger"), "{health}");
        crate::support::command::assert_unchanged(&before, &fixture.everything());
    }
}
