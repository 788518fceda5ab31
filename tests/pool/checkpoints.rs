//! Checkpoints are made beside the writer, and whoever keeps them from emptying the log is named.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Integer;
use tokio::runtime::Builder;
use zenith_db::{AsyncDatabase, Database, DbConnection};

use super::together::wait_until;
use super::writes::open;
use crate::support::log::{Logged, logged};
use crate::support::{SqliteFixture, open_sqlite};

#[derive(QueryableByName)]
struct Log {
    #[diesel(sql_type = Integer)]
    log: i32,
    #[diesel(sql_type = Integer)]
    checkpointed: i32,
}

/// Pages of the log, and how many of them are in the database file.
fn pages(fixture: &SqliteFixture) -> (i32, i32) {
    let query = diesel::sql_query("PRAGMA wal_checkpoint(NOOP)");
    let Log { log, checkpointed } = query.get_result(&mut fixture.raw()).expect("a log");
    (log, checkpointed)
}

/// Opens the database with at most this many connections, and creates a table to fill the log with.
fn begin(fixture: &SqliteFixture, limit: &str) -> Database {
    let database = open(fixture, limit);
    database.write(|conn| Ok(conn.batch_execute("CREATE TABLE large (x)")?)).expect("a table");
    database
}

/// Writes somewhat more than this many pages in one transaction.
fn write_pages(database: &Database, pages: u32) {
    let insert = format!("INSERT INTO large VALUES (randomblob({pages} * 4096))");
    database.write(|conn| Ok(conn.batch_execute(&insert)?)).expect("a write");
}

#[test]
fn a_long_log_is_written_to_the_database_by_another_connection() {
    let fixture = SqliteFixture::created();
    let database = begin(&fixture, "3");
    // Fewer than for which the writer makes one.
    write_pages(&database, 1_100);
    wait_until(
        || matches!(pages(&fixture), (log, checkpointed) if log > 1_000 && log == checkpointed),
    );
    // And the next transaction begins the log anew.
    write_pages(&database, 10);
    assert!(pages(&fixture).0 < 100, "{:?}", pages(&fixture));
}

#[test]
fn a_writer_without_readers_makes_its_checkpoints() {
    let fixture = SqliteFixture::created();
    let database = begin(&fixture, "1");
    write_pages(&database, 1_100);
    let (log, checkpointed) = pages(&fixture);
    assert!(log > 1_000 && log == checkpointed, "{log} {checkpointed}");
}

#[test]
fn the_only_reader_makes_none() {
    let fixture = SqliteFixture::created();
    let database = begin(&fixture, "2");
    for _ in 0..3 {
        write_pages(&database, 1_010);
        let after_the_commit = pages(&fixture);
        // Time for many looks at the log.
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(pages(&fixture), after_the_commit);
    }
}

#[test]
fn a_writer_makes_them_if_all_readers_are_in_use() {
    let fixture = SqliteFixture::created();
    let database = begin(&fixture, "2");
    let reading = database.clone();
    // The only reader, which reads nothing.
    let read = reading.read(|_| {
        std::thread::scope(|scope| scope.spawn(|| write_pages(&database, 4_100)).join())
            .expect("a write");
        Ok(pages(&fixture))
    });
    let (log, checkpointed) = read.expect("a read");
    assert!(log > 4_000 && log == checkpointed, "{log} {checkpointed}");
}

/// Writes until the warning that the log grows has come, and for some more looks at the log. Returns what was logged.
fn grow(database: &Database, log: &Logged) -> String {
    let is_warned = || log.text().contains("write-ahead log grows");
    write_pages(database, 4_100);
    wait_until(|| {
        write_pages(database, 1);
        is_warned()
    });
    for _ in 0..10 {
        write_pages(database, 1);
        std::thread::sleep(Duration::from_millis(30));
    }
    log.text()
}

#[test]
fn a_read_that_holds_the_log_is_named_once() {
    let fixture = SqliteFixture::created();
    logged(|log| {
        let database = begin(&fixture, "3");
        let hold = |conn: &mut DbConnection| {
            conn.batch_execute("BEGIN; SELECT count(*) FROM large")?;
            let grown = || std::thread::scope(|scope| scope.spawn(|| grow(&database, log)).join());
            let text = grown().expect("a warning");
            conn.batch_execute("COMMIT")?;
            Ok(text)
        };
        let (place, read) = (line!(), database.read(hold));
        let text = read.expect("a read");
        assert!(text.contains(&format!("the read at {}:{place}:", file!())), "{text}");
        assert_eq!(text.matches("write-ahead log grows").count(), 1, "{text}");
    });
}

#[test]
fn the_only_reader_is_named_if_it_holds_the_log() {
    let fixture = SqliteFixture::created();
    logged(|log| {
        let database = begin(&fixture, "2");
        let grow = || {
            wait_until(|| {
                write_pages(&database, 1_000);
                log.text().contains("write-ahead log grows")
            });
            log.text()
        };
        let hold = |conn: &mut DbConnection| {
            conn.batch_execute("BEGIN; SELECT count(*) FROM large")?;
            Ok(std::thread::scope(|scope| scope.spawn(grow).join()).expect("a warning"))
        };
        let (place, read) = (line!(), database.read(hold));
        let text = read.expect("a read");
        assert!(text.contains(&format!("the read at {}:{place}:", file!())), "{text}");
    });
}

#[test]
fn an_asynchronous_read_that_holds_the_log_is_named_by_its_place() {
    let fixture = SqliteFixture::created();
    logged(|log| {
        let database = AsyncDatabase::new(begin(&fixture, "3"));
        let ((began, has_begun), (go, may_go)) = (channel(), channel());
        let work = move |conn: &mut DbConnection| {
            conn.batch_execute("BEGIN; SELECT count(*) FROM large")?;
            began.send(()).expect("somebody waits");
            may_go.recv().expect("the signal");
            Ok(conn.batch_execute("COMMIT")?)
        };
        let (place, read) = (line!(), database.read_primary(work));
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let text = std::thread::scope(|scope| {
            let reading = scope.spawn(|| runtime.block_on(read));
            has_begun.recv().expect("it reads");
            let text = grow(database.blocking(), log);
            go.send(()).expect("it waits");
            reading.join().expect("no panic").expect("a read");
            text
        });
        assert!(text.contains(&format!("the read at {}:{place}:", file!())), "{text}");
    });
}

const HELD: &str = "ZENITH_TEST_HELD";

#[test]
fn another_process_that_holds_the_log_is_named() {
    let fixture = SqliteFixture::created();
    logged(|log| {
        let database = begin(&fixture, "3");
        let mut reader = Command::new(std::env::current_exe().expect("this program"));
        reader.args([
            "--exact",
            "pool::checkpoints::the_other_process",
            "--ignored",
            "--nocapture",
        ]);
        reader.env(HELD, fixture.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut reader = reader.spawn().expect("a process");
        let mut lines = BufReader::new(reader.stdout.take().expect("its output")).lines();
        let ready = lines.any(|line| line.is_ok_and(|line| line.contains("it reads")));
        assert!(ready, "the process reads");
        let text = grow(&database, log);
        assert!(text.contains(&format!("(process {})", reader.id())), "{text}");
        // It ends with its input.
        drop(reader.stdin.take());
        assert!(reader.wait().expect("an end").success());
    });
}

#[test]
#[ignore = "a process of its own, for another test"]
fn the_other_process() {
    let path = std::env::var_os(HELD).expect("a database");
    let mut connection = open_sqlite(Path::new(&path));
    connection.batch_execute("BEGIN; SELECT count(*) FROM large").expect("a read");
    println!("it reads");
    std::io::stdin().read_to_end(&mut Vec::new()).expect("the end of the input");
}
