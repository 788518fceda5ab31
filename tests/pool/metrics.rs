//! What the recorder of an application is told.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use zenith_db::internal::pool::share_for;
use zenith_db::{AsyncDatabase, Database, Error, Result};

use super::together::{A_MINUTE, Work, wait_until};
use super::writes::{insert, names, open, panic_quietly};
use crate::support::{Fixture, SqliteFixture};

/// Values by name and label, in the order in which they were recorded.
#[derive(Clone, Default)]
struct Recorded {
    values: Arc<Mutex<BTreeMap<String, Vec<f64>>>>,
    /// The name of one that cannot be recorded.
    panics_at: Option<&'static str>,
}

struct Metric {
    all: Recorded,
    name: String,
}

impl Recorded {
    fn of(&self, name: &str) -> Vec<f64> {
        self.values.lock().expect("a lock").get(name).cloned().unwrap_or_default()
    }

    fn metric(&self, key: &Key) -> Arc<Metric> {
        let labels = key.labels().map(|label| format!(" {}", label.value()));
        let name = format!("{}{}", key.name(), labels.collect::<String>());
        Arc::new(Metric { all: self.clone(), name })
    }
}

impl Metric {
    fn push(&self, value: f64) {
        if self.all.panics_at == Some(&self.name) {
            panic_quietly();
        }
        self.all.values.lock().expect("a lock").entry(self.name.clone()).or_default().push(value);
    }
}

impl CounterFn for Metric {
    fn increment(&self, _: u64) {
        panic!("counters are absolute");
    }

    fn absolute(&self, value: u64) {
        self.push(f64::from(u32::try_from(value).expect("a small number")));
    }
}

impl GaugeFn for Metric {
    fn increment(&self, _: f64) {
        panic!("gauges are set");
    }

    fn decrement(&self, _: f64) {
        panic!("gauges are set");
    }

    fn set(&self, value: f64) {
        self.push(value);
    }
}

impl HistogramFn for Metric {
    fn record(&self, value: f64) {
        self.push(value);
    }
}

impl Recorder for Recorded {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.metric(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.metric(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.metric(key))
    }
}

#[test]
fn the_numbers_of_the_pool_are_told() {
    let fixture = Fixture::created();
    let recorder = Recorded::default();
    metrics::with_local_recorder(&recorder, || {
        let database = open(&fixture, "3");
        // After a write, the checkpoints may use a connection for a moment. The first read may wait for one.
        database.read(|_| Ok(())).expect("a read");
        database.report_metrics();
        assert_eq!(
            recorder.of("zenith_db_waits"),
            [f64::from(u32::try_from(database.pool_status().waits).expect("few"))]
        );
    });
    let found = |name| recorder.of(name);
    assert!(found("zenith_db_connections idle")[0] >= 1.0);
    assert_eq!(found("zenith_db_connections in_use"), [0.0]);
    assert_eq!(found("zenith_db_connections_max"), [3.0]);
    assert_eq!(found("zenith_db_replica_fallbacks"), [0.0]);
    assert!(found("zenith_db_wait_seconds writer").is_empty(), "nobody waited");
}

/// Runs two writes as a group of one transaction, the second with this recorder. It waits, and commits for both. Returns
/// the result of the first, and whether the second has succeeded, if it has not panicked.
fn two_who_share(
    database: &Database,
    recorder: &Recorded,
    second: Work,
) -> (Result<()>, Option<bool>) {
    share_for(database, A_MINUTE);
    let (began, has_begun) = channel();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| {
            database.write(|conn| {
                began.send(()).expect("somebody hears");
                wait_until(|| database.pool_status().waits > 0);
                insert(conn, "a")
            })
        });
        has_begun.recv().expect("the first one begins");
        let second = catch_unwind(AssertUnwindSafe(|| {
            metrics::with_local_recorder(recorder, || database.write(second)).is_ok()
        }));
        (first.join().expect("no panic"), second.ok())
    })
}

#[test]
fn a_wait_for_the_writer_and_a_shared_commit_are_recorded() {
    let fixture = SqliteFixture::created();
    let recorder = Recorded::default();
    let (first, second) = two_who_share(&open(&fixture, "2"), &recorder, |conn| insert(conn, "b"));
    first.expect("a write");
    assert_eq!(second, Some(true));
    assert_eq!(recorder.of("zenith_db_commit_writes"), [2.0]);
    assert_eq!(recorder.of("zenith_db_wait_seconds writer").len(), 1);
}

#[test]
fn a_write_that_failed_is_not_recorded_as_one_that_was_committed() {
    let fixture = SqliteFixture::created();
    let recorder = Recorded::default();
    let fails: Work = |conn| {
        insert(conn, "lost")?;
        Err(Error::Internal("on purpose".into()))
    };
    let (first, second) = two_who_share(&open(&fixture, "2"), &recorder, fails);
    first.expect("a write");
    assert_eq!(second, Some(false));
    assert_eq!(recorder.of("zenith_db_commit_writes"), [1.0]);
    assert_eq!(names(&fixture), "a");
}

#[test]
fn a_recorder_that_panics_does_not_make_others_believe_that_their_write_is_lost() {
    let fixture = SqliteFixture::created();
    let database = open(&fixture, "2");
    let panics_at = Some("zenith_db_commit_writes");
    let recorder = Recorded { panics_at, ..Recorded::default() };
    let (first, second) = two_who_share(&database, &recorder, |conn| insert(conn, "b"));
    assert_eq!(second, None, "it was not recorded");
    first.expect("it is committed");
    assert_eq!(names(&fixture), "a b");
    database.write(|conn| insert(conn, "c")).expect("the next write");
}

#[test]
fn a_wait_of_an_asynchronous_call_is_recorded() {
    let fixture = SqliteFixture::created();
    let database = AsyncDatabase::new(open(&fixture, "2"));
    let recorder = Recorded::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    metrics::with_local_recorder(&recorder, || {
        runtime.expect("a runtime").block_on(async {
            // There is one reader.
            let (began, mut has_begun) = tokio::sync::mpsc::channel(1);
            let (go, may_go) = channel();
            let first = database.read(move |_| {
                began.blocking_send(()).expect("somebody hears");
                may_go.recv().expect("to go");
                Ok(())
            });
            let others = async {
                has_begun.recv().await.expect("it has begun");
                let second = database.read(|_| Ok(()));
                let go = async { go.send(()).expect("it waits") };
                // In this order.
                tokio::join!(biased; second, go).0
            };
            let (first, second) = tokio::join!(first, others);
            first.expect("a read");
            second.expect("a read");
        });
    });
    assert_eq!(recorder.of("zenith_db_wait_seconds async_read").len(), 1);
}
