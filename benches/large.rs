//! A chat with many messages: appending, reading pages, retention, a backup and vacuuming, on SQLite and on the
//! server that `ZENITH_TEST_POSTGRES` names. Nothing is asserted: a figure is for people.
//!
//! `make bench-large` has ten million messages, `cargo bench --bench large --features postgres` a hundred thousand, or as
//! many as `ZENITH_BENCH_MESSAGES` says. The databases stay, `target/large/zenith.db` and `zenith_large` on the server, and a run fills them again only if messages are
//! missing, as after the retention of the last run; ten million messages take 8 GB each, and as much for the backups.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use diesel::connection::SimpleConnection;
use diesel::dsl::min;
use diesel::prelude::*;
use zenith_db::config::{Key, Loader};
use zenith_db::manager::{Administrator, DatabaseManager, PurgePolicy};
use zenith_db::prelude::*;
use zenith_db::schema::{chat_history, chat_sessions, users};
use zenith_db::{Backend, dispatch};

/// Messages of a conversation.
const EACH: i64 = 100;
/// Messages that are inserted at once; those of 20 conversations alternate.
const BATCH: i64 = 100_000;
const USERS: i64 = 200;
const CALLS: i64 = 2_000;
const DAY: Duration = Duration::from_secs(86_400);
/// Age of the oldest conversation, in days; a tenth of them is older than `KEPT`.
const DAYS: i64 = 1_000;
const KEPT: u32 = 900;

fn main() -> Result<()> {
    let messages: i64 = match std::env::var("ZENITH_BENCH_MESSAGES") {
        Ok(number) => number.parse()?,
        Err(_) => 100_000,
    };
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/large");
    std::fs::create_dir_all(&directory)?;
    let file = directory.join("zenith.db");
    measure(Key::Path, file.to_str().context("UTF-8")?, &directory, messages)?;
    let Ok(server) = std::env::var("ZENITH_TEST_POSTGRES") else {
        println!("ZENITH_TEST_POSTGRES names no server: it was not measured");
        return Ok(());
    };
    let (prefix, _) = server.rsplit_once('/').context("a URL with a database")?;
    measure(Key::Url, &format!("{prefix}/zenith_large"), &directory, messages)
}

fn measure(key: Key, place: &str, directory: &Path, messages: i64) -> Result<()> {
    let backups = directory.join("backups");
    let config = Loader::new()
        .flag(key, "bench", place)
        .flag(Key::AutoBackup, "bench", "false")
        .flag(Key::BackupDir, "bench", backups.to_str().context("UTF-8")?)
        .flag(Key::StatementTimeout, "bench", "0")
        .load()?;
    let manager = DatabaseManager::new(config.clone());
    let backend = if key == Key::Path { Backend::Sqlite } else { Backend::Postgres };
    let found = Database::open(&config).ok().map(|database| database.read(count)).transpose()?;
    if found != Some(messages) {
        if key == Key::Path && Path::new(place).exists() {
            // Dropping its tables would write all of it once more.
            for suffix in ["", "-wal", "-shm"] {
                std::fs::remove_file(format!("{place}{suffix}"))
                    .or_else(|error| if suffix.is_empty() { Err(error) } else { Ok(()) })?;
            }
        }
        let _ = manager.recreate(&Administrator::default())?;
        let begun = Instant::now();
        fill(&Database::open(&config)?, backend, messages)?;
        eprintln!("{messages} messages inserted in {:.0} s", begun.elapsed().as_secs_f64());
    }
    let database = Database::open(&config)?;
    println!("\n| {messages} messages, {backend} | |\n| --- | ---: |");
    let size = manager.status()?.database_size_mb;
    println!("| size | {size:.0} MB |");
    let conversations = messages / EACH;
    let first = First::of(&database)?;
    let any = |number: i64| number * 7_919 % conversations;
    row("append a message, one thread", &mut calls(|n| first.append(&database, any(n)))?);
    row("a page of 50 messages", &mut calls(|n| first.page(&database, any(n)))?);
    row("a page of 50 conversations", &mut calls(|n| first.conversations(&database, n % USERS))?);

    let begun = Instant::now();
    let backup = manager.backup()?;
    let (seconds, size) = (begun.elapsed().as_secs_f64(), backup.size_bytes / 1_000_000);
    println!("| backup, with its check | {seconds:.0} s, {size} MB |");
    std::fs::remove_file(&backup.path)?;

    let begun = Instant::now();
    let before = database.read(count)?;
    let report =
        database.purge(&PurgePolicy::none().conversations_after(KEPT * DAY), &mut |_| ())?;
    let (gone, seconds) = (before - database.read(count)?, begun.elapsed().as_secs_f64());
    println!(
        "| purge of {} conversations, {gone} messages | {seconds:.0} s |",
        report.conversations
    );

    drop(database);
    let begun = Instant::now();
    vacuum(place, backend)?;
    println!("| `VACUUM` | {:.0} s |", begun.elapsed().as_secs_f64());
    Ok(())
}

fn count(connection: &mut DbConnection) -> zenith_db::Result<i64> {
    Ok(dispatch!(connection, |connection| chat_history::table.count().get_result(connection))?)
}

/// Inserts conversations and their messages, the oldest first.
fn fill(database: &Database, backend: Backend, messages: i64) -> Result<()> {
    let is_file = backend == Backend::Sqlite;
    let series = |most: i64, from: i64| {
        if is_file {
            format!(
                "WITH RECURSIVE s (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM s WHERE n < {from} + {most} - 1)"
            )
        } else {
            format!("WITH s AS (SELECT generate_series({from}::int8, {from} + {most} - 1) AS n)")
        }
    };
    let uuid = if is_file {
        "printf('%08x-%04x-7000-8000-%012x', n / 65536, n % 65536, n)"
    } else {
        "lpad(to_hex(n / 65536), 8, '0') || '-' || lpad(to_hex(n % 65536), 4, '0') || '-7000-8000-' ||
            lpad(to_hex(n), 12, '0')"
    };
    let conversations = messages / EACH;
    let seconds = format!("((n - {conversations}) * {DAYS} * 86400 / {conversations})");
    let time = if is_file {
        format!("strftime('%Y-%m-%d %H:%M:%f000', 'now', {seconds} || ' seconds')")
    } else {
        format!("CURRENT_TIMESTAMP AT TIME ZONE 'UTC' + {seconds} * interval '1 second'")
    };
    let users = format!(
        "{} INSERT INTO users (uuid, username, email, password_hash, password_algorithm, role_id)
         SELECT {uuid}, 'user' || n, 'user' || n || '@example.org', password_hash, password_algorithm, role_id
         FROM s, (SELECT * FROM users ORDER BY id LIMIT 1) AS u",
        series(USERS, 0)
    );
    let first = "(SELECT min(id) FROM users WHERE username = 'user0')";
    let sessions = format!(
        "{} INSERT INTO chat_sessions (session_id, user_id, title, message_count, created_at, updated_at)
         SELECT {uuid}, {first} + n % {USERS}, 'conversation ' || n, {EACH}, {time}, {time} FROM s",
        series(conversations, 0)
    );
    for statement in [users, sessions] {
        run(database, &statement)?;
    }
    let words = "What is in my documents about the matter of which we spoke? ".repeat(8);
    for from in (0..messages).step_by(usize::try_from(BATCH)?) {
        let of = format!("n / {block} * 20 + n % 20", block = EACH * 20);
        let batch = format!(
            "{} INSERT INTO chat_history (chat_session_id, user_id, message_id, message_content, message_type)
             SELECT (SELECT min(id) FROM chat_sessions) + {of}, {first} + ({of}) % {USERS}, {uuid},
                 '{words}' || n, CASE n / 20 % 2 WHEN 0 THEN 'user' ELSE 'assistant' END FROM s",
            series(BATCH.min(messages - from), from)
        );
        run(database, &batch)?;
    }
    run(database, "ANALYZE")
}

fn run(database: &Database, statement: &str) -> Result<()> {
    database.write(|conn| {
        dispatch!(conn, |conn| diesel::sql_query(statement).execute(conn))?;
        zenith_db::Result::Ok(())
    })?;
    Ok(())
}

fn calls(mut call: impl FnMut(i64) -> Result<()>) -> Result<Vec<Duration>> {
    (0..CALLS)
        .map(|number| {
            let begun = Instant::now();
            call(number)?;
            Ok(begun.elapsed())
        })
        .collect()
}

fn row(name: &str, times: &mut [Duration]) {
    times.sort();
    let at = |part: usize| {
        let time = times.get(times.len() * part / 100).copied().unwrap_or_default();
        time.as_secs_f64() * 1_000.0
    };
    println!("| {name}: median, 99 of 100 | {:.2} ms, {:.2} ms |", at(50), at(99));
}

/// The smallest ids of conversations and users: those that were inserted follow.
#[derive(Clone, Copy)]
struct First {
    session: i64,
    user: i64,
}

impl First {
    fn of(database: &Database) -> Result<Self> {
        let find = |conn: &mut DbConnection| {
            let (session, user) = dispatch!(conn, |conn| {
                let session: Option<ChatSessionId> =
                    chat_sessions::table.select(min(chat_sessions::id)).get_result(conn)?;
                let user: Option<UserId> = users::table
                    .filter(users::username.eq("user0"))
                    .select(min(users::id))
                    .get_result(conn)?;
                QueryResult::Ok((session, user))
            })?;
            zenith_db::Result::Ok((session, user))
        };
        let (session, user) = database.read(find)?;
        Ok(Self { session: session.context("a conversation")?.0, user: user.context("a user")?.0 })
    }

    fn append(self, database: &Database, number: i64) -> Result<()> {
        let message = NewChatMessage::builder()
            .chat_session_id(ChatSessionId(self.session + number))
            .user_id(UserId(self.user + number % USERS))
            .message_type(MessageType::User)
            .message_content("What is in my documents?")
            .build();
        database.write(|conn| message.insert(conn))?;
        Ok(())
    }

    fn page(self, database: &Database, number: i64) -> Result<()> {
        let session = ChatSessionId(self.session + number);
        let newest = MessageOrder::NewestFirst;
        let page = database
            .read(|conn| ChatMessage::page(conn, session, newest, None, PageSize::of(50)))?;
        anyhow::ensure!(page.rows.len() == 50, "a page of {}", page.rows.len());
        Ok(())
    }

    fn conversations(self, database: &Database, number: i64) -> Result<()> {
        let user = UserId(self.user + number);
        database
            .read(|conn| ChatSession::page_for_user(conn, user, false, None, PageSize::of(50)))?;
        Ok(())
    }
}

/// Rewrites the SQLite file without the room of deleted rows; on the server, makes that usable.
fn vacuum(place: &str, backend: Backend) -> Result<()> {
    match backend {
        Backend::Sqlite => SqliteConnection::establish(place)?.batch_execute("VACUUM")?,
        #[cfg(feature = "postgres")]
        Backend::Postgres => PgConnection::establish(place)?.batch_execute("VACUUM (ANALYZE)")?,
        #[cfg(not(feature = "postgres"))]
        Backend::Postgres => anyhow::bail!("the feature postgres is needed"),
    }
    Ok(())
}
