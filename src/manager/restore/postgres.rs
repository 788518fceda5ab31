//! Restoring an archive of `pg_dump` on a server: into a temporary database, which then takes the name of the one
//! that it replaces.

use std::process::Stdio;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::archive_list::ArchiveList;
use super::refused_load::RefusedLoad;
use super::report::RestoreReport;
use super::staged::Staged;
use super::{RestoreOptions, not_to_be_replaced};
use crate::catalog::{large_objects, names_of, quoted};
use crate::config::{Config, Location, ServerUrl, shown};
use crate::connection::{self, RestoreLock, ScratchDatabase, name_of, others_in, right_missing};
use crate::error::{Error, ProgramFault, Result, chain};
use crate::locks::Obstacle;
use crate::manager::DatabaseManager;
use crate::manager::backup::{FileProgress, PlainBackup, write_bytes};
use crate::manager::origin::Origin;
use crate::manager::server_programs::{connect, program, spawn};
use crate::types::UtcTime;

impl DatabaseManager {
    /// Restores an archive into a new database, and gives it the name of the configured one.
    pub(super) fn restore_on_server(
        &self,
        url: &ServerUrl,
        backup: PlainBackup,
        options: RestoreOptions,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<RestoreReport> {
        // Another host may have the new database later only.
        let url = &connection::with_one_host(url, self.config.server())?;
        let mut lock = RestoreLock::take(url, self.config.server())?;
        let missing = right_missing(url, self.config.server())?;
        let origin = match (self.origin(), missing.clone()) {
            // Who may not read it is told what to do about that.
            (Err(Error::Query(_)), Some(reason)) => return Err(self.refused(reason)),
            (origin, _) => origin?,
        };
        let is_absent = origin == Origin::Absent;
        if let Origin::Foreign(reason) = origin {
            return Err(self.refused(format!("{reason}; restore to another database with --to")));
        }
        if !options.replace && !matches!(origin, Origin::Absent | Origin::Empty) {
            return Err(not_to_be_replaced(url.to_string()));
        }
        if !is_absent {
            self.ensure_replaceable(url, &backup)?;
        }
        let (staged, renamed_to) = if let Some(reason) = missing {
            if origin != Origin::Empty {
                return Err(self.refused(reason));
            }
            // Others can connect to it.
            let config = self.config.for_temporary_copy(Location::Postgres(url.clone()));
            (self.stage_on_server(&backup, config, url, options, progress)?, None)
        } else {
            let scratch = ScratchDatabase::create(url, self.config.server(), "restoring")?;
            let config = self.config.to_fill(scratch.url());
            let staged = self.stage_on_server(&backup, config, scratch.url(), options, progress)?;
            lock.ensure_held()?;
            let time = UtcTime::now().as_datetime().format("%Y%m%dT%H%M%S%3fZ");
            let replaced = scratch.take_place(&format!("_before_{time}"))?;
            // What was empty has nothing to keep.
            let is_dropped = |name: &String| {
                let dropped = connection::drop_if_bare(&url.at(name), self.config.server());
                dropped.unwrap_or_else(|error| {
                    tracing::warn!(error = %chain(&error), "the empty database {name} was not dropped");
                    false
                })
            };
            (staged, replaced.filter(|name| origin != Origin::Empty || !is_dropped(name)))
        };
        Ok(RestoreReport {
            backup: backup.into_report(),
            database: url.to_string(),
            kept: None,
            renamed_to,
            migrations: staged.migrations,
            health: self.health_check(),
            milliseconds: 0,
        })
    }

    /// Restores an archive into the empty database at `url`, for which `config` is, applies the migrations that it lacks,
    /// and checks it.
    pub(super) fn stage_on_server(
        &self,
        backup: &PlainBackup,
        config: Config,
        url: &ServerUrl,
        options: RestoreOptions,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<Staged> {
        let manager = self.for_config(config);
        manager.load_archive(backup, url, progress)?;
        manager.ensure_rows_of(&backup.report)?;
        let migrations = manager.bring_up_to_date(&backup.report, options)?;
        // The server collects the statistics for its plans later otherwise.
        manager.open()?.batch_execute("ANALYZE")?;
        Ok(Staged { manager, migrations })
    }

    /// Runs `pg_restore` in one transaction, with the owners and privileges of the archive. If the server refuses
    /// them, everything belongs to the user, with a warning.
    fn load_archive(
        &self,
        backup: &PlainBackup,
        url: &ServerUrl,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<()> {
        let (archive, directory) = (backup.contents(), self.config.backup_dir());
        let (schemas, extensions) = connection::present_objects(url, self.config.server())?;
        let contents = ArchiveList::read(archive, directory)?;
        let list = contents.without(directory, &schemas, &extensions)?;
        // First, because the owner of a table needs the right to create in its schema.
        for (schema, owner) in contents.owners_of(&schemas) {
            if let Err(error) = self.give_schema(schema, owner) {
                tracing::warn!(error = %chain(&error), "the owner of the schema {schema} could not be restored");
            }
        }
        let mut load = |more: &[&str]| -> Result<Option<RefusedLoad>> {
            let mut restore = program("pg_restore");
            restore.args(["--single-transaction", "--exit-on-error"]).args(more);
            restore.arg("--use-list").arg(list.path());
            let _secrets = connect(&mut restore, url, directory)?;
            let child = spawn("pg_restore", restore.stdin(Stdio::piped()).stdout(Stdio::null()))?;
            let feed =
                |target: &mut dyn std::io::Write| write_bytes(backup.contents(), target, progress);
            let (written, output) =
                child.wait_feeding(feed).map_err(Error::io("wait for", "pg_restore"))?;
            // A program that failed does not read the rest.
            if let Some(refused) = RefusedLoad::of(&output) {
                return Ok(Some(refused));
            }
            if written? == backup.digest() {
                return Ok(None);
            }
            Err(backup.damaged("it changed while it was restored".to_owned()).into())
        };
        let Some(first) = load(&[])? else { return Ok(()) };
        let mut second = None;
        if first.is_about_rights {
            second = load(&["--no-owner", "--no-privileges", "--no-tablespaces"])?;
            if second.is_none() {
                tracing::warn!(
                    error = first.said,
                    "the tables belong to the user, because the owners, privileges or tablespaces of the backup could \
                     not be restored"
                );
                return Ok(());
            }
        }
        let said = first.with_second(second);
        let needs = &backup.report.needs;
        if needs.is_empty() {
            return Err(ProgramFault::Failed { program: "pg_restore", said }.into());
        }
        Err(self.refused(format!(
            "the backup lacks what its tables need, {}; create it in the database, and restore there with --to: {said}",
            shown(needs.join(", "))
        )))
    }

    /// Makes a role the owner of a schema that the database already has, as in the archive.
    fn give_schema(&self, schema: &str, owner: &str) -> Result<()> {
        let mut connection = self.open()?;
        let owners =
            names_of(connection.postgres()?, diesel::sql_query(OWNER).bind::<Text, _>(schema))?;
        if owners.iter().any(|present| present == owner) {
            return Ok(());
        }
        let statement = format!("ALTER SCHEMA {} OWNER TO {}", quoted(schema), quoted(owner));
        diesel::sql_query(statement).execute(connection.postgres()?)?;
        Ok(())
    }

    /// Returns an error if somebody is connected to the database, or it contains what the backup does not.
    fn ensure_replaceable(&self, url: &ServerUrl, backup: &PlainBackup) -> Result<()> {
        let archive = ArchiveList::read(backup.contents(), self.config.backup_dir())?;
        let (others, beyond) = connection::inspect(&self.config, |connection| {
            let connection = connection.postgres()?;
            let others = others_in(connection, &name_of(url)?)?;
            let (schemas, extensions) = (archive.names("SCHEMA"), archive.names("EXTENSION"));
            let mut beyond = connection::contents_beyond(connection, &schemas, &extensions)?;
            beyond.extend(large_objects(connection)?);
            Ok((others, beyond))
        })?;
        if let Some(other) = others {
            let action = "restoring the backup (stop the application first)";
            return Err(Error::locked(action, None, Obstacle::Process(other), None));
        }
        if beyond.is_empty() {
            return Ok(());
        }
        Err(self.refused(format!(
            "it also contains what the backup does not: {}; restore to another database with --to",
            beyond.join("; ")
        )))
    }

    pub(super) fn refused(&self, reason: String) -> Error {
        Error::Refused { database: self.config.location().to_string(), reason }
    }
}

const OWNER: &str =
    "SELECT pg_get_userbyid(nspowner)::text AS name FROM pg_namespace WHERE nspname = $1";
