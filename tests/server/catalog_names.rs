//! Tables with the names of tables of `pg_catalog`, which are what a name alone names.
#![cfg(feature = "postgres")]

use zenith_db::migrations::EmbeddedMigration;
use zenith_db_transfer::{TransferOptions, transfer};

use crate::support::own_migrations::{manager_with, migration};
use crate::support::{Fixture, SqliteFixture, administrator, failed, rows, run, stdout};

const NAMES: [&str; 3] = ["pg_class", "pg_type", "pg_attribute"];

#[test]
fn a_table_with_such_a_name_is_counted_locked_and_kept_as_any_other() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    rows::fill(&mut fixture.raw());
    for name in NAMES {
        fixture.sql(&format!(
            "CREATE TABLE public.{name} (id bigint PRIMARY KEY, user_id bigint REFERENCES users, name text);
             INSERT INTO public.{name} VALUES (1, NULL, 'one'), (2, NULL, 'two')"
        ));
    }
    for words in [
        &["rollback", "--yes", "--steps", "2"][..],
        &["migrate"],
        &["redo", "--yes"],
        &["health-check", "--deep"],
        &["backup"],
        &["restore", "--drill"],
    ] {
        run(fixture.zenith().args(words), 0);
    }
    let status = stdout(&run(fixture.zenith().arg("status"), 0));
    let file = SqliteFixture::empty();
    let transfer = ["transfer", "--leave-other-tables", "--to"];
    let said = stdout(&run(fixture.zenith().args(transfer).arg(file.path()), 0));
    for name in NAMES {
        assert!(said.contains(&format!("{name} (2 rows)")), "{said}");
        assert!(status.contains(name), "{status}");
        assert_eq!(fixture.text(&format!("SELECT count(*) FROM public.{name}")), "2");
    }
}

fn own() -> [EmbeddedMigration; 1] {
    let up = "CREATE TABLE pg_class (
            id BIGINT PRIMARY KEY NOT NULL,
            user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            note TEXT NOT NULL);
        CREATE TABLE pg_type (id BIGINT PRIMARY KEY NOT NULL)";
    [migration(up, "DROP TABLE public.pg_type; DROP TABLE public.pg_class")]
}

#[test]
fn a_table_of_the_application_with_such_a_name_is_transferred() {
    let Some(target) = Fixture::on_a_server(Fixture::empty) else { return };
    let source = SqliteFixture::empty().fixture();
    let manager = manager_with(&source, &own());
    let _ = manager.initialize(&administrator()).expect("a database");
    source.sql("INSERT INTO pg_class VALUES (1, 1, 'a note'), (7, 1, 'another')");
    let options = TransferOptions::default();
    let there = transfer(&manager, target.config().location(), &options, &mut |_| ());
    there.expect("a transfer");
    let notes = "SELECT count(*) || ' ' || sum(id) FROM public.pg_class";
    assert_eq!(target.text(notes), "2 8");
    let manager = manager_with(&target, &own());
    let health = manager.health_check();
    assert!(health.healthy, "{:?}", failed(&health));
    let back = SqliteFixture::empty().fixture();
    let record = transfer(&manager, back.config().location(), &options, &mut |_| ());
    let tables = record.expect("a transfer").report.tables;
    let own = tables.iter().find(|table| table.table == "pg_class").expect("its table");
    assert_eq!((own.source.rows, own.source), (2, own.target));
}
