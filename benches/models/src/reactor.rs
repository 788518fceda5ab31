//! Asynchronous callers on a runtime with two threads: how many are served, by how many threads, and how late a timer
//! of the same runtime fires meanwhile. `make bench-async`; nothing is asserted.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::runtime::Builder;
use zenith_db::AsyncDatabase;
use zenith_db::prelude::*;

use super::ours::TEXT;
use super::{SESSIONS, prepare};

const DURATION: Duration = Duration::from_secs(4);
const TICK: Duration = Duration::from_millis(1);

/// How a handler calls the database.
#[derive(Clone, Copy, PartialEq)]
enum How {
    Directly,
    SpawnBlocking,
    AsyncDatabase,
}

pub(crate) fn run(directory: &Path) -> Result<()> {
    println!(
        "| connections | clients | handlers call | requests/s | request p99, ms | timer p99, ms | threads |\n\
         | ---: | ---: | --- | ---: | ---: | ---: | ---: |"
    );
    let base = directory.join("base.db");
    let facts = Arc::new(prepare(&base)?);
    for connections in [1, 2, 10] {
        for clients in [200, 1_000] {
            let all = [
                (How::Directly, "`Database` itself"),
                (How::SpawnBlocking, "`Database` in `spawn_blocking`"),
                (How::AsyncDatabase, "`AsyncDatabase`"),
            ];
            for (how, name) in all {
                let path = directory.join("load.db");
                std::fs::copy(&base, &path)?;
                let loader = zenith_db::config::Loader::new()
                    .flag(zenith_db::config::Key::Path, "bench", path.to_string_lossy())
                    .flag(zenith_db::config::Key::MaxConnections, "bench", connections.to_string())
                    .flag(zenith_db::config::Key::PoolTimeout, "bench", "60000");
                let database = Database::open(&loader.load()?)?;
                let measured = measure(&database, facts.user, facts.token.expose(), clients, how)?;
                let Measured { rate, request, timer, threads } = measured;
                println!(
                    "| {connections} | {clients} | {name} | {rate:.0} | {request:.1} | {timer:.1} | {threads} |"
                );
            }
        }
    }
    Ok(())
}

struct Measured {
    rate: f64,
    request: f64,
    timer: f64,
    threads: u32,
}

/// Nine of ten requests look a session up, and one appends a message.
fn measure(
    database: &Database,
    user: i64,
    token: &str,
    clients: u32,
    how: How,
) -> Result<Measured> {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build()?;
    let (over, most) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let shared = AsyncDatabase::new(database.clone());
    let (requests, mut late) = runtime.block_on(async {
        let timer = tokio::spawn({
            let (over, most) = (over.clone(), most.clone());
            async move {
                let mut late = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let since = Instant::now();
                    tokio::time::sleep(TICK).await;
                    late.push(since.elapsed().saturating_sub(TICK));
                    if late.len() % 100 == 0 {
                        most.fetch_max(threads(), Ordering::Relaxed);
                    }
                }
                late
            }
        });
        let mut running = Vec::new();
        for client in 0..clients {
            let (shared, over) = (shared.clone(), over.clone());
            let token = SessionToken::from(token.to_owned());
            running.push(tokio::spawn(async move {
                let (token, mut latencies, mut step) = (Arc::new(token), Vec::new(), client);
                while !over.load(Ordering::Relaxed) {
                    step += 1;
                    let since = Instant::now();
                    call(&shared, how, user, token.clone(), step).await?;
                    latencies.push(since.elapsed());
                    // As between two requests of a client.
                    tokio::task::yield_now().await;
                }
                Ok::<_, zenith_db::Error>(latencies)
            }));
        }
        tokio::time::sleep(DURATION).await;
        over.store(true, Ordering::Relaxed);
        let mut requests = Vec::new();
        for client in running {
            requests.extend(client.await??);
        }
        Ok::<_, anyhow::Error>((requests, timer.await?))
    })?;
    let rate = f64::from(u32::try_from(requests.len())?) / DURATION.as_secs_f64();
    let mut requests = requests;
    Ok(Measured {
        rate,
        request: p99(&mut requests).context("a request")?,
        timer: p99(&mut late).context("a tick")?,
        threads: most.load(Ordering::Relaxed),
    })
}

async fn call(
    database: &AsyncDatabase,
    how: How,
    user: i64,
    token: Arc<SessionToken>,
    step: u32,
) -> zenith_db::Result<()> {
    let look_up = move |conn: &mut DbConnection| {
        UserSession::find_live(conn, &token, UtcTime::now()).map(|_| ())
    };
    let append = move |conn: &mut Writer<'_>| {
        let message = NewChatMessage::builder()
            .chat_session_id(ChatSessionId(i64::from(step) % SESSIONS + 1))
            .user_id(UserId(user))
            .message_type(MessageType::User)
            .message_content(TEXT)
            .token_count(40)
            .build();
        message.insert(conn).map(|_| ())
    };
    let writes = step.is_multiple_of(10);
    let blocking = database.blocking();
    match how {
        How::Directly if writes => blocking.write(append),
        How::Directly => blocking.read(look_up),
        How::SpawnBlocking => {
            let database = blocking.clone();
            let done = tokio::task::spawn_blocking(move || {
                if writes { database.write(append) } else { database.read(look_up) }
            });
            done.await.unwrap_or_else(|_| Err(zenith_db::CallRefused::Closed.into()))
        }
        How::AsyncDatabase if writes => database.write(append).await,
        How::AsyncDatabase => database.read(look_up).await,
    }
}

/// In milliseconds.
fn p99(times: &mut [Duration]) -> Option<f64> {
    times.sort_unstable();
    times.get(times.len() * 99 / 100).map(|time| time.as_secs_f64() * 1e3)
}

/// Threads of this process.
fn threads() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Threads:"));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or_default()
}
