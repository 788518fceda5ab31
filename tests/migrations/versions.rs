//! A database whose migrations are not the program's: one that is newer, one that a late migration
//! lacks, one with a migration that the program does not have any more.

use crate::support::own_migrations::{migration, upgraded};
use crate::support::rows;
use crate::support::{Fixture, SqliteFixture, administrator, failed};
use zenith_db::manager::{HistoryFault, RollbackTarget};
use zenith_db::migrations::{EmbeddedMigration, all, latest};
use zenith_db::{Error, MigrationFault};

/// Both `status` and the health check tell of it, and of nothing else.
fn told(fixture: &Fixture, fault: &HistoryFault) {
    let status = fixture.manager().status().expect("a status");
    assert_eq!(status.history_faults, std::slice::from_ref(fault));
    let report = fixture.manager().health_check();
    let check = report.failures().find(|check| check.name == "Schema Version");
    let details = &check.expect("the check failed").details;
    assert!(details.contains(&fault.to_string()), "{details}");
}

/// A migration that arrived after a newer one had run.
fn with_a_late_migration() -> (Fixture, &'static EmbeddedMigration) {
    let fixture = Fixture::created();
    // Nothing that came later needs it.
    let mut all = all().iter();
    let late =
        all.find(|migration| migration.name().ends_with("create_chat")).expect("it is there");
    fixture.sql(late.script(fixture.backend()).expect("scripts").down);
    let version = late.version();
    fixture.sql(&format!(
        "DELETE FROM __diesel_schema_migrations WHERE version = '{version}';
         DELETE FROM schema_version WHERE version = {version}"
    ));
    (fixture, late)
}

#[test]
fn a_late_migration_with_a_lower_version_is_refused_and_named() {
    let (fixture, expected) = with_a_late_migration();
    let before = rows::contents(&mut fixture.raw());
    let errors = [
        fixture.manager().migrate().expect_err("late"),
        fixture.manager().initialize(&administrator()).expect_err("late"),
    ];
    for error in errors {
        let Error::Migration(MigrationFault::LateMigration { late, newest, .. }) = &error else {
            panic!("{error}")
        };
        assert_eq!((late, newest), (&expected.version(), &latest()));
        assert!(error.to_string().contains(&expected.version()), "{error}");
    }
    assert_eq!(rows::contents(&mut fixture.raw()), before);
    told(&fixture, &HistoryFault::Late { name: expected.name().to_owned() });
    assert!(failed(&fixture.manager().health_check()).contains(&"Pending Migrations"));
}

/// An error names the command that mends it; this takes the name out of the message.
#[test]
fn what_the_error_of_a_late_migration_advises_mends_it() {
    let (fixture, _) = with_a_late_migration();
    let advice = fixture.manager().migrate().expect_err("late").to_string();
    let (_, advice) = advice.split_once("rollback --to ").expect("a command");
    let version: String = advice.chars().take_while(char::is_ascii_alphanumeric).collect();
    let target = RollbackTarget::Version(version);
    fixture.manager().rollback(&target).expect("the advice");
    fixture.manager().migrate().expect("the advice");
    let status = fixture.manager().status().expect("a status");
    assert_eq!(status.pending_migrations, Vec::<String>::new());
    assert_eq!(status.history_faults, []);
}

fn from_the_future() -> Fixture {
    let fixture = Fixture::created();
    fixture.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('30000101000000')");
    fixture.sql(
        "INSERT INTO schema_version (version, description)
         VALUES (30000101000000, 'add a table, by zenith-db 9.9.9')",
    );
    // Something for seeding to mend, if it dared.
    fixture.sql("DELETE FROM system_settings WHERE key = 'AUDIT_LOGGING'");
    fixture
}

#[test]
fn a_newer_database_is_not_migrated_created_or_seeded() {
    let fixture = from_the_future();
    let before = rows::contents(&mut fixture.raw());
    let manager = fixture.manager();
    let refused = |error: Error| match &error {
        Error::Migration(MigrationFault::NewerDatabase { versions }) => {
            assert_eq!(versions, "30000101000000 (add a table, by zenith-db 9.9.9)");
        }
        _ => panic!("{error}"),
    };
    refused(manager.migrate().expect_err("newer"));
    refused(manager.initialize(&administrator()).expect_err("newer"));
    assert_eq!(rows::contents(&mut fixture.raw()), before);
    refused(manager.seed().expect_err("newer"));
    assert_eq!(rows::contents(&mut fixture.raw()), before);
}

#[test]
fn a_newer_database_is_not_rolled_back_and_not_written_to() {
    let fixture = from_the_future();
    let before = rows::contents(&mut fixture.raw());
    let error = fixture.manager().rollback(&RollbackTarget::Steps(1)).expect_err("newer");
    assert!(matches!(error, Error::Migration(MigrationFault::NewerDatabase { .. })), "{error}");
    assert_eq!(rows::contents(&mut fixture.raw()), before);
}

#[test]
fn an_older_program_names_the_one_that_has_the_migration() {
    let fixture = SqliteFixture::created();
    let own = [migration("CREATE TABLE added (id INTEGER)", "DROP TABLE added")];
    upgraded(&fixture, &own).migrate().expect("the newer program");
    let error = fixture.manager().migrate().expect_err("the older program").to_string();
    let program = env!("CARGO_PKG_VERSION");
    let named = format!("20990101000001 (change something, by zenith-db {program})");
    assert!(error.contains(&named), "{error}");
    let diesel = "DELETE FROM schema_version WHERE version = 20990101000001";
    fixture.sql(diesel);
    let error = fixture.manager().migrate().expect_err("the older program").to_string();
    assert!(error.contains("20990101000001; install"), "{error}");
}

#[test]
fn a_newer_database_can_be_looked_at() {
    let fixture = from_the_future();
    let status = fixture.manager().status().expect("a status");
    assert_eq!(status.schema_version.as_deref(), Some("30000101000000"));
    let description = Some("add a table, by zenith-db 9.9.9".to_owned());
    told(&fixture, &HistoryFault::Newer { version: "30000101000000".into(), description });
}

#[test]
fn a_migration_that_the_program_no_longer_has_is_told_and_nothing_is_written() {
    let fixture = Fixture::created();
    fixture.sql("INSERT INTO __diesel_schema_migrations (version) VALUES ('20010101000000')");
    fixture
        .sql("INSERT INTO schema_version (version, description) VALUES (20010101000000, 'gone')");
    let before = rows::contents(&mut fixture.raw());
    let (version, description) = ("20010101000000".to_owned(), Some("gone".to_owned()));
    told(&fixture, &HistoryFault::Missing { version, description });
    let manager = fixture.manager();
    for error in [
        manager.migrate().expect_err("missing"),
        manager.rollback(&RollbackTarget::Steps(1)).expect_err("missing"),
        manager.seed().expect_err("missing"),
        manager.backup().map(drop).and(manager.redo()).expect_err("missing"),
    ] {
        assert!(error.to_string().contains("20010101000000 (gone)"), "{error}");
    }
    fixture.sql("DELETE FROM backup_jobs");
    assert_eq!(rows::contents(&mut fixture.raw()), before);
}
