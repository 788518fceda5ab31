//! The database of another program that uses Diesel: its ledger has none of this program's migrations.

use std::fs;

use crate::support::legacy::{Shape, rows, tables, write};
use crate::support::{SqliteFixture, stderr};

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

#[test]
fn every_command_refuses_it_as_another_programs() {
    let former = format!("{}{}", tables(Shape::Plain), rows(Shape::Plain));
    for (ledger, others) in [(LEDGER, VAULT), (LEDGER, &former), (COMPUTED, VAULT)] {
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
            assert!(said.contains("another program that uses Diesel"), "{arguments:?}: {said}");
            assert!(fs::read(fixture.path()).expect("a file") == before, "{arguments:?}");
        }
    }
}
