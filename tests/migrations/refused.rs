//! What could leave half a database, or another one than the migrations describe, is refused before it
//! is done.

use crate::support::own_migrations::{migration, named, upgraded};
use crate::support::{Fixture, SqliteFixture, rows};
use zenith_db::Backend;
use zenith_db::manager::{DatabaseManager, RollbackTarget};
use zenith_db::migrations::{EmbeddedMigration, Script, all, latest};
use zenith_db::{Error, MigrationFault};

fn everything(fixture: &Fixture) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut connection = fixture.raw();
    (rows::contents(&mut connection), rows::catalogue(&mut connection))
}

/// What such a script did before would be committed, and the rest run by itself.
#[test]
fn a_script_that_ends_its_transaction_is_not_run() {
    let fixture = Fixture::created();
    rows::fill(&mut fixture.raw());
    let before = everything(&fixture);
    let mut scripts = vec![
        "COMMIT",
        "/* */ commit",
        "END",
        "ROLLBACK",
        "ROLLBACK TO diesel_savepoint_1",
        "RELEASE diesel_savepoint_1",
        "COMMIT; CREATE TABEL b (id)",
        "COMMIT; BEGIN",
        "SAVEPOINT mine",
    ];
    if fixture.backend() == Backend::Postgres {
        scripts.extend(["ABORT", "PREPARE TRANSACTION 'x'", "START TRANSACTION"]);
    }
    for script in scripts {
        let up = format!("-- loses-rows: notifications all\nDELETE FROM notifications;\n{script}");
        let manager = upgraded(&fixture, &[migration(&up, "SELECT 1")]);
        for error in
            [manager.migrate().expect_err(script), manager.plan_migration().expect_err(script)]
        {
            let Error::Migration(MigrationFault::EndsTransaction { script: file, line, .. }) =
                &error
            else {
                panic!("{script}: {error}")
            };
            assert_eq!((*file, *line), ("up.sql", 3), "{script}");
        }
        assert_eq!(everything(&fixture), before, "{script}");
    }
    let manager = upgraded(&fixture, &[migration("SELECT 1", "DELETE FROM users; COMMIT")]);
    manager.migrate().expect("up.sql is in order");
    let before = everything(&fixture);
    let error = manager.rollback(&RollbackTarget::Steps(1)).expect_err("down.sql is not");
    assert!(error.to_string().contains("`COMMIT` in line 1 of down.sql"), "{error}");
    assert_eq!(everything(&fixture), before);
}

#[test]
fn what_only_looks_like_the_end_of_a_transaction_is_run() {
    let fixture = Fixture::created();
    let sqlite = Script {
        up: "CREATE TABLE \"commit\" (\"end\" TEXT DEFAULT '; COMMIT;'); -- COMMIT;
             CREATE TRIGGER ends AFTER INSERT ON \"commit\" BEGIN
                 UPDATE \"commit\" SET \"end\" = CASE WHEN TRUE THEN 'x' END; END",
        down: "DROP TABLE \"commit\"",
    };
    let postgres = Script {
        up: "CREATE TABLE \"commit\" (\"end\" TEXT DEFAULT '; COMMIT;'); -- COMMIT;
             CREATE FUNCTION ends() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RETURN NEW; END; $$;
             CREATE FUNCTION one() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END;
             CREATE TRIGGER ends AFTER INSERT ON \"commit\" FOR EACH ROW EXECUTE FUNCTION ends()",
        down: "DROP TABLE \"commit\"; DROP FUNCTION ends; DROP FUNCTION one",
    };
    let own = EmbeddedMigration::new("2099-01-01-000001_commit", sqlite, postgres);
    let manager = upgraded(&fixture, &[own]);
    manager.migrate().expect("up.sql");
    manager.rollback(&RollbackTarget::Steps(1)).expect("down.sql");
}

#[test]
fn a_rollback_that_would_leave_something_behind_is_refused() {
    let fixture = SqliteFixture::created();
    let up = "CREATE TABLE a (id INTEGER PRIMARY KEY NOT NULL); CREATE INDEX idx_a ON roles (name)";
    let manager = upgraded(&fixture, &[migration(up, "DROP TABLE a")]);
    manager.migrate().expect("applied");
    let before = everything(&fixture);
    let error = manager.rollback(&RollbackTarget::Steps(1)).expect_err("the index stays");
    let Error::Migration(MigrationFault::LeftBehind { left }) = &error else { panic!("{error}") };
    assert!(left.contains("index roles: idx_a"), "{left}");
    fixture.sql("DELETE FROM system_health");
    assert_eq!(everything(&fixture), before);
    // Of what somebody added by hand nobody says that the run did it.
    fixture.sql("CREATE TABLE by_hand (id INTEGER)");
    manager.rollback(&RollbackTarget::Steps(1)).expect("as before");
}

#[test]
fn a_failure_is_over_when_nothing_is_left_to_do_and_not_before() {
    let fixture = Fixture::created();
    let failed = || fixture.manager().status().expect("a status").failed_migration;
    let bad = migration("CREATE TABLE a (id BIGINT); INSERT INTO nowhere VALUES (1)", "SELECT 1");
    upgraded(&fixture, &[bad]).migrate().expect_err("there is no such table");
    assert!(failed().is_some());
    // There is nothing to do up to here, and the one that failed is still to be run.
    upgraded(&fixture, &[bad]).migrate_to(&latest()).expect("nothing");
    assert!(failed().is_some());
    // The program without it has nothing to run.
    assert_eq!(upgraded(&fixture, &[]).migrate().expect("nothing").steps, []);
    assert_eq!(failed(), None);
}

/// The ledger records versions: of two migrations with one version, the second would never run.
#[test]
fn two_migrations_with_one_version_are_refused_before_the_database_is_opened() {
    let named = |name| named(name, "SELECT 1", "SELECT 1");
    let ours = all()[3];
    let (digits, _) = ours.name().split_once('_').expect("a name");
    let of_ours = named(format!("{}_mine", digits.replace('-', "")).leak());
    let (a, b) = (named("2099-01-01-000001_a"), named("20990101000001_b"));
    let fixture = Fixture::created();
    let before = everything(&fixture);
    for (own, [first, second]) in [
        (vec![a, b], [a.name(), b.name()]),
        (vec![of_ours], [ours.name(), of_ours.name()]),
        (vec![ours], [ours.name(), ours.name()]),
        (vec![named("2099_a"), named("02099_b")], ["2099_a", "02099_b"]),
    ] {
        let error = DatabaseManager::with_own(fixture.config(), own.leak()).expect_err(second);
        let said = error.to_string();
        assert!(said.contains(&format!("{first} and {second} of this program")), "{said}");
        assert!(said.contains(&format!("give {second} another timestamp")), "{said}");
    }
    assert_eq!(everything(&fixture), before);
}

#[test]
fn a_script_with_a_byte_order_mark_and_a_name_without_a_version_are_refused_by_name() {
    let refused = |own: EmbeddedMigration| {
        let config = SqliteFixture::created().config();
        DatabaseManager::with_own(config, vec![own].leak()).expect_err(own.name()).to_string()
    };
    let (good, marked) = ("SELECT 1", "\u{feff}SELECT 1");
    let name = "2099-01-01-000001_a";
    for (up, down, script) in [(marked, good, "up.sql"), (good, marked, "down.sql")] {
        let (sound, faulty) = (Script { up: good, down: good }, Script { up, down });
        let said = refused(EmbeddedMigration::new(name, sound, faulty));
        let expected =
            format!("{script} of the migration {name} for PostgreSQL begins with a UTF-8");
        assert!(said.starts_with(&expected), "{said}");
        let said = refused(EmbeddedMigration::new(name, faulty, sound));
        assert!(said.contains("for SQLite begins"), "{said}");
    }
    for name in ["drafts", "v2_a", "2099-01-01", "99999999999999999999_a"] {
        let said = refused(named(name, good, good));
        assert!(said.contains(&format!("{name} does not begin with a version")), "{said}");
    }
}
