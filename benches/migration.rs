//! What it costs to compare every row before and after a migration, on a database of 1 GB.
//! `ZENITH_BENCH_MB` says otherwise.

use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::Backend;
use zenith_db::Config;
use zenith_db::manager::{Administrator, DatabaseManager};
use zenith_db::migrations::{EmbeddedMigration, Migrations, Script, all};
use zenith_db_lint::MigrationSet;
use zenith_db_lint::rebuild_script;

fn own(name: &'static str, up: &'static str) -> EmbeddedMigration {
    let script = Script { up, down: "SELECT 1" };
    EmbeddedMigration::new(name, script, script)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let megabytes: u64 =
        std::env::var("ZENITH_BENCH_MB").ok().and_then(|n| n.parse().ok()).unwrap_or(1000);
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("zenith.db");
    let config = Config::for_path(&path)?;
    let _ = DatabaseManager::new(config.clone()).initialize(&Administrator::default())?;
    let mut connection = SqliteConnection::establish(path.to_str().ok_or("not UTF-8")?)?;
    // About 900 bytes each, with the indexes.
    let messages = megabytes * 1_000_000 / 900;
    connection.batch_execute(&format!(
        "INSERT INTO chat_sessions (session_id, user_id, title)
             VALUES ('00000000-0000-7000-8000-000000000001', 1, 'all');
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {messages})
         INSERT INTO chat_history (chat_session_id, user_id, message_id, message_content, message_type)
             SELECT 1, 1, printf('00000000-0000-7000-8000-%012d', i), hex(randomblob(250)), 'user' FROM n;
         PRAGMA wal_checkpoint(TRUNCATE)"
    ))?;
    drop(connection);
    let size = std::fs::metadata(&path)?.len() / 1_000_000;
    println!("{size} MB, {messages} messages");
    let (add, update) = (
        own("2098-01-01-000001_add_a_column", "ALTER TABLE users ADD COLUMN extra TEXT"),
        own(
            "2099-01-01-000001_change_a_row",
            "-- changes-rows: users (timezone, updated_at) as an example
             UPDATE users SET timezone = 'CET'",
        ),
    );
    let ours = MigrationSet::read("migrations/sqlite".as_ref(), Backend::Sqlite)?;
    let script = rebuild_script(&ours.migrations, "chat_history")?;
    let rebuild = own("2099-01-02-000001_rebuild_chat_history", script.leak());
    for own in [&[add][..], &[add, update], &[add, update, rebuild]] {
        let later = Migrations::of([all(), own].concat().leak(), &[])?;
        let manager = DatabaseManager::with(config.clone(), later);
        let begun = Instant::now();
        let report = manager.migrate()?;
        let whole = begun.elapsed().as_millis();
        for step in report.steps {
            let comparing = step.comparing_milliseconds;
            println!(
                "{}: {} ms, comparing {comparing} ms, {} % of the run of {whole} ms with its backup and checks",
                step.name,
                step.milliseconds,
                u128::from(comparing) * 100 / whole.max(1)
            );
        }
    }
    Ok(())
}
