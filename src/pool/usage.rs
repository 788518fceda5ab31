//! Where in the program the connections for reading are in use.

use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Place in the program, which `#[track_caller]` finds.
pub(super) type Place = &'static Location<'static>;

/// Use of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Used {
    connection: usize,
    /// Counts the uses of the connection.
    number: u64,
    place: Place,
}

impl fmt::Display for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the read at {}", self.place)
    }
}

/// What one connection is used for.
#[derive(Debug, Default)]
struct Usage {
    number: u64,
    place: Option<Place>,
}

/// What a connection is used for, for itself to say.
#[derive(Default)]
pub(super) struct Sign(Arc<Mutex<Usage>>);

impl Sign {
    pub(super) fn begin(&self, place: Place) {
        let mut usage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        usage.number += 1;
        usage.place = Some(place);
    }

    pub(super) fn end(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).place = None;
    }
}

/// What the connections of a pool are used for.
#[derive(Debug, Default)]
pub(super) struct Usages(Mutex<Vec<Weak<Mutex<Usage>>>>);

impl Usages {
    /// Returns the sign of a new connection.
    pub(super) fn sign(&self) -> Sign {
        let usage = Arc::default();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|usage| usage.strong_count() > 0);
        all.push(Arc::downgrade(&usage));
        Sign(usage)
    }

    /// Returns those that are in use.
    pub(super) fn now(&self) -> Vec<Used> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let used = |usage: Arc<Mutex<Usage>>| {
            let connection = Arc::as_ptr(&usage).addr();
            let Usage { number, place } = *usage.lock().unwrap_or_else(PoisonError::into_inner);
            place.map(|place| Used { connection, number, place })
        };
        all.iter().filter_map(Weak::upgrade).filter_map(used).collect()
    }
}
