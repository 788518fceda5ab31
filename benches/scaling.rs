//! When PostgreSQL is worth it: the same work through the pool of either database, by one thread and
//! by eight. On SQLite there is one writer; on a server each commit waits for the disk, but several
//! wait together. Nothing is asserted: a figure is for people.
//!
//! `ZENITH_TEST_POSTGRES=postgres://root@127.0.0.1/test cargo bench --bench scaling --features postgres`

use std::time::Instant;

use anyhow::{Context, Result};
use zenith_db::config::{Key, Loader};
use zenith_db::manager::{Administrator, DatabaseManager};
use zenith_db::prelude::*;

const CALLS: usize = 2_000;

fn main() -> Result<()> {
    let Ok(server) = std::env::var("ZENITH_TEST_POSTGRES") else {
        println!("ZENITH_TEST_POSTGRES names no server: nothing was measured");
        return Ok(());
    };
    let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR"))?;
    let file = directory.path().join("zenith.db");
    let (prefix, _) = server.rsplit_once('/').context("a URL with a database")?;
    let url = format!("{prefix}/zenith_scaling");
    println!(
        "| work | threads | SQLite, calls/s | PostgreSQL, calls/s |\n| --- | ---: | ---: | ---: |"
    );
    let sqlite = prepare(Key::Path, file.to_str().context("UTF-8")?)?;
    let postgres = prepare(Key::Url, &url)?;
    for (name, work) in [("look up a user", look_up as Work), ("append a message", append)] {
        for threads in [1, 8] {
            let (one, other) = (rate(&sqlite, threads, work)?, rate(&postgres, threads, work)?);
            println!("| {name} | {threads} | {one:.0} | {other:.0} |");
        }
    }
    Ok(())
}

struct Prepared {
    database: Database,
    user: UserId,
    /// One for each thread, so that no two write to one conversation.
    sessions: Vec<ChatSessionId>,
}

fn prepare(key: Key, place: &str) -> Result<Prepared> {
    let config = Loader::new().flag(key, "bench", place).flag(Key::AutoBackup, "bench", "false");
    let config = config.load()?;
    let _ = DatabaseManager::new(config.clone()).recreate(&Administrator::default())?;
    let database = Database::open(&config)?;
    let admin = database.read(|conn| User::find_by_username(conn, "admin"))?;
    let user = admin.context("an administrator")?.id;
    let session = |conn: &mut Writer<'_>| {
        NewChatSession::builder().user_id(user).title("bench").build().insert(conn)
    };
    let sessions = (0..8).map(|_| Ok(database.write(session)?.id)).collect::<Result<_>>()?;
    Ok(Prepared { database, user, sessions })
}

type Work = fn(&Prepared, usize) -> Result<()>;

fn look_up(on: &Prepared, _: usize) -> Result<()> {
    let found = on.database.read(|conn| User::find_by_username(conn, "admin"))?;
    found.context("an administrator").map(drop)
}

fn append(on: &Prepared, thread: usize) -> Result<()> {
    let session = on.sessions.get(thread).copied().context("a session")?;
    let message = NewChatMessage::builder()
        .chat_session_id(session)
        .user_id(on.user)
        .message_type(MessageType::User)
        .message_content("What is in my documents?")
        .build();
    on.database.write(|conn| message.insert(conn))?;
    Ok(())
}

/// Calls a second, all threads together: the median of five rounds.
fn rate(on: &Prepared, threads: usize, work: Work) -> Result<f64> {
    let mut rates = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        std::thread::scope(|scope| {
            let each = CALLS / threads;
            let run = |thread| scope.spawn(move || (0..each).try_for_each(|_| work(on, thread)));
            let running: Vec<_> = (0..threads).map(run).collect();
            running.into_iter().try_for_each(|thread| {
                thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?
            })
        })?;
        rates.push(f64::from(u32::try_from(CALLS)?) / begun.elapsed().as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    rates.get(2).copied().context("five rounds")
}
