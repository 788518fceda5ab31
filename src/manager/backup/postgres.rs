//! Copy of a database on a server: `pg_dump` in its custom format, read back with `pg_restore`.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::codec::Encoding;
use super::content::ContentDigest;
use super::copy::{CopyOutcome, Fidelity};
use super::manifest::BackupManifest;
use super::regular::open_regular;
use super::report::VerifiedBackup;
use crate::backend::{Backend, DbConnection};
use crate::catalog::row_counts;
use crate::config::ServerUrl;
use crate::dispatch;
use crate::error::{BackupFault, Error, ProgramFault, Result};
use crate::manager::server_programs::{connect, finish, spawn};

#[derive(QueryableByName)]
struct ExportedSnapshot {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    schema: String,
}

/// Copies the database into an empty file, and verifies the copy. The rows are counted in the
/// snapshot that is copied.
pub(super) fn copy(
    source: &mut DbConnection,
    target: &Path,
    url: &ServerUrl,
    pooled: bool,
) -> Result<CopyOutcome> {
    if pooled {
        return Err(Error::TransactionPooler);
    }
    source.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
    let result = dump_and_check(source, target, url);
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
) -> Result<CopyOutcome> {
    let query = "SELECT pg_export_snapshot() AS id, quote_ident(current_schema()) AS schema";
    let snapshot: ExportedSnapshot =
        dispatch!(&mut *source, |c| diesel::sql_query(query).get_result(c))?;
    // `pg_dump` refuses a table that it may not read.
    let counted = row_counts(source)?.counted;

    let mut dump = Command::new("pg_dump");
    dump.arg("--format=custom")
        .arg(format!("--snapshot={}", snapshot.id))
        .arg(format!("--schema={}", snapshot.schema))
        .arg("--file")
        .arg(target);
    connect(&mut dump, url);
    finish("pg_dump", spawn("pg_dump", dump.stdin(Stdio::null()).stdout(Stdio::null()))?)?;

    let found = rows_of(target)?;
    let same = counted.iter().all(|(table, rows)| found.get(table) == Some(rows));
    if !same || found.len() != counted.len() {
        let reason =
            format!("it has the tables and row counts {found:?}, the database {counted:?}");
        return Err(BackupFault::Unfaithful { reason }.into());
    }
    Ok(CopyOutcome { tables: found, fidelity: Fidelity::ExactRowCounts, unchecked: Vec::new() })
}

/// Reads the whole dump back and counts the rows of each table.
fn rows_of(dump: &Path) -> Result<BTreeMap<String, i64>> {
    let mut restore = Command::new("pg_restore");
    restore.args(["--data-only", "--file=-"]).arg(dump).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = spawn("pg_restore", &mut restore)?;
    let Some(output) = child.as_child_mut().stdout.take() else {
        return Err(Error::Internal("pg_restore has no output".into()));
    };
    let counted = count_rows(BufReader::new(output)).map_err(Error::io("read back", dump));
    finish("pg_restore", child)?;
    counted
}

/// Counts the rows of each `COPY` in a script: one line each, between the statement and `\\.`.
fn count_rows(mut script: impl BufRead) -> io::Result<BTreeMap<String, i64>> {
    let mut found = BTreeMap::new();
    let (mut table, mut rows) = (None::<String>, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        if script.read_until(b'\n', &mut line)? == 0 {
            return Ok(found);
        }
        match (&table, line.as_slice()) {
            (None, text) => {
                table = text.strip_prefix(b"COPY ").map(table_of);
                rows = 0;
            }
            (Some(name), b"\\.\n") => {
                found.insert(name.clone(), rows);
                table = None;
            }
            (Some(_), _) => rows += 1,
        }
    }
}

/// Returns the table's name in `schema.table (columns) FROM stdin;`, where both names may be
/// quoted.
fn table_of(copy: &[u8]) -> String {
    let text = String::from_utf8_lossy(copy);
    let path = text.split(" (").next().unwrap_or_default();
    path.rsplit('.').next().unwrap_or_default().trim_matches('"').to_owned()
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
    if manifest.is_some_and(|manifest| manifest.tables != found) {
        let reason = "its tables or row counts are not those of its manifest".to_owned();
        return Err(damaged(reason).into());
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
    })
}

/// Returns whether the file begins as `pg_dump --format=custom` writes it.
pub(super) fn is_archive(backup: &Path) -> bool {
    let mut head = [0; 5];
    open_regular(backup).and_then(|mut file| file.read_exact(&mut head)).is_ok()
        && &head == b"PGDMP"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_a_script_are_the_lines_between_copy_and_its_end() {
        let script = "--\nCOPY public.users (id, name) FROM stdin;\n1\tCOPY x (y\n2\t\\N\n\\.\n\n\
            COPY \"my schema\".\"roles\" (id) FROM stdin;\n\\.\nSELECT 1;\n";
        let found = count_rows(script.as_bytes()).expect("a script");
        assert_eq!(found, BTreeMap::from([("users".into(), 2), ("roles".into(), 0)]));
    }
}
