//! Many clients of the chat service over HTTP: `make bench-http` in the repository. For 1, 2 and 10 connections to the
//! database and 200 and 1,000 clients it prints how many requests are answered, how long they take, how many threads
//! the service has, and whether a message that was acknowledged is missing afterwards. Nothing of that is asserted but
//! the last.
//!
//! The service runs in a process of its own. Each client has a connection that it keeps; nine of ten requests read a
//! page of messages, and one writes a message. One client more asks for a handler with a defect: it calls the database
//! in the closure of another call.

mod client;
mod server;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chat_service::MIGRATIONS;
use diesel::prelude::*;
use zenith_db::config::{Config, Key, Loader};
use zenith_db::manager::{Administrator, DatabaseManager};
use zenith_db::models::{NewChatSession, NewUserSession};
use zenith_db::schema::chat_history;
use zenith_db::testing::a_user;
use zenith_db::types::{SessionToken, UtcTime};

use client::{Client, Seen};

const DURATION: Duration = Duration::from_secs(10);
/// Users, each with a conversation, whom the clients share.
const USERS: usize = 50;
/// Pause between two calls of the handler with the defect.
const DEFECT_EVERY: Duration = Duration::from_millis(100);

/// Who asks: a token, and the path of the messages of a conversation.
struct Account {
    token: String,
    path: String,
}

fn main() -> Result<()> {
    if let Some(database) = std::env::args().nth(1) {
        let connections = std::env::args().nth(2).context("a number of connections")?;
        return server::run(&configure(Path::new(&database), &connections)?);
    }
    println!(
        "| connections | clients | requests/s | p99, ms | longest, ms | refused (503) | threads | writes acknowledged | \
         missing | nested calls: answered 500, p99, ms |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
    );
    for connections in ["1", "2", "10"] {
        for clients in [200, 1_000] {
            measure(connections, clients)?;
        }
    }
    Ok(())
}

fn configure(database: &Path, connections: &str) -> Result<Config> {
    let loader = Loader::new().flag(Key::Path, "path", database.to_string_lossy());
    Ok(loader.flag(Key::MaxConnections, "connections", connections).load()?)
}

fn measure(connections: &str, clients: usize) -> Result<()> {
    // Where the repository is, and not in memory.
    let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR"))?;
    let path = directory.path().join("zenith.db");
    let config = configure(&path, connections)?;
    let manager = DatabaseManager::with_own(config, MIGRATIONS)?;
    let _ = manager.initialize(&Administrator::default())?;
    let accounts = Arc::new(prepare(&manager)?);

    let (mut service, address) = start(&path, connections)?;
    let process = service.id();
    let (seen, defects, threads) = tokio::runtime::Runtime::new()?.block_on(async {
        let over = Arc::new(AtomicBool::new(false));
        let run = |number: usize| {
            let (accounts, over, address) = (accounts.clone(), over.clone(), address.clone());
            tokio::spawn(async move {
                let account = accounts.get(number % USERS).context("an account")?;
                Client::connect(&address).await?.work(account, number, &over).await
            })
        };
        let running: Vec<_> = (0..clients).map(run).collect();
        let defects = tokio::spawn({
            let over = over.clone();
            async move { Client::connect(&address).await?.call_the_defect(&over).await }
        });
        let mut threads = 0;
        let begun = Instant::now();
        while begun.elapsed() < DURATION {
            tokio::time::sleep(Duration::from_millis(100)).await;
            threads = threads.max(threads_of(process));
        }
        over.store(true, Ordering::Relaxed);
        let mut all = Seen::default();
        for client in running {
            all.add(client.await??);
        }
        Ok::<_, anyhow::Error>((all, defects.await??, threads))
    })?;

    // Its input ends, and with it the service.
    drop(service.stdin.take());
    ensure!(service.wait()?.success(), "the service has failed");
    let database = manager.open_database()?;
    let stored: i64 = database.read(|conn| {
        let query = chat_history::table.count();
        Ok(zenith_db::dispatch!(conn, |conn| query.get_result(conn))?)
    })?;
    let missing = i64::try_from(seen.written)? - stored;
    let rate = f64::from(u32::try_from(seen.answered())?) / DURATION.as_secs_f64();
    let (p99, longest, refused) = (seen.at(990), seen.at(1000), seen.refused);
    println!(
        "| {connections} | {clients} | {rate:.0} | {p99:.1} | {longest:.1} | {refused} | {threads} | {} | {missing} | \
         {} of {}, {:.1} |",
        seen.written,
        defects.failed,
        defects.answered(),
        defects.at(990)
    );
    ensure!(missing <= 0, "{missing} messages that were acknowledged are missing");
    Ok(())
}

/// Inserts users with a session and a conversation each.
fn prepare(manager: &DatabaseManager) -> Result<Vec<Account>> {
    let database = manager.open_database()?;
    let account = |_| {
        database.write(|conn| {
            let (user, token) = (a_user().insert(conn)?, SessionToken::generate());
            let later = UtcTime::now().plus_seconds(86_400);
            let session = NewUserSession::builder().user_id(user.id).token(&token);
            session.idle_expires_at(later).expires_at(later).build().insert(conn)?;
            let chat = NewChatSession::builder().user_id(user.id).title("load").build();
            let path = format!("/conversations/{}/messages", chat.insert(conn)?.session_id);
            Ok(Account { token: token.expose().to_owned(), path })
        })
    };
    let accounts = (0..USERS).map(account).collect::<Result<_, _>>()?;
    database.close()?;
    Ok(accounts)
}

/// Starts the service on a database, and returns its address.
fn start(database: &Path, connections: &str) -> Result<(Child, String)> {
    let mut service = Command::new(std::env::current_exe()?)
        .arg(database)
        .arg(connections)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut address = String::new();
    let output = service.stdout.take().context("the output of the service")?;
    BufReader::new(output).read_line(&mut address)?;
    if address.is_empty() {
        bail!("the service has not started");
    }
    Ok((service, address.trim().to_owned()))
}

/// Number of threads of a process; 0 where the system does not say.
fn threads_of(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/task")).map_or(0, Iterator::count)
}
