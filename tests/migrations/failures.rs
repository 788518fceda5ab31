//! A run that fails leaves the database as it was, says why, and is recorded.

use crate::support::command::json;
use crate::support::embedded::notifications;
use crate::support::own_migrations::{migration, upgraded};
use crate::support::{SqliteFixture, bare_zenith, rows, run, stderr};
use zenith_db::manager::{DatabaseManager, HistoryFault, Phase, RollbackTarget};
use zenith_db::migrations::{EmbeddedMigration, Migrations, all, latest};
use zenith_db::{Error, MigrationFault};

fn everything(fixture: &SqliteFixture) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut connection = fixture.raw();
    let mut contents = rows::contents(&mut connection);
    // That it was tried is recorded there.
    contents.remove("system_health");
    (contents, rows::catalogue(&mut connection))
}

#[test]
fn a_script_that_fails_anywhere_leaves_nothing_and_is_recorded_until_one_succeeds() {
    let fixture = SqliteFixture::created();
    rows::fill(&mut fixture.raw());
    let before = everything(&fixture);
    let scripts = [
        "CREATE TABLE a (id INTEGER PRIMARY KEY); INSERT INTO a VALUES (1), (1)",
        "CREATE TABLE a (id INTEGER PRIMARY KEY); DROP TABLE a; CREATE TABEL b (id)",
        "CREATE TABLE a (id INTEGER PRIMARY KEY); UPDATE users SET username = NULL",
    ];
    for (index, up) in scripts.iter().enumerate() {
        let manager = upgraded(&fixture, &[migration(up, "SELECT 1")]);
        let error = manager.migrate().expect_err(up);
        assert!(matches!(&error, Error::Migration(MigrationFault::Failed { .. })), "{error}");
        assert_eq!(everything(&fixture), before, "{up}");
        let failed = manager.status().expect("a status").failed_migration.expect("a record");
        assert!(failed.error.contains("change_something failed to apply"), "{}", failed.error);
        assert_eq!(failed.attempts, i32::try_from(index).expect("few") + 1);
    }
    let manager = upgraded(&fixture, &[migration("CREATE TABLE a (id BIGINT)", "DROP TABLE a")]);
    manager.migrate().expect("nothing is wrong with it");
    assert_eq!(manager.status().expect("a status").failed_migration, None);
}

#[test]
fn what_was_refused_has_not_been_tried() {
    let fixture = SqliteFixture::created();
    let manager = fixture.manager();
    manager.rollback(&RollbackTarget::Version("7".into())).expect_err("no such version");
    assert_eq!(manager.status().expect("a status").failed_migration, None);
}

#[test]
fn the_command_names_the_backup_of_a_run_that_failed_and_status_tells_of_it() {
    let fixture = SqliteFixture::created();
    let refused = all()[notifications()];
    fixture.sql("DROP TABLE notifications; CREATE VIEW notifications AS SELECT 1");
    let output = run(fixture.zenith().args(["rollback", "--to", "0", "--yes"]), 1);
    let backup = fixture.manager().last_backup().expect("a record").expect("one").backup_path;
    let backup = backup.expect("a path");
    let said = stderr(&output);
    for part in [backup.as_str(), refused.name(), "the database is unchanged"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let status = run(fixture.zenith().arg("status"), 0);
    let status = String::from_utf8(status.stdout).expect("UTF-8");
    assert!(status.contains("last run") && status.contains(&backup), "{status}");
}

#[test]
fn the_command_that_a_report_names_takes_the_run_back() {
    let fixture = SqliteFixture::created();
    let manager = fixture.manager();
    let versions: Vec<String> = all().iter().map(EmbeddedMigration::version).collect();
    let undo = |text: Option<String>| {
        let text = text.expect("a command");
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        (words[1].clone(), words[3].clone())
    };
    let report = manager.rollback(&RollbackTarget::Steps(2)).expect("back");
    let (verb, version) = undo(report.undo);
    assert_eq!((verb.as_str(), &version), ("migrate", &latest()));
    let report = manager.migrate_to(&version).expect("forth");
    let (verb, version) = undo(report.undo);
    assert_eq!((verb.as_str(), &version), ("rollback", &versions[versions.len() - 3]));
    manager.rollback(&RollbackTarget::Version(version)).expect("back again");
    assert_eq!(manager.migrate_to(&versions[versions.len() - 3]).expect("nothing").undo, None);
}

#[test]
fn the_command_that_a_report_names_can_be_typed_as_it_is() {
    let fixture = SqliteFixture::created();
    let odd = fixture.path().with_file_name("it's \u{fc}ber $HOME.db");
    std::fs::rename(fixture.path(), &odd).expect("moved");
    let mut command = bare_zenith(odd.parent().expect("a directory"));
    command.args(["rollback", "--yes", "--format", "json", "--path"]).arg(&odd);
    let report = json(&run(&mut command, 0));
    let undo = report["undo"].as_str().expect("a command").to_owned();
    let (undo, _) = undo.split_once(" restores").expect("what it does");
    let undo = undo.replacen("zenith-db", "\"$0\"", 1);
    let zenith = fixture.zenith();
    let mut shell = std::process::Command::new("sh");
    shell.arg("-c").arg(&undo).arg(zenith.get_program()).env_clear();
    run(&mut shell, 0);
    let config = zenith_db::Config::for_path(&odd).expect("a config");
    let status = DatabaseManager::new(config).status().expect("a status");
    assert_eq!(status.pending_migrations, Vec::<String>::new(), "{undo}");
}

#[test]
fn a_migration_stops_at_a_version_and_never_goes_back() {
    let fixture = SqliteFixture::created();
    let manager = fixture.manager();
    let versions: Vec<String> = all().iter().map(EmbeddedMigration::version).collect();
    manager.rollback(&RollbackTarget::Version("0".into())).expect("an empty schema");
    for version in &versions {
        let planned = manager.plan_migration_to(version).expect("a plan");
        assert_eq!(planned.steps.len(), 1);
        let report = manager.migrate_to(version).expect("one more");
        assert_eq!(report.version.as_ref(), Some(version));
    }
    let error = manager.migrate_to(&versions[0]).expect_err("that is back");
    assert!(error.to_string().contains(&format!("rollback --to {}", versions[0])), "{error}");
    assert!(matches!(
        manager.migrate_to("7"),
        Err(Error::Migration(MigrationFault::UnknownVersion { .. }))
    ));
    assert_eq!(manager.status().expect("a status").schema_version, Some(latest()));
}

#[test]
fn the_last_migration_is_redone_in_one_transaction() {
    let fixture = SqliteFixture::created();
    rows::fill(&mut fixture.raw());
    let last = migration("CREATE TABLE own (id INTEGER PRIMARY KEY NOT NULL)", "DROP TABLE own");
    let manager = upgraded(&fixture, &[last]);
    manager.migrate().expect("a table of its own");
    fixture.sql("INSERT INTO own VALUES (1)");
    assert_eq!(manager.plan_redo().expect("a plan").steps.len(), 2);
    let catalogue = rows::catalogue(&mut fixture.raw());
    let report = manager.redo().expect("redone");
    assert!(report.steps.len() == 2 && report.steps.iter().all(|step| step.name == last.name()));
    assert_eq!(rows::catalogue(&mut fixture.raw()), catalogue);
    assert_eq!(fixture.text("SELECT count(*) FROM own"), "0");
    assert_eq!(fixture.text("SELECT count(*) FROM chat_history"), "2");
    assert!(manager.health_check().all_checks_passed);
    let manager =
        DatabaseManager::with(fixture.config(), Migrations::of(&[], &[]).expect("no migrations"));
    manager.redo().expect_err("it knows none of them");
}

#[test]
fn what_must_hold_before_and_after_is_looked_at_and_reported() {
    let fixture = SqliteFixture::created();
    let names = |when: Phase, report: &zenith_db::manager::MigrationReport| -> Vec<&str> {
        report.conditions.iter().filter(|c| c.when == when).map(|c| c.name).collect()
    };
    let report = fixture.manager().rollback(&RollbackTarget::Steps(1)).expect("back");
    assert_eq!(names(Phase::Before, &report), ["integrity", "references", "disk space"]);
    assert_eq!(names(Phase::After, &report), ["references", "rows", "structure"]);
}

#[test]
fn a_migration_that_leaves_another_structure_than_a_fresh_database_has_is_refused() {
    let fixture = SqliteFixture::created();
    // In a fresh database the table is not there yet.
    let up = "CREATE TABLE a (id INTEGER PRIMARY KEY NOT NULL);
              CREATE INDEX idx_a ON a (id); DROP INDEX IF EXISTS idx_b; CREATE INDEX idx_b ON a (id)";
    let manager = upgraded(&fixture, &[migration(up, "DROP TABLE a")]);
    manager.migrate().expect("as in a fresh database");
    manager.rollback(&RollbackTarget::Steps(1)).expect("back");
    fixture.sql("CREATE TABLE extra (id INTEGER PRIMARY KEY NOT NULL)");
    let up = "CREATE TABLE IF NOT EXISTS extra (id INTEGER PRIMARY KEY NOT NULL, name TEXT)";
    let before = everything(&fixture);
    let manager = upgraded(&fixture, &[migration(up, "DROP TABLE extra")]);
    let error = manager.migrate().expect_err("the table has no name");
    let Error::Migration(MigrationFault::StructureDiffers { missing }) = &error else {
        panic!("{error}")
    };
    assert!(missing.contains("extra.name TEXT"), "{missing}");
    assert_eq!(everything(&fixture), before);
}

#[test]
fn a_migration_that_would_leave_a_broken_reference_is_refused() {
    let fixture = SqliteFixture::created();
    rows::fill(&mut fixture.raw());
    let before = everything(&fixture);
    // The row that it adds is neither a loss nor a change of others.
    let up = "INSERT INTO password_history (user_id, password_hash, password_algorithm)
              VALUES (4711, '$2b$12$abcdefghijklmnopqrstuv', 'bcrypt')";
    let manager = upgraded(&fixture, &[migration(up, "SELECT 1")]);
    let error = manager.migrate().expect_err("there is no such user");
    let Error::Migration(MigrationFault::BrokenReferences { count, first, .. }) = &error else {
        panic!("{error}")
    };
    assert!(*count == 1 && first.starts_with("password_history row "), "{first}");
    assert!(error.to_string().contains("the migrations would leave"), "{error}");
    assert_eq!(everything(&fixture), before);
}

fn filled_with_something_to_apply() -> (SqliteFixture, DatabaseManager) {
    let fixture = SqliteFixture::created();
    rows::fill(&mut fixture.raw());
    let manager = fixture.manager();
    manager.rollback(&RollbackTarget::Steps(1)).expect("something to apply");
    (fixture, manager)
}

#[test]
fn a_damaged_database_is_not_migrated() {
    let (fixture, manager) = filled_with_something_to_apply();
    fixture.sql(
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'username TEXT NOT NULL', \
         'username TEXT NOT NULL CONSTRAINT x CHECK (username IS NULL)') WHERE name = 'users'",
    );
    let error = manager.migrate().expect_err("it breaks its own rules");
    assert!(matches!(&error, Error::IntegrityFaults { .. }), "{error}");
}

#[test]
fn a_database_with_a_damaged_page_is_not_migrated() {
    let (fixture, manager) = filled_with_something_to_apply();
    let [page, size] = [
        "SELECT rootpage FROM sqlite_schema WHERE name = 'idx_chat_history_user_id'",
        "SELECT page_size FROM pragma_page_size",
    ]
    .map(|query| fixture.text(query).parse::<usize>().expect("a number"));
    let mut bytes = std::fs::read(fixture.path()).expect("a file");
    // The entries of an index lie at the end of its page.
    bytes[page * size - size / 2..page * size].fill(0xFF);
    std::fs::write(fixture.path(), &bytes).expect("damaged");
    let error = manager.migrate().expect_err("a page is damaged");
    let Error::IntegrityFaults { faults, .. } = &error else { panic!("{error}") };
    assert!(faults.contains(&format!("page {page}")), "{faults}");
    assert!(std::fs::read(fixture.path()).expect("a file") == bytes, "it was written to");
}

#[test]
fn without_a_backup_the_report_says_that_rows_do_not_come_back() {
    let fixture = SqliteFixture::created();
    let manager = upgraded(&fixture, &[]);
    let last = all()[all().len() - 2].version();
    let path = fixture.path().display().to_string();
    let report = manager.rollback(&RollbackTarget::Steps(1)).expect("back");
    let undo = format!(
        "zenith-db migrate --to {} --path {} restores the schema, but not the previous rows: no \
         backup was taken",
        latest(),
        path
    );
    assert_eq!((report.undo, report.backup), (Some(undo), None));
    let report = manager.migrate().expect("forth");
    assert_eq!(report.undo, Some(format!("zenith-db rollback --to {last} --path {path}")));
    let up = "-- loses-rows: role_permissions these are not needed
              DELETE FROM role_permissions; CREATE TABLE a (id INTEGER)";
    let own = [migration(up, "DROP TABLE a")];
    let report = upgraded(&fixture, &own).migrate().expect("a declared loss");
    let undo = report.undo.expect("a command");
    assert!(undo.ends_with("restores the schema, but not the previous rows: no backup was taken"));
    upgraded(&fixture, &own).rollback(&RollbackTarget::Steps(1)).expect("back");
    let report = manager.redo().expect("again");
    assert_eq!(report.undo.as_deref(), Some("not possible: no backup was taken"));
    let report = fixture.manager().redo().expect("again");
    let backup = report.backup.expect("a backup").path;
    let undo = report.undo.expect("a command");
    assert!(undo.starts_with(&format!("`zenith-db restore {}", backup.display())), "{undo}");
    assert!(undo.ends_with("brings the previous rows back"), "{undo}");
}

#[test]
fn an_edited_migration_is_named_refused_and_accepted_by_a_repair() {
    let fixture = SqliteFixture::created();
    let create = "CREATE TABLE a (id INTEGER PRIMARY KEY NOT NULL)";
    let drop = "DROP TABLE a";
    upgraded(&fixture, &[migration(create, drop)]).migrate().expect("applied");
    let commented = format!("{create} -- edited");
    let manager = upgraded(&fixture, &[migration(&commented, drop)]);
    let name = "2099-01-01-000001_change_something";

    let error = manager.migrate().expect_err("edited");
    assert!(
        matches!(&error, Error::Migration(MigrationFault::EditedMigrations { names }) if names == name),
        "{error}"
    );
    assert!(error.to_string().contains("migrate --repair"), "{error}");
    let faults = manager.status().expect("a status").history_faults;
    assert!(
        matches!(&faults[..], [HistoryFault::Edited { name: n, .. }] if n == name),
        "{faults:?}"
    );
    let health = manager.health_check();
    let check = health.failures().next().expect("a failed check");
    assert!(check.name == "Schema Version" && check.details.contains(name), "{check:?}");

    let planned = manager.plan_repair().expect("a plan");
    assert_eq!((&planned.edited, planned.missing.len()), (&faults, 0));
    assert_eq!(manager.status().expect("a status").history_faults, faults);
    assert_eq!(manager.repair().expect("repaired").edited, faults);
    assert_eq!(manager.status().expect("a status").history_faults, []);
    manager.migrate().expect("nothing to do");

    let other = "CREATE TABLE a (id INTEGER PRIMARY KEY NOT NULL, name TEXT)";
    let planned = upgraded(&fixture, &[migration(other, drop)]).plan_repair().expect("a plan");
    assert_eq!(planned.missing, ["column a.name TEXT"]);
}

#[test]
fn the_command_asks_before_it_repairs() {
    let fixture = SqliteFixture::created();
    let last = all()[all().len() - 1];
    let checksum =
        || fixture.text("SELECT checksum FROM schema_version ORDER BY version DESC LIMIT 1");
    let right = checksum();
    let wrong = "0".repeat(64);
    fixture.sql(&format!(
        "UPDATE schema_version SET checksum = '{wrong}' WHERE version = {}",
        last.version()
    ));
    run(fixture.zenith().args(["migrate", "--repair"]), 2);
    assert_eq!(checksum(), wrong);
    let output = run(fixture.zenith().args(["migrate", "--repair", "--yes"]), 0);
    assert_eq!(checksum(), right);
    assert!(stderr(&output).contains(last.name()) && stderr(&output).contains(&right));
}
