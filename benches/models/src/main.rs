//! What a call of the models costs, as a ratio to the floor: the same work in raw SQLite through
//! rusqlite, with cached statements, the same pragmas, on a copy of the same database, in the same
//! run. Rounds are interleaved and medians taken, so that what else the machine does falls on both.
//!
//! `make bench-models` prints the table, `make bench-load` that of many threads at once, and
//! `make bench-async` that of asynchronous callers. Nothing is asserted: a
//! figure is for people.

mod floor;
mod load;
mod ours;
mod reactor;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use zenith_db::manager::{Administrator, DatabaseManager};
use zenith_db::prelude::*;

const ROUNDS: usize = 31;
/// What the database holds before anything is measured.
const SESSIONS: i64 = 1_000;
const MESSAGES_EACH: i64 = 100;
/// How many chunks are loaded at once, and how many are looked up at once.
const CHUNKS: usize = 10_000;
const RETRIEVED: usize = 20;

/// The work to compare; both sides do the same.
trait Side {
    /// One session by its token's hash.
    fn find_session(&mut self, token: &SessionToken) -> Result<()>;
    /// One session by its token's hash, and its user.
    fn authenticate(&mut self, token: &SessionToken) -> Result<()>;
    /// Whether a plain user may do something.
    fn is_allowed(&mut self, user: i64) -> Result<()>;
    /// One message and its conversation's counters, one transaction.
    fn append(&mut self, chat: i64, user: i64) -> Result<()>;
    /// Fifty messages from the middle of a conversation.
    fn page(&mut self, chat: i64, after: i64) -> Result<()>;
    /// Ten thousand chunks in one transaction.
    fn insert_chunks(&mut self, document: i64) -> Result<()>;
    /// Twenty chunks by their vector ids, with their documents.
    fn retrieve(&mut self, ids: &[String]) -> Result<()>;
    /// One audit event. The floor does it without hashing.
    fn audit(&mut self, user: i64) -> Result<()>;
}

type Work = (&'static str, u32, fn(&mut dyn Side, &Facts, u32) -> Result<()>);

/// What the work is done on.
struct Facts {
    user: i64,
    token: SessionToken,
    vectors: Vec<String>,
}

const WORK: &[Work] = &[
    ("session by token", 500, |side, facts, _| side.find_session(&facts.token)),
    ("session and user by token", 500, |side, facts, _| side.authenticate(&facts.token)),
    ("is_allowed", 500, |side, facts, _| side.is_allowed(facts.user)),
    ("page of 50 messages", 200, |side, _, n| {
        let chat = i64::from(n) % SESSIONS + 1;
        side.page(chat, (chat - 1) * MESSAGES_EACH + 10)
    }),
    ("20 chunks by vector id", 200, |side, facts, n| {
        let start = n as usize * 37 % (facts.vectors.len() - RETRIEVED);
        side.retrieve(facts.vectors.get(start..start + RETRIEVED).unwrap_or_default())
    }),
    ("append a message", 50, |side, facts, n| side.append(i64::from(n) + 1, facts.user)),
    ("append an audit event", 50, |side, facts, _| side.audit(facts.user)),
    ("10,000 chunks", 1, |side, _, _| side.insert_chunks(1)),
];

fn main() -> Result<()> {
    let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR"))?;
    match std::env::args().nth(1).as_deref() {
        Some("load") => return load::run(directory.path()),
        Some("async") => return reactor::run(directory.path()),
        _ => {}
    }
    let base = directory.path().join("base.db");
    let facts = prepare(&base)?;
    let [one, other] = copies(directory.path(), &base)?;
    let mut ours = ours::Ours::open(&one)?;
    let mut floor = floor::Floor::open(&other)?;

    println!("| work | floor, µs | models, µs | ratio |\n| --- | ---: | ---: | ---: |");
    for (name, times, work) in WORK {
        let (mut raw, mut typed) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            raw.push(timed(&mut floor, &facts, *times, *work)?);
            typed.push(timed(&mut ours, &facts, *times, *work)?);
        }
        let (raw, typed) = (median(raw), median(typed));
        println!("| {name} | {raw:.1} | {typed:.1} | {:.2} |", typed / raw);
    }
    Ok(())
}

/// Two databases with the same content, one for each side.
fn copies(directory: &Path, base: &Path) -> Result<[PathBuf; 2]> {
    let copies = ["one.db", "other.db"].map(|name| directory.join(name));
    for copy in &copies {
        std::fs::copy(base, copy)?;
    }
    Ok(copies)
}

fn timed(
    side: &mut dyn Side,
    facts: &Facts,
    times: u32,
    work: fn(&mut dyn Side, &Facts, u32) -> Result<()>,
) -> Result<Duration> {
    let begun = Instant::now();
    for n in 0..times {
        work(side, facts, n)?;
    }
    Ok(begun.elapsed() / times)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
}

/// A database with users, conversations and chunks.
fn prepare(path: &Path) -> Result<Facts> {
    let config = Config::for_path(path)?;
    let _ = DatabaseManager::new(config.clone()).initialize(&Administrator::default())?;
    let database = Database::open(&config)?;
    let token = SessionToken::generate();
    let facts = database.write(|conn| {
        let role = Role::find_by_name(conn, "user")?.map_or(RoleId(0), |role| role.id);
        let hash = PasswordHash::hash(&"correct horse battery staple".into())?;
        let user =
            NewUser::builder().username("bench".parse()?).email("bench@example.org".parse()?);
        let user = user.password_hash(hash).role_id(role).build().insert(conn)?.id;
        let later = UtcTime::now().plus_seconds(86_400);
        let session = NewUserSession::builder().user_id(user).token(&token);
        session.idle_expires_at(later).expires_at(later).build().insert(conn)?;
        for _ in 0..SESSIONS {
            let chat = NewChatSession::builder().user_id(user).title("bench").build();
            let chat = chat.insert(conn)?.id;
            for _ in 0..MESSAGES_EACH {
                let message = NewChatMessage::builder().chat_session_id(chat).user_id(user);
                let message = message.message_type(MessageType::User).token_count(40);
                message.message_content(ours::TEXT).build().insert(conn)?;
            }
        }
        let document = NewDocument::builder().user_id(user).filename("f").original_filename("f");
        let document = document.file_path("/f").file_size(1).file_hash(Sha256Hash::of("f"));
        let document = document.mime_type("text/plain").build().insert(conn)?.id;
        let vectors: Vec<String> = (0..CHUNKS).map(|n| format!("vector-{n}")).collect();
        let chunk = |(index, vector): (i32, &'static str)| {
            let chunk = NewDocumentChunk::builder().chunk_index(index).content(ours::TEXT);
            chunk.token_count(40).vector_id(vector).build()
        };
        let leaked = vectors.iter().map(|vector| &*vector.clone().leak());
        let chunks: Vec<_> = (0..).zip(leaked).map(chunk).collect();
        DocumentChunk::insert_all(conn, document, &chunks)?;
        Ok(Facts { user: user.0, token, vectors })
    })?;
    Ok(facts)
}
