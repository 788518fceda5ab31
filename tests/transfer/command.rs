//! `zenith-db transfer`: makes the target, moves, shows the proof and keeps it.

#[cfg(feature = "postgres")]
use crate::support::bare_zenith;
use crate::support::command::json;
#[cfg(feature = "postgres")]
use crate::support::place::connect;
use crate::support::place::{Place, stop_when};
use crate::support::{Fixture, SqliteFixture, failed, run, stderr, stdout};

#[test]
fn it_makes_the_target_and_shows_and_keeps_the_proof() {
    let fixture = SqliteFixture::created();
    let target = fixture.directory.path().join("deep/er/new.db");
    let mut command = fixture.zenith();
    let output = run(command.args(["--format", "json", "transfer", "--to"]).arg(&target), 0);
    let record = json(&output);
    assert_eq!(stderr(&output), "");
    assert_eq!(record["tables"].as_array().expect("a list").len(), 21);
    for table in record["tables"].as_array().expect("a list") {
        assert_eq!(table["source"], table["target"]);
        assert_eq!(table["source"]["digest"].as_str().expect("a digest").len(), 64);
    }
    let kept = std::fs::read(record["file"].as_str().expect("a path")).expect("the proof");
    let kept: serde_json::Value = serde_json::from_slice(&kept).expect("JSON");
    assert_eq!(kept["tables"], record["tables"]);
    // It is a database like any other.
    let moved = zenith_db::Config::for_path(&target).expect("a configuration");
    let report = zenith_db::manager::DatabaseManager::new(moved).health_check();
    assert!(report.healthy, "{:?}", failed(&report));
}

#[test]
fn as_text_it_shows_each_table_with_both_digests() {
    let fixture = SqliteFixture::created();
    let target = fixture.directory.path().join("new.db");
    let text = stdout(&run(fixture.zenith().args(["transfer", "--to"]).arg(&target), 0));
    let roles = text.lines().find(|line| line.trim_start().starts_with("roles")).expect("a line");
    let [_, rows, source, target] = roles.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{roles}")
    };
    assert_eq!((rows, source.len()), ("5", 16));
    assert_eq!(source, target);
    assert!(text.contains("every table is equal in source and target"), "{text}");
}

#[test]
fn a_target_with_a_database_in_it_is_refused() {
    let (fixture, other) = (SqliteFixture::created(), SqliteFixture::created());
    let output = run(fixture.zenith().args(["transfer", "--to"]).arg(other.path()), 1);
    assert!(stderr(&output).contains("the target is not empty: it has permissions (18 rows)"));
    let output = run(fixture.zenith().args(["transfer", "--to"]).arg(fixture.path()), 2);
    assert!(stderr(&output).contains("it is the source of the transfer as well"));
    let output = run(fixture.zenith().args(["transfer", "--to", "mysql://x/y"]), 2);
    assert!(stderr(&output).contains("a URL of this kind is not supported"), "{}", stderr(&output));
}

#[test]
fn what_was_stopped_goes_on_with_resume() {
    let (source, target) = (Place::Sqlite(SqliteFixture::created()), Place::sqlite());
    stop_when(&source, &target, |progress| progress.table == "users");
    let zenith = |flags: &[&str], exit| {
        let mut command = source.fixture().zenith();
        run(command.args(["transfer", "--to", &target.address()]).args(flags), exit)
    };
    let refused = stderr(&zenith(&[], 1));
    assert!(refused.contains("was interrupted after") && refused.contains("--resume"), "{refused}");
    assert!(stdout(&zenith(&["--resume"], 0)).contains("rows had been copied before"));
    assert_eq!(target.contents(), source.contents());
}

#[cfg(feature = "postgres")]
#[test]
fn to_a_server_and_back() {
    let Some(server) = Place::postgres() else { return };
    let fixture = SqliteFixture::created();
    let back = fixture.directory.path().join("back.db");
    run(fixture.zenith().args(["transfer", "--to", &server.address()]), 0);
    let mut command = bare_zenith(fixture.directory.path());
    command.args(["--database-url", &server.address()]);
    let health = run(command.args(["health-check", "--format", "json"]), 0);
    assert_eq!(json(&health)["healthy"], true);
    let mut command = bare_zenith(fixture.directory.path());
    run(command.args(["--database-url", &server.address(), "transfer", "--to"]).arg(&back), 0);
    let original = Place::Sqlite(fixture);
    assert_eq!(server.contents(), original.contents());
    let mut back = connect(back.to_str().expect("UTF-8"));
    let moved = zenith_db_transfer::table_contents(&mut back).expect("contents");
    assert_eq!(moved, original.contents());
    let refused = run(
        original.fixture().zenith().args(["transfer", "--to", "postgres://me:secret@host/db"]),
        2,
    );
    assert!(stderr(&refused).contains("--to contains a password"), "{}", stderr(&refused));
    assert!(!stderr(&refused).contains("secret"));
}

#[test]
fn tables_that_are_not_of_the_schema_are_not_left_behind_in_silence() {
    let fixture = SqliteFixture::created();
    fixture.sql(
        "CREATE TABLE carried (id); INSERT INTO carried VALUES (1), (2); CREATE TABLE no_rows (id)",
    );
    let target = fixture.directory.path().join("new.db");
    let transfer = || {
        let mut command = fixture.zenith();
        command.args(["transfer", "--to"]).arg(&target);
        command
    };
    let refused = stderr(&run(&mut transfer(), 1));
    assert!(refused.contains("carried (2 rows)") && !refused.contains("no_rows"), "{refused}");
    let text = stdout(&run(transfer().arg("--leave-other-tables"), 0));
    assert!(text.contains("not copied") && text.contains("carried (2 rows)"), "{text}");
}

#[test]
fn a_database_in_the_middle_of_a_transfer_is_not_taken_for_a_whole_one() {
    let (source, target) = (Place::Sqlite(SqliteFixture::created()), Place::sqlite());
    stop_when(&source, &target, |progress| progress.table == "roles");
    let half = target.fixture();
    let health = half.manager().health_check();
    assert!(!health.healthy && failed(&health).contains(&"Schema Version"), "{health:?}");
    let create = half.manager().initialize(&crate::support::administrator()).map(drop);
    let migrate = half.manager().migrate().map(drop);
    let (open, backup) = (half.manager().open_database(), half.manager().backup());
    let piped = half.manager().write_backup(&mut Vec::new(), &mut |_| ());
    let all = [create, migrate, half.manager().seed().map(drop), open.map(drop), backup.map(drop)];
    for error in all.into_iter().chain([piped.map(drop)]) {
        let error = error.expect_err("it lacks rows").to_string();
        assert!(error.contains("--resume"), "{error}");
    }
    assert!(!half.backups().exists());
    let said = stderr(&run(half.zenith().args(["purge", "--metrics", "1", "--yes"]), 1));
    assert!(said.contains("--resume"), "{said}");
    // What deletes its tables is the way out, and keeps a copy of them.
    let _ = half.manager().recreate(&crate::support::administrator()).expect("created again");
    assert!(half.manager().open_database().is_ok());
}

/// As if the process had been killed between the migrations of the target and the first row.
#[test]
fn a_target_that_was_only_migrated_is_not_taken_for_a_database() {
    let source = SqliteFixture::created();
    let targets = [Some(Fixture::blank()), Some(SqliteFixture::empty().fixture())];
    for target in targets.into_iter().flatten() {
        if target.backend() == zenith_db::Backend::Sqlite {
            std::fs::write(target.address().1, "").expect("an empty file");
        }
        let to = target.config().location().clone();
        let transfer = || {
            let options = zenith_db_transfer::TransferOptions::default();
            zenith_db_transfer::transfer(&source.manager(), &to, &options, &mut |_| ())
        };
        source
            .manager()
            .rollback(&zenith_db::manager::RollbackTarget::Steps(1))
            .expect("a rollback");
        transfer().expect_err("the source has other migrations");
        let refused = target.manager().open_database().expect_err("it has no rows");
        assert!(matches!(refused, zenith_db::Error::UnfinishedTransfer), "{refused:?}");
        source.manager().migrate().expect("migrated again");
        let report = transfer().expect("nothing has begun that was to be resumed");
        assert!(report.report.rows > 0);
        assert!(target.manager().open_database().is_ok());
    }
}

/// A source from before the check of its JSON, whose text goes on after a NUL.
#[cfg(feature = "postgres")]
#[test]
fn a_text_that_the_target_cannot_store_is_named_with_its_column() {
    let Some(target) = Place::postgres() else { return };
    let source = Place::filled(1);
    source.sql(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, ' AND instr(metadata, char(0)) = 0', '')
         WHERE name = 'chat_history';
         PRAGMA writable_schema = RESET;
         UPDATE chat_history SET metadata = '{}' || char(0) || ' garbage' WHERE id = 1",
    );
    let error = crate::support::place::transfer(&source, &target, crate::support::place::BEGIN)
        .expect_err("a NUL")
        .to_string();
    let words = "writing chat_history failed at the row with the key 1, whose metadata contains the character NUL";
    assert!(error.contains(words), "{error}");
}
