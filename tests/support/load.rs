//! A mixed load of four threads in a process of its own, for tests that kill it or its server, or cut
//! off its power. It acknowledges each write on its standard output after the commit.
//!
//! Each thread writes to a conversation and a document of its own. What its n-th write does follows from n
//! ([`Write::of`]), so that the rows of a thread show how many of its writes took place.

use std::fmt::Debug;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};

use zenith_db::Result;
use zenith_db::config::{Key, Loader};
use zenith_db::internal::connection::inspect;
use zenith_db::manager::DatabaseManager;
use zenith_db::prelude::*;
use zenith_db::{Backend, Config};

use super::{Raw, SqliteFixture, content};

pub const THREADS: usize = 4;

/// Number of writes of each thread.
pub type Writes = [u32; THREADS];

const ADDRESS: &str = "LOAD_ADDRESS";
const SYNCHRONOUS: &str = "LOAD_SYNCHRONOUS";
const DONE: &str = "LOAD_DONE";
const MORE: &str = "LOAD_MORE";
const WRITTEN: &str = "written";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Write {
    Message,
    Chunks,
    /// Deletes the chunks that the thread has inserted.
    NoChunks,
}

impl Write {
    const fn of(number: u32) -> Self {
        match (number % 16, number % 4) {
            (15, _) => Self::NoChunks,
            (_, 0) => Self::Chunks,
            _ => Self::Message,
        }
    }

    /// Makes the n-th write, whose rows have texts of up to 3,000 bytes that begin with its number.
    fn make(
        number: u32,
        connection: &mut Writer<'_>,
        session: &ChatSession,
        document: DocumentId,
    ) -> Result<()> {
        let length = usize::try_from(number * 371 % 3_000).expect("small");
        let text = format!("{number}:{}", "x".repeat(length));
        match Self::of(number) {
            Self::Message => {
                let message = NewChatMessage::builder()
                    .chat_session_id(session.id)
                    .user_id(session.user_id)
                    .message_content(&text)
                    .message_type(MessageType::User);
                message.build().insert(connection).map(drop)
            }
            Self::Chunks => {
                let index = i32::try_from(number).expect("small");
                let chunk = |index| {
                    let chunk = NewDocumentChunk::builder().chunk_index(index);
                    chunk.content(&text).token_count(1).build()
                };
                let chunks = [chunk(2 * index), chunk(2 * index + 1)];
                DocumentChunk::insert_all(connection, document, &chunks).map(drop)
            }
            Self::NoChunks => DocumentChunk::delete_for_document(connection, document).map(drop),
        }
    }
}

/// Creates the conversations and the documents of the threads in a finished database.
pub fn prepare(config: &Config) {
    let database = Database::open(config).expect("a database");
    let prepared = database.write(|connection| {
        let user = User::list_administrators(connection)?.remove(0).id;
        for thread in 0..THREADS {
            NewChatSession::builder().user_id(user).build().insert(connection)?;
            content::document(user, &format!("of thread {thread}")).insert(connection)?;
        }
        Ok(())
    });
    prepared.expect("conversations and documents");
}

/// Returns a database with them that is one file, so that it can be copied.
pub fn prepared() -> SqliteFixture {
    let fixture = SqliteFixture::created();
    prepare(&fixture.config());
    // The connections of a pool are closed a little later.
    fixture.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    fixture
}

fn ids(connection: &mut DbConnection, table: &str) -> Vec<i64> {
    let lines = connection.lines(&format!("SELECT CAST(id AS TEXT) AS line FROM {table}"));
    let mut ids: Vec<i64> = lines.iter().map(|id| id.parse().expect("a number")).collect();
    ids.sort_unstable();
    ids
}

fn variable<T: std::str::FromStr<Err: Debug>>(name: &str) -> T {
    std::env::var(name).expect(name).parse().expect(name)
}

#[test]
#[ignore = "a process of its own, for the other tests to kill"]
fn the_writers() {
    if let Err(error) = write_on() {
        panic!("{error:?}: {:?}", error.hint());
    }
}

fn write_on() -> Result<()> {
    let address: String = variable(ADDRESS);
    let key = if address.contains("://") { Key::Url } else { Key::Path };
    let loader = Loader::new().flag(key, "test", address);
    let loader = loader.flag(Key::Synchronous, "test", variable::<String>(SYNCHRONOUS));
    let database = Database::open(&loader.load().expect("a configuration"))?;
    let done: String = variable(DONE);
    let done: Vec<u32> = done.split(' ').map(|done| done.parse().expect("a number")).collect();
    let more: u32 = variable(MORE);
    let say = |line: String| {
        // In one write, which a kill does not divide.
        std::io::stdout().lock().write_all(line.as_bytes()).expect("the parent reads");
        std::io::stdout().flush().expect("the parent reads");
    };
    // What the program has written begins a line.
    say("\n".into());
    let written = |thread: usize| {
        let (session, document) = database.read(|connection| {
            let session = ChatSessionId(ids(connection, "chat_sessions")[thread]);
            let document = DocumentId(ids(connection, "documents")[thread]);
            Ok((ChatSession::find(connection, session)?.expect("one"), document))
        })?;
        for number in (1..=more).map(|number| done[thread] + number) {
            database.write(|connection| Write::make(number, connection, &session, document))?;
            say(format!("{WRITTEN} {thread} {number}\n"));
            let (order, size) = (MessageOrder::NewestFirst, PageSize::of(5));
            database
                .read(|connection| ChatMessage::page(connection, session.id, order, None, size))?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let written = &written;
        let threads: Vec<_> =
            (0..THREADS).map(|thread| scope.spawn(move || written(thread))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no panic"))
    })
}

/// Returns the command that goes on from these writes, with so many more by each thread.
pub fn command(config: &Config, address: &str, done: Writes, more: u32) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "support::load::the_writers", "--ignored", "--nocapture"]);
    let synchronous = config.sqlite().synchronous.as_str();
    command.env(ADDRESS, address).env(SYNCHRONOUS, synchronous);
    command.env(DONE, done.map(|done| done.to_string()).join(" ")).env(MORE, more.to_string());
    command
}

/// Returns the writes that the output of the load acknowledges.
pub fn acknowledged(output: &str, done: Writes) -> Writes {
    let mut writes = done;
    for line in output.lines().filter_map(|line| line.strip_prefix(WRITTEN)) {
        let mut numbers = line.split_whitespace().map(str::parse::<u32>);
        let mut next = || numbers.next().expect("a number").expect("a number");
        let (thread, number) = (usize::try_from(next()).expect("small"), next());
        assert_eq!(number, writes[thread] + 1, "the writes of a thread are in order");
        writes[thread] = number;
    }
    writes
}

/// Load that runs.
pub struct Load {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    /// What it has written to the output so far.
    said: String,
    done: Writes,
}

impl Load {
    pub fn start(config: &Config, address: &str, done: Writes) -> Self {
        let mut command = command(config, address, done, u32::MAX / 2);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, output, said: String::new(), done }
    }

    /// Waits until it has acknowledged so many writes.
    pub fn wait_for(&mut self, writes: usize) {
        let mut lines = 0;
        while lines < writes {
            let start = self.said.len();
            assert_ne!(self.output.read_line(&mut self.said).expect("a line"), 0, "it ended");
            lines += usize::from(self.said[start..].starts_with(WRITTEN));
        }
    }

    /// Kills the load, if it has not ended because its server did, and returns what it has acknowledged.
    pub fn kill(mut self) -> (Writes, ExitStatus) {
        self.child.kill().expect("killed, or over");
        self.output.read_to_string(&mut self.said).expect("text");
        (acknowledged(&self.said, self.done), self.child.wait().expect("gone"))
    }
}

/// Rows that the first writes of a thread leave: the numbers of the messages and of the chunks, in order.
fn rows_after(writes: u32) -> [Vec<u32>; 2] {
    let (mut messages, mut chunks) = (Vec::new(), Vec::new());
    for number in 1..=writes {
        match Write::of(number) {
            Write::Message => messages.push(number),
            Write::Chunks => chunks.extend([number, number]),
            Write::NoChunks => chunks.clear(),
        }
    }
    [messages, chunks]
}

/// Rows of a thread.
fn rows_of(connection: &mut DbConnection, session: i64, document: i64) -> [Vec<u32>; 2] {
    [
        ("message_content", "chat_history", "chat_session_id", session),
        ("content", "document_chunks", "document_id", document),
    ]
    .map(|(text, table, parent, id)| {
        let number = format!("substr({text}, 1, 10)");
        let rows =
            format!("SELECT {number} AS line FROM {table} WHERE {parent} = {id} ORDER BY id");
        let number = |line: String| line.split(':').next().expect("it").parse().expect("a number");
        connection.lines(&rows).into_iter().map(number).collect()
    })
}

/// Fails unless the database is sound, and each thread's rows are those of a number of its writes from
/// `least` to one more than it has acknowledged. Reads only, and returns these numbers.
pub fn assert_survived(
    config: &Config,
    least: Writes,
    acknowledged: Writes,
    moment: &str,
) -> Writes {
    let found = inspect(config, |connection| {
        let (sessions, documents) =
            (ids(connection, "chat_sessions"), ids(connection, "documents"));
        let writes = std::array::from_fn(|thread| {
            let found = rows_of(connection, sessions[thread], documents[thread]);
            let mut possible = least[thread]..=acknowledged[thread] + 1;
            possible.find(|writes| rows_after(*writes) == found).unwrap_or_else(|| {
                let [messages, chunks] = found.map(|rows| rows.last().copied());
                let range = (least[thread], acknowledged[thread]);
                panic!("{moment}: thread {thread}: {range:?}, but {messages:?}, {chunks:?}")
            })
        });
        let gaps =
            "SELECT CAST(max(id) - min(id) + 1 - count(*) AS TEXT) AS line FROM chat_history";
        if connection.backend() == Backend::Sqlite && writes.iter().any(|writes| *writes > 0) {
            // Keys are in the order of the commits.
            assert_eq!(connection.lines(gaps), ["0"], "{moment}: not the first commits");
        }
        Ok(writes)
    });
    let report = DatabaseManager::new(config.clone()).deep_health_check(&mut |_| ());
    let failures: Vec<_> =
        report.failures().filter(|check| !check.name.contains("Recent")).collect();
    assert!(failures.is_empty(), "{moment}: {failures:?}");
    found.unwrap_or_else(|error| panic!("{moment}: {error}"))
}
