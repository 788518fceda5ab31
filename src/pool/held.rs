//! Since when a write-ahead log cannot be emptied, and which reads may be why.

use std::time::{Duration, Instant};

/// Time for which a log must be held before a warning says by whom.
const PATIENCE: Duration = Duration::from_secs(1);

/// What looks at a log have found, for a warning about each that is held for long. `R` is a read.
pub(super) struct Watch<R> {
    held: Option<Held<R>>,
}

/// Log that cannot be emptied, because a connection reads an old state of the database.
struct Held<R> {
    /// Number of its pages that are in the database file, which does not change while the same connection holds it;
    /// `None` if no connection was free to ask yet.
    checkpointed: Option<i32>,
    since: Instant,
    /// The reads that ran when it was first seen so.
    reads: Vec<R>,
    is_told: bool,
}

/// Log that has been held for long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Warning<R> {
    pub(super) time: Duration,
    /// The reads that have run all that time.
    pub(super) reads: Vec<R>,
}

impl<R: PartialEq + Copy> Watch<R> {
    pub(super) const fn new() -> Self {
        Self { held: None }
    }

    /// A connection was asked: the log is held, with so many pages in the database file, or it is not. `now` are the reads
    /// that run.
    pub(super) fn asked(
        &mut self,
        checkpointed: Option<i32>,
        now: Vec<R>,
        at: Instant,
    ) -> Option<Warning<R>> {
        let Some(checkpointed) = checkpointed else {
            self.held = None;
            return None;
        };
        match &mut self.held {
            Some(held) if held.is_by_the_same(checkpointed, &now) => {
                held.checkpointed = Some(checkpointed);
                held.warning(&now, at)
            }
            held => {
                *held = Some(Held::begun(Some(checkpointed), now, at));
                None
            }
        }
    }

    /// No connection was free to ask; `is_long` says that the log has a size that only one has that was held. What was
    /// found before stays as it is.
    pub(super) fn not_asked(
        &mut self,
        is_long: bool,
        now: Vec<R>,
        at: Instant,
    ) -> Option<Warning<R>> {
        if !is_long {
            return None;
        }
        match &mut self.held {
            // It is held still only if somebody reads who did at first.
            Some(held) if held.is_any_of(&now) => held.warning(&now, at),
            // Nobody knows whether another process holds it.
            Some(Held { checkpointed: Some(_), .. }) => None,
            held => {
                *held = Some(Held::begun(None, now, at));
                None
            }
        }
    }
}

impl<R: PartialEq + Copy> Held<R> {
    const fn begun(checkpointed: Option<i32>, reads: Vec<R>, since: Instant) -> Self {
        Self { checkpointed, since, reads, is_told: false }
    }

    fn is_by_the_same(&self, checkpointed: i32, now: &[R]) -> bool {
        self.checkpointed.map_or_else(|| self.is_any_of(now), |before| before == checkpointed)
    }

    fn is_any_of(&self, now: &[R]) -> bool {
        self.reads.iter().any(|read| now.contains(read))
    }

    /// Returns a warning if there was none yet, and it is time.
    fn warning(&mut self, now: &[R], at: Instant) -> Option<Warning<R>> {
        let time = at.saturating_duration_since(self.since);
        if self.is_told || time < PATIENCE {
            return None;
        }
        self.is_told = true;
        let reads = self.reads.iter().filter(|read| now.contains(read)).copied().collect();
        Some(Warning { time, reads })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at a log, each so many milliseconds after the first: with the number of pages if a connection was asked, and
    /// without if none was free, and with the reads that run. Returns the warnings.
    fn warnings(looks: &[(u64, Option<i32>, &str)]) -> Vec<(u64, String)> {
        let (mut watch, begun) = (Watch::new(), Instant::now());
        let mut warnings = Vec::new();
        for (time, checkpointed, reads) in looks {
            let (at, now) = (begun + Duration::from_millis(*time), reads.chars().collect());
            let warning = match checkpointed {
                Some(_) => watch.asked(*checkpointed, now, at),
                None => watch.not_asked(true, now, at),
            };
            warnings.extend(warning.map(|found| (*time, String::from_iter(found.reads))));
        }
        warnings
    }

    #[test]
    fn a_look_that_finds_no_connection_free_does_not_begin_the_time_anew() {
        let looks = [
            (0, Some(7), "a"),
            (400, None, "ab"),
            (800, Some(7), "ac"),
            (1_200, None, "ad"),
            (1_600, Some(7), "ae"),
        ];
        assert_eq!(warnings(&looks), [(1_200, "a".to_owned())]);
        // Nobody was free at first.
        let looks = [(0, None, "ab"), (600, Some(7), "ac"), (1_200, Some(7), "a")];
        assert_eq!(warnings(&looks), [(1_200, "a".to_owned())]);
        // A process that nobody sees here.
        let looks = [(0, Some(7), "a"), (600, None, "b"), (900, None, "c"), (1_200, Some(7), "d")];
        assert_eq!(warnings(&looks), [(1_200, String::new())]);
    }

    #[test]
    fn what_another_holds_begins_anew() {
        // The first one has gone, so that more pages could be moved.
        let looks = [(0, Some(7), "a"), (900, Some(8), "b"), (1_800, Some(8), "b")];
        assert_eq!(warnings(&looks), []);
        let looks = [(0, None, "a"), (900, None, "b"), (1_800, Some(8), "c")];
        assert_eq!(warnings(&looks), []);
    }

    #[test]
    fn a_log_that_was_free_meanwhile_or_is_short_is_nobodys_fault() {
        let (mut watch, begun) = (Watch::new(), Instant::now());
        let after = |time| begun + Duration::from_millis(time);
        assert_eq!(watch.asked(Some(7), vec!['a'], begun), None);
        assert_eq!(watch.not_asked(false, vec!['a'], after(1_500)), None);
        assert_eq!(watch.asked(None, vec!['a'], after(1_600)), None);
        assert_eq!(watch.asked(Some(7), vec!['a'], after(1_700)), None);
        let warning = Warning { time: Duration::from_millis(1_100), reads: vec!['a'] };
        assert_eq!(watch.asked(Some(7), vec!['a'], after(2_800)), Some(warning));
        assert_eq!(watch.asked(Some(7), vec!['a'], after(9_000)), None, "it was told");
    }
}
