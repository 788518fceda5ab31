//! Copy of a database on a server: `pg_dump` in its custom format, read back with `pg_restore`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write as _};
use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::codec::Encoding;
use super::content::{CHECKING, COPYING, ContentDigest, FileProgress, PIECE, next_piece};
use super::copied_rows::count_rows;
use super::copy::{COMPARED, CopyOutcome, Fidelity};
use super::manifest::BackupManifest;
use super::regular::open_regular;
use super::report::VerifiedBackup;
use crate::backend::{Backend, DbConnection};
use crate::catalog::{
    dumped_extension_schemas, dumped_extensions, heirs_elsewhere, needed_from_outside, quoted,
    row_counts, row_differences,
};
use crate::config::{ServerOptions, ServerUrl};
use crate::dispatch;
use crate::error::{BackupFault, Error, ProgramFault, Result};
use crate::locks::Obstacle;
use crate::manager::server_programs::{connect, program, read_output};

#[derive(QueryableByName)]
struct ExportedSnapshot {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    schema: String,
}

/// Copies the database into an empty file, and verifies the copy. The rows are counted in the
/// snapshot that is copied. `url` names the one host to which `source` is connected: another one knows nothing of that
/// snapshot.
pub(super) fn copy(
    source: &mut DbConnection,
    target: &Path,
    url: &ServerUrl,
    options: &ServerOptions,
    progress: &mut dyn FnMut(FileProgress),
) -> Result<CopyOutcome> {
    if options.transaction_pooler {
        return Err(Error::TransactionPooler);
    }
    source.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
    let result = dump_and_check(source, target, url, options.lock_timeout, progress);
    // Nothing was written, and closing the connection ends the transaction too.
    if let Err(cause) = source.batch_execute("ROLLBACK") {
        tracing::warn!(%cause, "ending the snapshot failed");
    }
    result
}

fn dump_and_check(
    source: &mut DbConnection,
    target: &Path,
    url: &ServerUrl,
    lock_timeout: Duration,
    progress: &mut dyn FnMut(FileProgress),
) -> Result<CopyOutcome> {
    let query =
        "SELECT pg_export_snapshot() AS id, pg_catalog.quote_ident(current_schema()) AS schema";
    let snapshot: ExportedSnapshot =
        dispatch!(&mut *source, |c| diesel::sql_query(query).get_result(c))?;
    let elsewhere = heirs_elsewhere(source.postgres()?)?;
    if !elsewhere.is_empty() {
        let reason = format!(
            "a backup has the tables of its schema, and rows of these are in another one, in {}; move the tables with \
             ALTER TABLE … SET SCHEMA",
            elsewhere.join(", ")
        );
        return Err(Error::Refused { database: url.to_string(), reason });
    }
    let needs = needed_from_outside(source.postgres()?)?;
    // `pg_dump` refuses a table that it may not read.
    let counted = row_counts(source)?.counted.into_iter().collect();

    let mut dump = program("pg_dump");
    dump.args(["--format=custom", "--encoding=UTF8"])
        // Otherwise a statement that waits for this snapshot, for which `pg_dump` waits, makes both wait for ever.
        .arg(format!("--lock-wait-timeout={}", lock_timeout.as_millis().max(1)))
        .arg(format!("--snapshot={}", snapshot.id))
        .arg(format!("--schema={}", snapshot.schema))
        .args(
            dumped_extension_schemas(source.postgres()?)?
                .iter()
                .map(|name| format!("--schema={name}")),
        )
        // In quotes, no character of a name is a pattern.
        .args(
            dumped_extensions(source.postgres()?)?
                .iter()
                .map(|name| format!("--extension={}", quoted(name))),
        );
    let directory = target.parent().unwrap_or_else(|| Path::new("."));
    let _secrets = connect(&mut dump, url, directory)?;
    let failed = |cause| Error::io("write", target)(cause);
    let mut file = File::options().write(true).open(target).map_err(failed)?;
    let written = read_output("pg_dump", &mut dump, |archive| {
        write_all_of(archive, &mut file, progress).map_err(failed)
    });
    if let Err(Error::Program(ProgramFault::Failed { said, .. })) = &written
        && ["LOCK TABLE", "timeout"].iter().all(|words| said.contains(words))
    {
        return Err(Error::locked(DUMPING, Some(lock_timeout), Obstacle::Unknown, None));
    }
    written?;
    progress(FileProgress::unmeasured(CHECKING));

    let found = rows_of(target)?;
    if let Some(differences) = row_differences(COMPARED, [&counted, &found]) {
        let reason = format!("its row counts are not those of the database:{differences}");
        return Err(BackupFault::Unfaithful { reason }.into());
    }
    let fidelity = Fidelity::ExactRowCounts;
    Ok(CopyOutcome { tables: found, fidelity, unchecked: Vec::new(), needs })
}

/// Action that a statement prevents that waits to change a table.
const DUMPING: &str = "reading the tables for the backup, while another session changes one";

/// Writes an archive, whose size nobody knows, to a file. The program has a pipe and no file of its own, so that it ends
/// soon after this process even if that is killed.
fn write_all_of(
    mut archive: impl Read,
    file: &mut File,
    progress: &mut dyn FnMut(FileProgress),
) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    let mut at = FileProgress::unmeasured(COPYING);
    progress(at);
    while let Some(bytes) = next_piece(&mut archive, &mut piece)? {
        file.write_all(bytes)?;
        at.done += bytes.len() as u64;
        progress(at);
    }
    Ok(())
}

/// Reads the whole dump back and counts the rows of each table.
fn rows_of(dump: &Path) -> Result<BTreeMap<String, i64>> {
    let mut restore = program("pg_restore");
    restore.args(["--data-only", "--file=-"]).arg(dump);
    read_output("pg_restore", &mut restore, |script| {
        count_rows(BufReader::new(script)).map_err(Error::io("read back", dump))
    })
}

/// Checks a backup by reading `archive`, its contents, whole.
pub(super) fn verify(
    path: &Path,
    archive: &Path,
    ContentDigest { size_bytes, sha256 }: ContentDigest,
    manifest: Option<&BackupManifest>,
) -> Result<VerifiedBackup> {
    let damaged = |reason: String| BackupFault::Damaged { path: path.to_owned(), reason };
    let found = match rows_of(archive) {
        Err(Error::Program(ProgramFault::Failed { said, .. })) => return Err(damaged(said).into()),
        found => found?,
    };
    if let Some(manifest) = manifest {
        manifest.compare_rows(path, &found)?;
    }
    Ok(VerifiedBackup {
        path: path.to_owned(),
        backend: Backend::Postgres,
        former: false,
        size_bytes,
        sha256,
        encoding: Encoding::default(),
        contents: None,
        undecoded: None,
        started_at: manifest.map(|manifest| manifest.started_at),
        schema_version: manifest.and_then(|manifest| manifest.schema_version.clone()),
        tables: found,
        has_manifest: manifest.is_some(),
        unchecked_tables: Vec::new(),
        needs: manifest.map(|manifest| manifest.needs.clone()).unwrap_or_default(),
    })
}

/// Returns whether the file begins as `pg_dump --format=custom` writes it.
pub(super) fn is_archive(backup: &Path) -> bool {
    let mut head = [0; 5];
    open_regular(backup).and_then(|mut file| file.read_exact(&mut head)).is_ok()
        && &head == b"PGDMP"
}
