//! Many threads at once, against the pool that people write first: ten raw connections, of which each thread takes one.
//! `make bench-load`; nothing is asserted.

use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use zenith_db::prelude::*;

use super::floor::Floor;
use super::ours::Ours;
use super::{Facts, SESSIONS, Side, copies, prepare};

const CONNECTIONS: usize = 10;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(1);

/// Name, threads, and how many of a hundred operations append a message; the others look a session up.
const MIXES: &[(&str, u32, u32)] = &[
    ("8 threads, 10 % appends", 8, 10),
    ("32 threads, appends", 32, 100),
    ("8 threads, appends", 8, 100),
    ("1 thread, appends", 1, 100),
    ("8 threads, look-ups", 8, 0),
];

/// Somebody who serves many threads.
trait Served: Sync {
    fn serve(&self, work: &mut dyn FnMut(&mut dyn Side) -> Result<()>) -> Result<()>;
}

/// A pool without a name: who finds no connection free waits.
struct RawPool {
    free: Mutex<Vec<Floor>>,
    returned: Condvar,
}

impl RawPool {
    fn open(path: &Path) -> Result<Self> {
        let free = (0..CONNECTIONS).map(|_| Floor::open(path)).collect::<Result<_>>()?;
        Ok(Self { free: Mutex::new(free), returned: Condvar::new() })
    }
}

impl Served for RawPool {
    fn serve(&self, work: &mut dyn FnMut(&mut dyn Side) -> Result<()>) -> Result<()> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut floor = loop {
            match free.pop() {
                Some(floor) => break floor,
                None => free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner),
            }
        };
        drop(free);
        let done = work(&mut floor);
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(floor);
        self.returned.notify_one();
        done
    }
}

impl Served for Database {
    fn serve(&self, work: &mut dyn FnMut(&mut dyn Side) -> Result<()>) -> Result<()> {
        work(&mut Ours::of(self.clone()))
    }
}

/// What a round took: operations a second, and the times of the appends and of the look-ups.
#[derive(Default)]
struct Taken {
    rates: Vec<f64>,
    writes: Vec<Duration>,
    reads: Vec<Duration>,
}

pub(crate) fn run(directory: &Path) -> Result<()> {
    let base = directory.join("base.db");
    let facts = prepare(&base)?;
    let [one, other] = copies(directory, &base)?;
    let raw = RawPool::open(&one)?;
    let ours = Database::open(&Config::for_path(&other)?)?;
    println!(
        "| load | raw pool, 1/s | ours, 1/s | ratio | append p99, ms, raw / ours | longest, ms | look-up p99, µs |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    );
    for (name, threads, appends) in MIXES {
        let (mut theirs, mut mine) = (Taken::default(), Taken::default());
        for _ in 0..ROUNDS {
            round(&raw, &facts, *threads, *appends, &mut theirs)?;
            round(&ours, &facts, *threads, *appends, &mut mine)?;
        }
        let (a, b) = (theirs.rate(), mine.rate());
        let pair = |one: f64, other: f64| format!("{one:.1} / {other:.1}");
        let in_micros = |ms: f64| ms * 1e3;
        println!(
            "| {name} | {a:.0} | {b:.0} | {:.2} | {} | {} | {} |",
            b / a,
            pair(at(&mut theirs.writes, 990), at(&mut mine.writes, 990)),
            pair(at(&mut theirs.writes, 1000), at(&mut mine.writes, 1000)),
            pair(in_micros(at(&mut theirs.reads, 990)), in_micros(at(&mut mine.reads, 990))),
        );
    }
    Ok(())
}

fn round(
    served: &dyn Served,
    facts: &Facts,
    threads: u32,
    appends: u32,
    taken: &mut Taken,
) -> Result<()> {
    let begun = Instant::now();
    let each: Vec<Result<(Vec<Duration>, Vec<Duration>)>> = std::thread::scope(|scope| {
        let thread = |number: u32| {
            scope.spawn(move || {
                let (mut writes, mut reads) = (Vec::new(), Vec::new());
                let mut step = number * 13;
                while begun.elapsed() < ROUND {
                    step += 1;
                    // Spread evenly, and differently in each thread.
                    let writing = (step * 37) % 100 < appends;
                    let since = Instant::now();
                    served.serve(&mut |side| {
                        if writing {
                            side.append(i64::from(step) % SESSIONS + 1, facts.user)
                        } else {
                            side.find_session(&facts.token)
                        }
                    })?;
                    if writing { writes.push(since.elapsed()) } else { reads.push(since.elapsed()) }
                }
                Ok((writes, reads))
            })
        };
        let running: Vec<_> = (0..threads).map(thread).collect();
        running
            .into_iter()
            .map(|thread| {
                thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a thread panicked")))
            })
            .collect()
    });
    let took = begun.elapsed();
    let mut count = 0;
    for thread in each {
        let (writes, reads) = thread?;
        count += writes.len() + reads.len();
        taken.writes.extend(writes);
        taken.reads.extend(reads);
    }
    taken.rates.push(f64::from(u32::try_from(count)?) / took.as_secs_f64());
    Ok(())
}

impl Taken {
    /// The median round.
    fn rate(&mut self) -> f64 {
        self.rates.sort_by(f64::total_cmp);
        self.rates.get(self.rates.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// The time, in milliseconds, that this many of a thousand do not exceed.
fn at(times: &mut [Duration], of_a_thousand: usize) -> f64 {
    times.sort_unstable();
    let index = (times.len() * of_a_thousand / 1000).min(times.len().saturating_sub(1));
    times.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}
