//! Restoring an archive of `pg_dump` on a server: into a temporary database, which then takes the name of the one
//! that it replaces.

use std::process::Stdio;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::RestoreOptions;
use super::archive_list::ArchiveList;
use super::report::RestoreReport;
use super::staged::Staged;
use crate::catalog::{large_objects, literal, quoted};
use crate::config::{Location, ServerUrl};
use crate::connection::{self, RestoreLock, ScratchDatabase, name_of, others_in, right_missing};
use crate::error::{Error, ProgramFault, Result, chain};
use crate::locks::Obstacle;
use crate::manager::DatabaseManager;
use crate::manager::backup::{FileProgress, PlainBackup, write_bytes};
use crate::manager::origin::Origin;
use crate::manager::server_programs::{connect, program, spawn, succeeded};
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
        let _lock = RestoreLock::take(url, self.config.server())?;
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
        if !is_absent {
            self.ensure_replaceable(url, &backup)?;
        }
        let (staged, renamed_to) = if let Some(reason) = missing {
            if origin != Origin::Empty {
                return Err(self.refused(reason));
            }
            (self.stage_on_server(&backup, url, options, progress)?, None)
        } else {
            let scratch = ScratchDatabase::create(url, self.config.server(), "restoring")?;
            let staged = self.stage_on_server(&backup, scratch.url(), options, progress)?;
            let time = UtcTime::now().as_datetime().format("%Y%m%dT%H%M%S%3fZ");
            let replaced = scratch.take_place(&format!("_before_{time}"))?;
            // What was empty has nothing to keep.
            let is_dropped = |name: &String| {
                let dropped = connection::drop_if_bare(&url.at(name), self.config.server());
                dropped.unwrap_or_else(|error| {
                    tracing::warn!(%error, "the empty database {name} was not dropped");
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

    /// Restores an archive into the empty database at `url`, applies the migrations that it lacks, and checks it.
    pub(super) fn stage_on_server(
        &self,
        backup: &PlainBackup,
        url: &ServerUrl,
        options: RestoreOptions,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<Staged> {
        let config = self.config.for_temporary_copy(Location::Postgres(url.clone()));
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
        let contents = ArchiveList::read(archive)?;
        let list = contents.without(archive, directory, &schemas, &extensions)?;
        // First, because the owner of a table needs the right to create in its schema.
        if let Some((schema, owner)) = contents.owner_of_one(&schemas)
            && let Err(error) = self.give_schema(schema, owner)
        {
            tracing::warn!(%error, "the owner of the schema {schema} could not be restored");
        }
        let mut load = |more: &[&str]| {
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
            succeeded("pg_restore", &output)?;
            if written? == backup.digest() {
                return Ok(());
            }
            Err(backup.damaged("it changed while it was restored".to_owned()).into())
        };
        match load(&[]) {
            Err(error @ Error::Program(ProgramFault::Failed { .. })) => {
                load(&["--no-owner", "--no-privileges"])?;
                tracing::warn!(
                    error = chain(&error),
                    "the tables belong to the user, because the owners or privileges of the backup could not be restored"
                );
                Ok(())
            }
            loaded => loaded,
        }
    }

    /// Makes a role the owner of a schema that the database already has, as in the archive.
    fn give_schema(&self, schema: &str, owner: &str) -> Result<()> {
        let mut connection = self.open()?;
        let owners =
            "SELECT pg_get_userbyid(nspowner)::text AS text FROM pg_namespace WHERE nspname =";
        let query = format!("{owners} {}", literal(schema));
        if texts(connection.postgres()?, &query)?.iter().any(|present| present == owner) {
            return Ok(());
        }
        let statement = format!("ALTER SCHEMA {} OWNER TO {}", quoted(schema), quoted(owner));
        Ok(connection.batch_execute(&statement)?)
    }

    /// Returns an error if somebody is connected to the database, or it contains what the backup does not.
    fn ensure_replaceable(&self, url: &ServerUrl, backup: &PlainBackup) -> Result<()> {
        let (others, mut beyond, extensions) = connection::inspect(&self.config, |connection| {
            let connection = connection.postgres()?;
            let others = others_in(connection, &name_of(url)?)?;
            let mut beyond = texts(connection, NOT_IN_BACKUPS)?;
            beyond.extend(large_objects(connection)?);
            Ok((others, beyond, texts(connection, EXTENSIONS)?))
        })?;
        if let Some(other) = others {
            let action = "restoring the backup (stop the application first)";
            return Err(Error::locked(action, None, Obstacle::Process(other), None));
        }
        let archive = ArchiveList::read(backup.contents())?;
        let missing = extensions.iter().filter(|name| !archive.has_extension(name));
        beyond.extend(missing.map(|name| format!("the extension {}", quoted(name))));
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

fn texts(connection: &mut PgConnection, query: &str) -> Result<Vec<String>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        text: String,
    }

    let rows: Vec<Row> = diesel::sql_query(query).load(connection)?;
    Ok(rows.into_iter().map(|row| row.text).collect())
}

/// What a database has outside of the schema that is backed up, except for extensions and what belongs to them.
const NOT_IN_BACKUPS: &str = "
    SELECT format('the schema %I', nspname) AS text FROM pg_namespace AS n
        WHERE nspname <> current_schema() AND nspname !~ '^pg_' AND nspname <> 'information_schema'
            AND (nspname <> 'public' OR EXISTS (
                SELECT FROM (
                    SELECT 'pg_class'::regclass AS catalog, oid, relnamespace AS schema FROM pg_class
                    UNION ALL SELECT 'pg_proc'::regclass, oid, pronamespace FROM pg_proc
                ) AS object
                WHERE object.schema = n.oid AND NOT EXISTS (
                    SELECT FROM pg_depend WHERE classid = catalog AND objid = object.oid AND deptype = 'e'
                )
            ))
    UNION ALL SELECT format('the publication %I', pubname) FROM pg_publication";

const EXTENSIONS: &str =
    "SELECT extname::text AS text FROM pg_extension WHERE extname <> 'plpgsql'";
