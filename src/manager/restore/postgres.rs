//! Restoring an archive of `pg_dump` on a server: into a temporary database, which then takes the name of the one
//! that it replaces.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::RestoreOptions;
use super::report::RestoreReport;
use super::staged::Staged;
use crate::catalog::row_counts;
use crate::config::{Location, ServerUrl};
use crate::connection::{
    self, NewFile, Owner, RestoreLock, ScratchDatabase, others_in, right_missing,
};
use crate::error::{Error, ProgramFault, Result, chain};
use crate::locks::Obstacle;
use crate::manager::DatabaseManager;
use crate::manager::backup::{FileProgress, PlainBackup, write_bytes};
use crate::manager::origin::Origin;
use crate::manager::server_programs::{connect, finish, spawn, succeeded};
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
            self.ensure_replaceable(url)?;
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
            let kept = replaced.filter(|name| !self.is_dropped_empty(url, name));
            (staged, kept)
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
        let counted = connection::inspect(&manager.config, row_counts)?.counted;
        if !backup.report.tables.iter().eq(counted.iter().map(|(name, rows)| (name, rows))) {
            let reason = if counted.is_empty() {
                "its tables are in another schema than the first one in the search_path of the database"
            } else {
                "the restored tables do not have its row counts"
            };
            return Err(backup.damaged(reason.to_owned()).into());
        }
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
        let list = self.list_without_schemas(backup.contents())?;
        let mut load = |more: &[&str]| {
            let mut restore = Command::new("pg_restore");
            restore.args(["--single-transaction", "--exit-on-error"]).args(more);
            restore.arg("--use-list").arg(list.path());
            connect(&mut restore, url);
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

    /// Writes the contents of an archive to a file, without the schemas that the database already has.
    fn list_without_schemas(&self, archive: &Path) -> Result<NewFile> {
        let directory = self.config.backup_dir();
        connection::create_private_dir(directory)?;
        let owner = Owner::of(directory).map_err(Error::io("read the metadata of", directory))?;
        let mut list = NewFile::create(directory, owner)?;
        let mut restore = Command::new("pg_restore");
        restore.arg("--list").arg("--file").arg(list.path()).arg(archive);
        let restore = restore.stdin(Stdio::null()).stdout(Stdio::null());
        finish("pg_restore", spawn("pg_restore", restore)?)?;
        let failed = |cause| Error::io("read", list.path())(cause);
        let text = std::fs::read_to_string(list.path()).map_err(failed)?;
        let schemas = connection::inspect(&self.config, |connection| {
            texts(connection.postgres()?, "SELECT nspname::text AS text FROM pg_namespace")
        })?;
        let is_present = |line: &str| {
            let named =
                line.split_once(" SCHEMA - ").or_else(|| line.split_once(" COMMENT - SCHEMA "));
            // The owner is the last word.
            let name = named.and_then(|(_, rest)| rest.rsplit_once(' ')).map(|(name, _)| name);
            name.is_some_and(|name| schemas.iter().any(|schema| schema == name))
        };
        let kept: Vec<&str> = text.lines().filter(|line| !is_present(line)).collect();
        let path = list.path().to_owned();
        let file = list.as_file_mut();
        file.set_len(0)
            .and_then(|()| file.write_all(kept.join("\n").as_bytes()))
            .map_err(Error::io("write", path))?;
        Ok(list)
    }

    /// Returns an error if somebody is connected to the database, or it contains what a backup does not.
    fn ensure_replaceable(&self, url: &ServerUrl) -> Result<()> {
        let (others, beyond) = connection::inspect(&self.config, |connection| {
            let connection = connection.postgres()?;
            let others = others_in(connection, &url.database().unwrap_or_default())?;
            Ok((others, texts(connection, NOT_IN_BACKUPS)?))
        })?;
        if let Some(other) = others {
            let action = "restoring the backup (stop the application first)";
            return Err(Error::locked(action, None, Obstacle::Process(other), None));
        }
        if beyond.is_empty() {
            return Ok(());
        }
        Err(self.refused(format!(
            "it also contains {}, which a backup does not; restore to another database with --to",
            beyond.join(", ")
        )))
    }

    /// Drops the database of this name if it has no tables. Returns whether it did.
    fn is_dropped_empty(&self, url: &ServerUrl, name: &str) -> bool {
        let config = self.config.for_temporary_copy(Location::Postgres(url.at(name)));
        let dropped: Result<bool> = connection::remove_created(&config, crate::catalog::is_empty);
        dropped.unwrap_or_else(|error| {
            tracing::warn!(%error, "the empty database {name} was not dropped");
            false
        })
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

/// What a database has outside of the schema that is backed up.
const NOT_IN_BACKUPS: &str = "
    SELECT format('the schema %I', nspname) AS text FROM pg_namespace AS n
        WHERE nspname <> current_schema() AND nspname !~ '^pg_' AND nspname <> 'information_schema'
            AND (nspname <> 'public' OR EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid)
                OR EXISTS (SELECT FROM pg_proc WHERE pronamespace = n.oid))
    UNION ALL SELECT format('the extension %I', extname) FROM pg_extension WHERE extname <> 'plpgsql'
    UNION ALL SELECT format('the publication %I', pubname) FROM pg_publication
    UNION ALL SELECT 'large objects' WHERE EXISTS (SELECT FROM pg_largeobject_metadata)";
