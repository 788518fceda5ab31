//! Restoring a backup with the command of docs/backups.md, and extensions in backups.

use std::path::Path;
use std::process::Command;

use diesel::connection::SimpleConnection;
use zenith_db::manager::{DatabaseManager, RestoreOptions};

use super::odd_tables::{ODD, ROWS};
use super::{IS_LATER, backed_up, filled};
use crate::support::own_server::{config, value};
use crate::support::server::{OwnDatabase, connect};
use crate::support::{Fixture, rows, run};

/// Runs the only command of the documentation that calls `pg_restore`.
pub fn restore_as_documented(backup: &Path, url: &str) {
    let text = include_str!("../../docs/backups.md");
    let mut commands = text.lines().filter(|line| line.starts_with("pg_restore "));
    let command = commands.next().expect("a command");
    assert_eq!((commands.next(), command.contains("--single-transaction")), (None, true));
    run(Command::new("sh").args(["-c", command]).env("FILE", backup).env("NEW", url), 0);
}

const WITH_EXTENSIONS: &str = "
    CREATE EXTENSION pg_trgm; CREATE EXTENSION citext; CREATE EXTENSION moddatetime;
    CREATE EXTENSION \"uuid-ossp\"; CREATE EXTENSION dblink;
    CREATE TABLE words (key uuid DEFAULT uuid_generate_v4(), word citext, at timestamp);
    CREATE INDEX ON words USING gin ((word::text) gin_trgm_ops);
    CREATE TRIGGER at BEFORE UPDATE ON words FOR EACH ROW EXECUTE FUNCTION moddatetime(at);
    CREATE VIEW far AS SELECT * FROM dblink('', 'SELECT 1') AS t (id int);
    INSERT INTO words (word) VALUES ('One'), ('two')";

const EXTENSIONS: &str =
    "SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension WHERE extname <> 'plpgsql'";

#[test]
fn the_documented_command_and_ours_restore_extensions_and_partitions() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    let fixture = filled(fixture);
    fixture.sql(ODD);
    fixture.sql(WITH_EXTENSIONS);
    let (contents, odd) = (rows::contents(&mut fixture.raw()), fixture.text(ROWS));
    let backup = backed_up(&fixture);
    let manager = fixture.manager();

    let empty = OwnDatabase::empty();
    restore_as_documented(&backup, &empty.url());
    assert!(rows::contents(&mut empty.connect()) == contents);
    let mut copy = connect(&empty.url());
    assert_eq!(value(&mut copy, ROWS), odd);
    assert_eq!(value(&mut copy, EXTENSIONS), "citext dblink moddatetime pg_trgm uuid-ossp");
    drop(copy);
    let health = DatabaseManager::new(config(&empty.url(), &[])).health_check();
    assert!(health.healthy, "{health:?}");

    manager.drill(&mut |_| ()).expect("a drill");
    let report =
        manager.restore(&backup, &RestoreOptions::default(), &mut |_| ()).expect("a restore");
    assert!(report.health.healthy, "{:?}", report.health);
    assert_eq!((fixture.text(IS_LATER).as_str(), fixture.text(ROWS)), ("0", odd));
    assert_eq!(fixture.text(EXTENSIONS), "citext dblink moddatetime pg_trgm uuid-ossp");
}

#[test]
fn an_empty_database_may_have_the_extensions_already() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    fixture.sql(WITH_EXTENSIONS);
    let backup = backed_up(&fixture);
    let prepared = OwnDatabase::empty();
    connect(&prepared.url()).batch_execute("CREATE EXTENSION citext").expect("an extension");
    let mut command = fixture.zenith();
    run(command.arg("restore").arg(&backup).args(["--to", &prepared.url()]), 0);
    assert_eq!(value(&mut connect(&prepared.url()), "SELECT count(*) FROM words"), "2");
}

#[test]
fn a_database_is_not_replaced_by_a_backup_without_its_extensions() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    fixture.sql("CREATE EXTENSION citext; CREATE EXTENSION pageinspect");
    let backup = backed_up(&fixture);
    fixture.sql("CREATE EXTENSION hstore; CREATE SCHEMA own; CREATE EXTENSION intarray SCHEMA own");
    let restore = || fixture.manager().restore(&backup, &RestoreOptions::default(), &mut |_| ());
    let error = restore().expect_err("others").to_string();
    for missing in ["the schema own", " pageinspect", " hstore", " intarray", "--to"] {
        assert!(error.contains(missing), "{error}");
    }
    assert!(!error.contains("citext"), "{error}");
    assert_eq!(fixture.text(IS_LATER), "1");
    // Nothing in the schema needs them.
    fixture.manager().drill(&mut |_| ()).expect("a drill");
    fixture.sql("DROP EXTENSION hstore; DROP SCHEMA own CASCADE; DROP EXTENSION pageinspect");
    let report = restore().expect("a restore");
    assert!(report.health.healthy, "{:?}", report.health);
}
