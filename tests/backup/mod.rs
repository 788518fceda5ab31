//! Backups: what the directory has, their verification, their removal, and restoring them.

#[cfg(feature = "postgres")]
mod beyond;
mod command;
#[cfg(feature = "zstd")]
mod compressed;
mod drill;
#[cfg(all(feature = "age", feature = "zstd"))]
mod encrypted;
mod list;
#[cfg(feature = "postgres")]
mod load_failures;
mod manifests;
#[cfg(not(feature = "age"))]
mod no_age;
#[cfg(feature = "postgres")]
mod odd_names;
#[cfg(feature = "postgres")]
mod odd_tables;
#[cfg(feature = "postgres")]
mod outside_schema;
#[cfg(feature = "postgres")]
mod pg_dump;
mod piped;
mod progress;
mod prune;
mod restore;
#[cfg(feature = "postgres")]
mod restore_as_owner;
mod restore_damaged;
#[cfg(feature = "postgres")]
mod restore_lock;
#[cfg(feature = "postgres")]
mod restore_on_server;
#[cfg(feature = "postgres")]
mod restored_settings;
#[cfg(feature = "postgres")]
mod secrets_of_programs;
mod verify;
#[cfg(feature = "postgres")]
mod with_pg_restore;

use std::path::PathBuf;

use diesel::connection::SimpleConnection;

use crate::support::{Fixture, rows};

/// A database with rows in every table.
fn filled(fixture: Fixture) -> Fixture {
    rows::fill(&mut fixture.raw());
    fixture
}

/// Takes a backup, and adds a row afterwards that it does not have.
fn backed_up(fixture: &Fixture) -> PathBuf {
    let path = fixture.manager().backup().expect("a backup").path;
    fixture.raw().batch_execute(LATER).expect("a later row");
    path
}

const LATER: &str =
    "INSERT INTO system_settings (key, value, value_type) VALUES ('later', '1', 'integer')";
const IS_LATER: &str = "SELECT count(*) FROM system_settings WHERE key = 'later'";
