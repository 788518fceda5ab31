//! `AsyncDatabase`: calls that do not block the runtime, run whole or not at all, and are refused when they are too many.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread::ThreadId;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use zenith_db::config::Key;
use zenith_db::testing::{Clock, a_user};
use zenith_db::types::UtcTime;
use zenith_db::{AsyncDatabase, CallRefused, Database, Error, Result, StillRunning, Writer};

use super::writes::{insert, names, open};
use crate::support::wait::wait_for;
use crate::support::{Fixture, SqliteFixture};

/// A runtime with one thread of its own, which nothing may block.
fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_time().build().expect("a runtime")
}

fn database(fixture: &Fixture, limit: &str) -> AsyncDatabase {
    AsyncDatabase::new(open(fixture, limit))
}

/// Error of an application.
#[derive(Debug)]
enum Failure {
    Database(Error),
    Refused(&'static str),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

/// Begins a read, which ends when something is sent.
fn take_a_reader(database: &AsyncDatabase) -> (JoinHandle<Result<()>>, mpsc::Sender<()>) {
    let (go, may_go) = mpsc::channel();
    let (began, has_begun) = mpsc::channel();
    let database = database.clone();
    let reading = tokio::spawn(async move {
        let read = database.read(move |_| {
            began.send(()).expect("it waits");
            may_go.recv().expect("the signal");
            Ok(())
        });
        read.await
    });
    has_begun.recv().expect("it has begun");
    (reading, go)
}

#[test]
fn calls_do_what_the_blocking_ones_do() {
    let fixture = Fixture::created();
    let database = database(&fixture, "3");
    runtime().block_on(async {
        database.write(|conn| insert(conn, "a")).await.expect("a write");
        database.write_alone(|conn| insert(conn, "b")).await.expect("a write");
        let refused: Result<(), Failure> = database
            .try_write(|conn| {
                insert(conn, "lost")?;
                Err(Failure::Refused("no"))
            })
            .await;
        assert!(matches!(refused, Err(Failure::Refused("no"))));
        let refused: Result<(), Failure> =
            database.try_read(|conn| Ok(insert(conn, "lost")?)).await;
        assert!(matches!(refused, Err(Failure::Database(Error::WriteRefused(_)))), "{refused:?}");
        let refused: Result<(), Failure> =
            database.try_read_primary(|_| Err(Failure::Refused("no"))).await;
        assert!(matches!(refused, Err(Failure::Refused("no"))));
        let refused: Result<(), Failure> = database
            .try_write_alone(|conn| {
                insert(conn, "lost")?;
                Err(Failure::Refused("no"))
            })
            .await;
        assert!(matches!(refused, Err(Failure::Refused("no"))));
        let refused = database.read_primary(|conn| insert(conn, "lost")).await;
        assert!(matches!(refused, Err(Error::WriteRefused(_))), "{refused:?}");
        database.read(|_| Ok(())).await.expect("a read");
        let refused: Result<(), Failure> =
            database.try_write_with_retry(|_| false, |_| Err(Failure::Refused("no"))).await;
        assert!(matches!(refused, Err(Failure::Refused("no"))));
        let nested = database.clone();
        let nested = database.write(move |_| nested.blocking().read(|_| Ok(()))).await;
        assert!(matches!(nested, Err(Error::NestedCall(_))), "{nested:?}");
        // It would keep its connection until it has another.
        let (nested, here) = (database.clone(), Handle::current());
        let nested = database.write(move |_| here.block_on(nested.read(|_| Ok(())))).await;
        assert!(matches!(nested, Err(Error::NestedCall(_))), "{nested:?}");
    });
    assert_eq!(names(&fixture), "a b");
}

#[test]
fn a_panic_arrives_at_the_caller_and_harms_nobody_else() {
    let fixture = Fixture::created();
    let database = database(&fixture, "2");
    let runtime = runtime();
    let calling = database.clone();
    let call =
        async move { calling.write(|_| -> Result<()> { super::writes::panic_quietly() }).await };
    assert!(runtime.block_on(runtime.spawn(call)).expect_err("a panic").is_panic());
    runtime.block_on(database.write(|conn| insert(conn, "a"))).expect("a write");
    assert_eq!(names(&fixture), "a");
}

#[test]
fn many_callers_use_few_threads_and_all_are_served() {
    let fixture = SqliteFixture::created();
    let database = database(&fixture, "3");
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    runtime().block_on(async {
        let mut calls = Vec::new();
        for _ in 0..300 {
            let (database, now, most) = (database.clone(), now.clone(), most.clone());
            calls.push(tokio::spawn(async move {
                let read = database.read(move |_| {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::yield_now();
                    now.fetch_sub(1, Ordering::SeqCst);
                    Ok(())
                });
                read.await?;
                database.write(|conn| insert(conn, "w")).await
            }));
        }
        for call in calls {
            call.await.expect("no panic").expect("both");
        }
    });
    assert_eq!(fixture.text("SELECT CAST(count(*) AS TEXT) FROM system_metrics"), "300");
    let most = most.load(Ordering::SeqCst);
    assert!((1..=2).contains(&most), "{most} reads at once, with two readers");
}

#[test]
fn the_status_counts_those_who_wait_for_their_turn() {
    let fixture = SqliteFixture::created();
    let database = database(&fixture, "2");
    runtime().block_on(async {
        let (reading, go) = take_a_reader(&database);
        let before = database.blocking().pool_status().waits;
        let waiting = database.clone();
        let waiting = tokio::spawn(async move { waiting.read(|_| Ok(())).await });
        wait_for("a wait", || database.blocking().pool_status().waits == before + 1);
        go.send(()).expect("it waits");
        for read in [reading, waiting] {
            read.await.expect("no panic").expect("a read");
        }
    });
}

#[test]
fn a_probe_that_waits_for_the_writer_keeps_no_read_from_its_thread() {
    let fixture = SqliteFixture::created();
    let database = database(&fixture, "2");
    runtime().block_on(async {
        database.read(|_| Ok(())).await.expect("a reader, which stays open");
        let before = database.blocking().pool_status().waits;
        let (go, may_go) = mpsc::channel();
        let (began, has_begun) = mpsc::channel();
        let writing = database.clone();
        let writing = tokio::spawn(async move {
            let write = writing.write_alone(move |_| {
                began.send(()).expect("it waits");
                may_go.recv().expect("the signal");
                Ok(())
            });
            write.await
        });
        has_begun.recv().expect("it has begun");
        let probing = database.clone();
        let probe = tokio::spawn(async move { probing.ready().await });
        wait_for("the wait for the writer", || database.blocking().pool_status().waits > before);
        database.read(|_| Ok(())).await.expect("a read");
        assert!(!probe.is_finished(), "the read has waited for the probe");
        go.send(()).expect("it waits");
        writing.await.expect("no panic").expect("a write");
        probe.await.expect("no panic").expect("ready");
    });
}

#[test]
fn a_call_that_is_dropped_is_not_begun_or_runs_to_its_end() {
    let fixture = SqliteFixture::created();
    let database = database(&fixture, "2");
    let runtime = runtime();
    runtime.block_on(async {
        let (reading, go) = take_a_reader(&database);
        let run = Arc::new(AtomicUsize::new(0));
        let counted = run.clone();
        let mut waiting = Box::pin(database.read(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }));
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        drop(waiting);
        // One that is at work goes on without its caller.
        let (written, is_written) = mpsc::channel::<()>();
        let (end, may_end) = mpsc::channel::<()>();
        let mut left = Box::pin(database.write(move |conn| {
            insert(conn, "a")?;
            written.send(()).expect("it waits");
            may_end.recv().expect("the signal");
            Ok(())
        }));
        assert!(left.as_mut().poll(&mut context).is_pending());
        is_written.recv().expect("it was begun");
        drop(left);
        end.send(()).expect("it waits");
        go.send(()).expect("it waits");
        reading.await.expect("no panic").expect("a read");
        database.close().await.expect("closed");
        assert_eq!(run.load(Ordering::SeqCst), 0, "what was dropped has run");
    });
    assert_eq!(names(&fixture), "a");
}

#[test]
fn closing_waits_for_what_was_accepted_and_refuses_the_rest() {
    let fixture = Fixture::created();
    let database = database(&fixture, "2");
    runtime().block_on(async {
        let calls: Vec<_> = (0..100)
            .map(|_| {
                let database = database.clone();
                let call = async move { database.write(|conn| insert(conn, "w")).await };
                let mut call = Box::pin(call);
                // Accepted here, and perhaps done already.
                let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                tokio::spawn(async move {
                    match polled {
                        Poll::Ready(done) => done,
                        Poll::Pending => call.await,
                    }
                })
            })
            .collect();
        database.close().await.expect("closed");
        let refused = database.write(|conn| insert(conn, "late")).await;
        assert!(matches!(refused, Err(Error::CallRefused(CallRefused::Closed))), "{refused:?}");
        let refused = database.read(|_| Ok(())).await;
        assert!(matches!(refused, Err(Error::CallRefused(CallRefused::Closed))), "{refused:?}");
        for call in calls {
            call.await.expect("no panic").expect("it was accepted");
        }
        database.close().await.expect("closed already");
    });
    assert_eq!(fixture.text("SELECT CAST(count(*) AS TEXT) FROM system_metrics"), "100");
}

#[test]
fn after_a_timeout_the_database_is_closed_all_the_same() {
    let fixture = SqliteFixture::created();
    let settings = [(Key::MaxConnections, "2"), (Key::PoolTimeout, "50")];
    let database = Database::open(&fixture.config_with(&settings)).expect("a database");
    let database = AsyncDatabase::new(database);
    runtime().block_on(async {
        let (reading, go) = take_a_reader(&database);
        let late = database.close().await;
        assert!(
            matches!(late, Err(Error::StillRunning(StillRunning { calls: 1, .. }))),
            "{late:?}"
        );
        let refused = database.blocking().write(|conn| insert(conn, "late"));
        assert!(matches!(refused, Err(Error::CallRefused(CallRefused::Closed))), "{refused:?}");
        go.send(()).expect("it waits");
        reading.await.expect("no panic").expect("a read");
        database.close().await.expect("closed");
    });
}

#[test]
fn who_waits_too_long_is_told_so_and_too_many_are_refused_with_a_number() {
    let fixture = SqliteFixture::created();
    let settings = [(Key::MaxConnections, "2"), (Key::PoolTimeout, "100")];
    let database = Database::open(&fixture.config_with(&settings)).expect("a database");
    let database = AsyncDatabase::new(database);
    runtime().block_on(async {
        let (reading, go) = take_a_reader(&database);
        let mut waiting: Vec<_> = (0..4_096).map(|_| Box::pin(database.read(|_| Ok(())))).collect();
        let mut context = Context::from_waker(Waker::noop());
        for call in &mut waiting {
            assert!(call.as_mut().poll(&mut context).is_pending());
        }
        let refused = database.read(|_| Ok(())).await;
        let Err(Error::CallRefused(refused)) = refused else { panic!("{refused:?}") };
        assert_eq!(refused, CallRefused::Overloaded { waiting: 4_096, limit: 4_096 });
        // Those who go make room for others.
        waiting.truncate(10);
        let late = database.read(|_| Ok(())).await;
        let Err(Error::PoolTimeout(late)) = late else { panic!("{late:?}") };
        assert_eq!((late.timeout_ms, late.in_use, late.limit), (100, 1, 1));
        go.send(()).expect("it waits");
        reading.await.expect("no panic").expect("a read");
    });
}

#[test]
fn a_call_that_comes_when_the_runtime_has_ended_says_so() {
    let fixture = SqliteFixture::created();
    let database = database(&fixture, "2");
    let ended = runtime();
    let handle = ended.handle().clone();
    ended.shutdown_background();
    let _entered = handle.enter();
    let mut call = Box::pin(database.read(|_| Ok(())));
    let Poll::Ready(refused) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("it waits")
    };
    let Err(Error::CallRefused(refused)) = refused else { panic!("{refused:?}") };
    assert_eq!(refused, CallRefused::RuntimeEnded);
}

/// Threads that have entered a span.
#[derive(Clone, Default)]
struct Entered(Arc<Mutex<Vec<ThreadId>>>);

impl<S: Subscriber> Layer<S> for Entered {
    fn on_enter(&self, _: &tracing::Id, _: tracing_subscriber::layer::Context<'_, S>) {
        self.0.lock().expect("no panic").push(std::thread::current().id());
    }
}

#[test]
fn the_span_and_the_clock_of_the_caller_follow() {
    let fixture = SqliteFixture::created();
    let database = database(&fixture, "2");
    let clock = Clock::at("2040-01-01 00:00:00.000000".parse::<UtcTime>().expect("a time"));
    let _clock = clock.enter();
    let entered = Entered::default();
    let subscriber = tracing_subscriber::registry().with(entered.clone());
    // The subscriber is this thread's only: what another thread reports comes from the span itself.
    let call = tracing::subscriber::with_default(subscriber, || {
        let call = async {
            let write =
                |conn: &mut Writer<'_>| Ok((std::thread::current().id(), a_user().insert(conn)?));
            database.write(write).await
        };
        let call = tracing::Instrument::instrument(call, tracing::info_span!("request"));
        Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(call)
    });
    let (thread, user) = call.expect("a user");
    assert_ne!(thread, std::thread::current().id());
    assert!(entered.0.lock().expect("no panic").contains(&thread), "the span was not entered");
    // An id begins with the time in milliseconds.
    assert_eq!(user.uuid.uuid().get_timestamp().expect("a time").to_unix().0, 2_208_988_800);
}
