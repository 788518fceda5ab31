//! Backups of databases on a server whose tables do not each store their own rows, or have names that need quotes.

use std::path::Path;

use zenith_db::manager::{DatabaseManager, RestoreOptions, RollbackTarget};

use crate::support::{Fixture, backups_in, run, stderr};

/// Each table with the rows that `pg_dump` writes for it.
pub const ODD: &str = r#"
    CREATE TABLE parts (id int, t text) PARTITION BY RANGE (id);
    CREATE TABLE "parts.Low" PARTITION OF parts FOR VALUES FROM (0) TO (10);
    CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (10) TO (100) PARTITION BY LIST (t);
    CREATE TABLE parts_high_a PARTITION OF parts_high FOR VALUES IN ('a');
    INSERT INTO parts VALUES (1, 'x'), (2, E'\\.'), (11, 'a'), (12, 'a'), (13, 'a');
    CREATE TABLE base (id int);
    CREATE TABLE heir (more int) INHERITS (base);
    INSERT INTO base VALUES (1); INSERT INTO heir VALUES (2, 3), (4, 5);
    CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES;
    CREATE UNLOGGED TABLE "Unlogged" AS SELECT generate_series(1, 4) AS "id (x";
    CREATE TABLE "we""ird.(x" ("a"")" text); INSERT INTO "we""ird.(x" VALUES (E'two\nlines');
    CREATE TABLE "Größe (m²) FROM stdin;" AS SELECT 'COPY users (id) FROM stdin;' AS text;
"#;

const COUNTS: &[(&str, i64)] = &[
    ("parts.Low", 2),
    ("parts_high_a", 3),
    ("base", 1),
    ("heir", 2),
    ("nothing", 2),
    ("Unlogged", 4),
    ("we\"ird.(x", 1),
    ("Größe (m²) FROM stdin;", 1),
];

/// One line for each odd table, with its rows.
pub const ROWS: &str = r#"
    SELECT string_agg(line, E'\n' ORDER BY line) FROM (
        SELECT 'parts ' || tableoid::regclass || ' ' || t::text AS line FROM parts AS t
        UNION ALL SELECT 'base ' || tableoid::regclass || ' ' || t::text FROM base AS t
        UNION ALL SELECT 'nothing ' || t::text FROM nothing AS t
        UNION ALL SELECT 'Unlogged ' || t::text FROM "Unlogged" AS t
        UNION ALL SELECT 'weird ' || t::text FROM "we""ird.(x" AS t
        UNION ALL SELECT 'size ' || t::text FROM "Größe (m²) FROM stdin;" AS t
    ) AS lines"#;

pub fn assert_counts(manager: &DatabaseManager, backup: &Path) {
    let tables = manager.verify_backup(backup, &mut |_| ()).expect("a sound backup").tables;
    for (table, rows) in COUNTS {
        assert_eq!(tables.get(*table), Some(rows), "{table}");
    }
    assert!(!tables.contains_key("parts") && !tables.contains_key("parts_high"), "{tables:?}");
}

#[test]
fn odd_tables_are_backed_up_verified_restored_and_drilled_with_every_row() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    fixture.sql(ODD);
    let manager = fixture.manager();
    let before = fixture.text(ROWS);
    assert_eq!(before.lines().count(), 5 + 3 + 2 + 4 + 2 + 1);
    let backup = manager.backup().expect("a backup").path;
    assert_counts(&manager, &backup);
    manager.drill(&mut |_| ()).expect("a drill");
    fixture.sql(r#"TRUNCATE parts, base, heir, nothing, "Unlogged", "we""ird.(x""#);
    let report =
        manager.restore(&backup, &RestoreOptions::default(), &mut |_| ()).expect("a restore");
    assert!(report.health.healthy, "{:?}", report.health);
    assert_eq!(fixture.text(ROWS), before);
    // Each takes a backup first.
    manager.rollback(&RollbackTarget::Steps(1)).expect("a rollback");
    manager.migrate().expect("a migration");
    assert_eq!(fixture.text(ROWS), before);
}

#[test]
fn what_is_counted_is_the_configuration_of_an_extension_and_no_foreign_or_system_table() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    // As `pg_extension_config_dump` does in the script of an extension.
    fixture.sql(
        "CREATE TABLE public.pg_class (id int);
         CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
         CREATE FOREIGN TABLE far (line text) SERVER files OPTIONS (filename '/etc/passwd');
         CREATE EXTENSION pg_trgm; CREATE TABLE internal AS SELECT 1 AS id;
         CREATE TABLE configured AS SELECT generate_series(1, 5) AS id; CREATE TABLE whole AS SELECT 1 AS id;
         ALTER EXTENSION pg_trgm ADD TABLE internal; ALTER EXTENSION pg_trgm ADD TABLE configured;
         ALTER EXTENSION pg_trgm ADD TABLE whole;
         UPDATE pg_extension SET extconfig = ARRAY['configured'::regclass, 'whole'::regclass]::oid[],
             extcondition = ARRAY['WHERE id > 3', ''] WHERE extname = 'pg_trgm'",
    );
    let manager = fixture.manager();
    let backup = manager.backup().expect("a backup").path;
    let tables = manager.verify_backup(&backup, &mut |_| ()).expect("a sound backup").tables;
    assert_eq!((tables.get("configured"), tables.get("whole")), (Some(&2), Some(&1)));
    assert_eq!(tables.get("pg_class"), Some(&0));
    assert!(!tables.contains_key("internal") && !tables.contains_key("far"), "{tables:?}");
}

#[test]
fn rows_in_another_schema_that_a_backup_would_lack_are_named() {
    for heir in [
        r#"CREATE TABLE "Old ""1.".p PARTITION OF parts DEFAULT"#,
        r#"CREATE TABLE "Old ""1.".p () INHERITS (base)"#,
    ] {
        let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
        fixture.sql(ODD);
        fixture.sql(r#"CREATE SCHEMA "Old ""1.""#);
        fixture.sql(heir);
        let error = fixture.manager().backup().expect_err(heir).to_string();
        assert!(error.contains(r#""Old ""1.".p"#) && error.contains("SET SCHEMA"), "{error}");
        fixture.sql(r#"ALTER TABLE "Old ""1.".p SET SCHEMA public"#);
        let _ = fixture.manager().backup().expect("a backup");
    }
}

#[test]
fn a_difference_is_printed_table_by_table() {
    use std::os::unix::fs::PermissionsExt;

    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    fixture.sql(ODD);
    let programs = tempfile::tempdir().expect("a directory");
    let path = std::env::var("PATH").expect("a PATH");
    let lossy = programs.path().join("pg_restore");
    let script = format!("#!/bin/sh\nPATH='{path}' pg_restore \"$@\" | grep -v '^two'\n");
    std::fs::write(&lossy, script).expect("a program");
    std::fs::set_permissions(&lossy, PermissionsExt::from_mode(0o700)).expect("executable");
    let mut command = fixture.zenith();
    command.arg("backup").env("PATH", format!("{}:{path}", programs.path().display()));
    let said = stderr(&run(&mut command, 1));
    let expected = "\n  table      rows in the database  rows in the copy\
                    \n  we\"ird.(x                     1                 0\n";
    assert!(said.contains(expected), "{said}");
    assert_eq!(backups_in(&fixture.backups()), Vec::<String>::new());
}

/// Which of them has a row depends on ids that each server gives, so that `pg_dump` writes the rows as those of the table.
#[test]
fn partitions_by_hash_of_an_enum_are_restored_with_every_row() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    fixture.sql(
        "CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TABLE moods (mood mood, id int) PARTITION BY HASH (mood);
         CREATE TABLE moods_0 PARTITION OF moods FOR VALUES WITH (MODULUS 2, REMAINDER 0);
         CREATE TABLE moods_1 PARTITION OF moods FOR VALUES WITH (MODULUS 2, REMAINDER 1) PARTITION BY RANGE (id);
         CREATE TABLE moods_1_0 PARTITION OF moods_1 FOR VALUES FROM (0) TO (9);
         INSERT INTO moods SELECT mood, id FROM generate_series(1, 3) AS id, (VALUES ('good'::mood), ('bad')) AS of (mood)",
    );
    let manager = fixture.manager();
    let backup = manager.backup().expect("a backup").path;
    let tables = manager.verify_backup(&backup, &mut |_| ()).expect("a sound backup").tables;
    assert_eq!((tables.get("moods"), tables.get("moods_0")), (Some(&6), None));
    manager.drill(&mut |_| ()).expect("a drill");
    manager.restore(&backup, &RestoreOptions::default(), &mut |_| ()).expect("a restore");
    assert_eq!(fixture.text("SELECT count(*) FROM moods"), "6");
}
