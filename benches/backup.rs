//! A verified backup and a restore, compared with what the `sqlite3` shell does on the same file in the same run:
//! `.backup`, `VACUUM INTO` and `PRAGMA integrity_check`; and the longest wait of a writer meanwhile.
//! `ZENITH_BENCH_MB` is the size of the database, 500 by default.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::Config;
use zenith_db::manager::{Administrator, DatabaseManager, RestoreOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let megabytes: u64 =
        std::env::var("ZENITH_BENCH_MB").ok().and_then(|n| n.parse().ok()).unwrap_or(500);
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("zenith.db");
    let manager = DatabaseManager::new(Config::for_path(&path)?);
    let _ = manager.initialize(&Administrator::default())?;
    fill(&path, megabytes)?;
    println!("{} MB", std::fs::metadata(&path)?.len() / 1_000_000);

    let copy = directory.path().join("copy.db");
    let backup = || Ok(manager.backup()?);
    let vacuum = format!("VACUUM INTO '{}'", copy.display());
    for round in 1..=3 {
        println!("round {round}");
        for (name, statement) in
            [(".backup", &format!(".backup '{}'", copy.display())), ("VACUUM INTO", &vacuum)]
        {
            let taken = timed(|| shell(&path, statement))?.as_millis();
            let checked = timed(|| shell(&copy, "PRAGMA integrity_check"))?.as_millis();
            println!("  shell, {name}: {taken} ms, then integrity_check: {checked} ms");
            std::fs::remove_file(&copy)?;
        }
        println!("  zenith-db backup, with its check: {} ms", timed(backup)?.as_millis());
    }
    // The shell's `.backup` copies 100 pages at a time, and begins anew after each write of another connection.
    let pause = || Ok(Command::new("sleep").arg("5").status()?);
    println!("longest commit of a writer, of one every 5 ms:");
    println!("  nothing else: {} ms", longest_commit(&path, pause)?.as_millis());
    let during = longest_commit(&path, || shell(&path, &vacuum))?;
    println!("  shell, VACUUM INTO: {} ms", during.as_millis());
    println!("  zenith-db backup: {} ms", longest_commit(&path, backup)?.as_millis());
    let backup = manager.backup()?.path;
    let taken = timed(|| Ok(manager.verify_backup(&backup, &mut |_| ())?))?;
    println!("backup verify: {} ms", taken.as_millis());
    let restore = || Ok(manager.restore(&backup, &RestoreOptions::default(), &mut |_| ())?);
    println!(
        "restore, with the backup of the existing database: {} ms",
        timed(restore)?.as_millis()
    );
    Ok(())
}

/// Inserts messages of about 900 bytes each, with the indexes.
fn fill(path: &Path, megabytes: u64) -> Result<(), Box<dyn Error>> {
    let messages = megabytes * 1_000_000 / 900;
    let mut connection = SqliteConnection::establish(path.to_str().ok_or("not UTF-8")?)?;
    connection.batch_execute(&format!(
        "INSERT INTO chat_sessions (session_id, user_id, title)
             VALUES ('00000000-0000-7000-8000-000000000001', 1, 'all');
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {messages})
         INSERT INTO chat_history (chat_session_id, user_id, message_id, message_content, message_type)
             SELECT 1, 1, printf('00000000-0000-7000-8000-%012d', i), hex(randomblob(250)), 'user' FROM n;
         PRAGMA wal_checkpoint(TRUNCATE)"
    ))?;
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> Result<T, Box<dyn Error>>) -> Result<Duration, Box<dyn Error>> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed())
}

fn shell(database: &Path, statement: &str) -> Result<(), Box<dyn Error>> {
    let output = Command::new("sqlite3").arg(database).arg(statement).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(())
}

/// Runs the work while another connection commits a row every 5 ms. Returns the longest commit.
fn longest_commit<T>(
    path: &Path,
    work: impl FnOnce() -> Result<T, Box<dyn Error>>,
) -> Result<Duration, Box<dyn Error>> {
    let mut connection = SqliteConnection::establish(path.to_str().ok_or("not UTF-8")?)?;
    connection.batch_execute("PRAGMA busy_timeout = 60000; PRAGMA synchronous = FULL")?;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut longest = Duration::ZERO;
            while !over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                connection
                    .batch_execute("UPDATE roles SET description = hex(randomblob(8)) WHERE id = 1")
                    .map_err(|error| error.to_string())?;
                longest = longest.max(begun.elapsed());
                std::thread::sleep(Duration::from_millis(5));
            }
            Ok::<_, String>(longest)
        });
        let done = work();
        over.store(true, Ordering::Relaxed);
        let longest = writer.join().map_err(|_| "the writer failed")??;
        done.map(|_| longest)
    })
}
