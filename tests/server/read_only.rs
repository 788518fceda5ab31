//! Servers, databases and users that take no writes: what would create or replace a database says so.
#![cfg(feature = "postgres")]

use std::path::Path;

use diesel::connection::SimpleConnection;
use tempfile::TempDir;
use zenith_db::config::{Key, Location};
use zenith_db::manager::{DatabaseManager, RestoreOptions};
use zenith_db::{Config, Error};
use zenith_db_transfer::{TransferOptions, transfer};

use crate::support::own_server::{Server, config, value};
use crate::support::wait::wait_for;
use crate::support::{SqliteFixture, administrator, bare_zenith, run, stderr};

/// Fails unless everything that would write says that it cannot, for this reason: in the database of `there`, which has
/// a backup, and in `missing`.
fn assert_all_refused(there: &Config, missing: &Config, backup: &Path, reason: &str) {
    let manager = DatabaseManager::new(there.clone());
    let absent = DatabaseManager::new(missing.clone());
    let (file, options) = (SqliteFixture::created(), RestoreOptions::default());
    let to = |location: &Location| {
        transfer(&file.manager(), location, &TransferOptions::default(), &mut |_| ())
            .map(drop)
            .map_err(|error| format!("{error:?}"))
    };
    let shown = |error: Error| format!("{error:?}");
    for (what, done) in [
        ("create", absent.initialize(&administrator()).map(drop).map_err(shown)),
        ("restore", manager.restore(backup, &options, &mut |_| ()).map(drop).map_err(shown)),
        ("restore beside", absent.restore(backup, &options, &mut |_| ()).map(drop).map_err(shown)),
        ("drill", manager.drill(&mut |_| ()).map(drop).map_err(shown)),
        ("transfer", to(missing.location())),
    ] {
        let refused = done.expect_err(what);
        assert!(refused.contains("ReadOnly") && refused.contains(reason), "{what}: {refused}");
    }
}

/// Starts a server with a database and a backup of it, in the directory.
fn with_backup(directory: &TempDir) -> Option<(Server, std::path::PathBuf)> {
    let server = Server::start()?;
    let manager = DatabaseManager::new(at(&server, "zenith", directory, &[]));
    let _ = manager.initialize(&administrator()).expect("created");
    let backup = manager.backup().expect("a backup").path;
    Some((server, backup))
}

fn at(server: &Server, database: &str, directory: &TempDir, settings: &[(Key, &str)]) -> Config {
    let backups = (Key::BackupDir, directory.path().to_str().expect("UTF-8"));
    config(&server.url(database), &[&[backups], settings].concat())
}

#[test]
fn on_a_replica_nothing_is_created_and_the_primary_is_asked_for() {
    let directory = TempDir::new().expect("a directory");
    let Some((primary, backup)) = with_backup(&directory) else { return };
    let replica = primary.replica();
    wait_for("the replica's answer", || {
        value(&mut replica.admin("zenith"), "SELECT count(*) FROM users") == "1"
    });
    let reason = "it is a replica; give the URL of the primary";
    let at = |database: &str, settings: &[_]| at(&replica, database, &directory, settings);
    assert_all_refused(&at("zenith", &[]), &at("missing", &[]), &backup, reason);
    let in_schema = DatabaseManager::new(at("zenith", &[(Key::Schema, "missing")]));
    let refused = in_schema.initialize(&administrator()).expect_err("a schema");
    assert!(matches!(refused, Error::ReadOnly { .. }), "{refused:?}");
    let mut roles = bare_zenith(Path::new("/"));
    roles.env("DATABASE_URL", replica.url("zenith")).args(["roles", "--apply"]);
    let said = stderr(&run(&mut roles, 1));
    assert!(said.contains(reason) && !said.contains("CREATE ROLE"), "{said}");
}

#[test]
fn whoever_only_reads_by_default_creates_nothing_and_is_told_so() {
    let directory = TempDir::new().expect("a directory");
    let Some((server, backup)) = with_backup(&directory) else { return };
    let mut admin = server.admin("postgres");
    let reason = "default_transaction_read_only is on for this database or user";
    let at = |database: &str| at(&server, database, &directory, &[]);
    let set = "ALTER ROLE zenith SET default_transaction_read_only = yes";
    admin.batch_execute(set).expect(set);
    assert_all_refused(&at("zenith"), &at("missing"), &backup, reason);

    // Of this database only: another one can be created, and one that takes its place.
    let set = "BEGIN READ WRITE; ALTER ROLE zenith SET default_transaction_read_only = off;
        ALTER ROLE zenith IN DATABASE zenith SET default_transaction_read_only = 1; COMMIT";
    admin.batch_execute(set).expect(set);
    let manager = DatabaseManager::new(at("zenith"));
    manager.drill(&mut |_| ()).expect("a drill");
    let _ = manager.restore(&backup, &RestoreOptions::default(), &mut |_| ()).expect("a restore");
    let refused = manager.migrate().expect_err("read-only");
    assert!(matches!(refused, Error::ReadOnly { .. }), "{refused:?}");
    let missing = DatabaseManager::new(at("missing"));
    let _ = missing.initialize(&administrator()).expect("created");
}
