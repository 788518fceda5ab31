//! `zenith-db create` against the `sqlite3` shell that runs the same SQL on the same disk.
//!
//! `cargo bench --bench fresh_create` prints medians over interleaved rounds, so that what else the
//! machine does falls on both. Two things that the shell does not do are shown apart: hashing the
//! administrator's password, which is slow on purpose, and the health check at the end.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use zenith_db::Backend;
use zenith_db::migrations;
use zenith_db::types::PasswordHash;

const ROUNDS: usize = 41;
const PASSWORD: &str = "correct horse battery";

fn main() -> Result<()> {
    // Under `cargo test --benches` there is nothing to measure.
    if !std::env::args().any(|arg| arg == "--bench") {
        return Ok(());
    }
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let script = directory.path().join("same.sql");
    std::fs::write(&script, same_sql(directory.path())?)?;

    let mut ours = Vec::new();
    let mut hashing = Vec::new();
    let mut health = Vec::new();
    let mut start = Vec::new();
    let mut shell = Vec::new();
    for _ in 0..ROUNDS {
        let fresh = tempfile::tempdir_in(directory.path())?;
        let database = fresh.path().join("zenith.db");
        ours.push(timed(|| create(&database))?);
        health.push(timed(|| zenith("health-check", &database))?);
        // What any command costs before it begins.
        start.push(timed(|| zenith("config", &database))?);
        hashing.push(timed(|| {
            PasswordHash::hash(&PASSWORD.to_owned().into()).map(drop).map_err(Into::into)
        })?);
        let fresh = tempfile::tempdir_in(directory.path())?;
        shell.push(timed(|| sqlite3(&fresh.path().join("zenith.db"), &script))?);
    }
    let (ours, hashing, shell) = (median(ours), median(hashing), median(shell));
    let health = median(health).saturating_sub(median(start));
    let without = ours.saturating_sub(hashing);
    let neither = without.saturating_sub(health);
    let ratio = |time: Duration| time.as_secs_f64() / shell.as_secs_f64();
    println!("zenith-db create            {ours:>10.1?}");
    println!("  of which hashing          {hashing:>10.1?}");
    println!("  of which health check     {health:>10.1?}");
    println!("sqlite3 with the same SQL   {shell:>10.1?}");
    println!("ratio without hashing       {:>10.2}", ratio(without));
    println!("  and health check          {:>10.2}", ratio(neither));
    Ok(())
}

/// The migrations and the rows that a fresh database ends up with.
fn same_sql(directory: &Path) -> Result<String> {
    let database = directory.join("model.db");
    create(&database)?;
    let mut sql = String::from("PRAGMA journal_mode = WAL;\nPRAGMA synchronous = FULL;\nBEGIN;\n");
    for migration in migrations::all() {
        sql.push_str(migration.script(Backend::Sqlite).context("scripts for SQLite")?.up);
    }
    let dump = Command::new("sqlite3").arg(&database).arg(".dump --data-only").output();
    let dump = dump.context("the sqlite3 shell is needed to compare with")?;
    for insert in String::from_utf8(dump.stdout)?.lines().filter(|line| line.starts_with("INSERT"))
    {
        if !insert.contains("__diesel") && !insert.contains("sqlite_sequence") {
            writeln!(sql, "{insert}")?;
        }
    }
    sql.push_str("COMMIT;\n");
    Ok(sql)
}

fn create(database: &Path) -> Result<()> {
    zenith("create", database)
}

fn zenith(subcommand: &str, database: &Path) -> Result<()> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zenith-db"));
    command.arg(subcommand).arg("--path").arg(database);
    succeed(command.env_clear().env("ZENITH_ADMIN_PASSWORD", PASSWORD))
}

fn sqlite3(database: &Path, script: &Path) -> Result<()> {
    succeed(Command::new("sqlite3").arg(database).stdin(std::fs::File::open(script)?))
}

fn succeed(command: &mut Command) -> Result<()> {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && errors.is_empty(), "{command:?}: {errors}");
    Ok(())
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
