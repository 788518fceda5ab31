//! Refuses a call of a database in the closure of another call of it: it would wait for the connection that its own
//! thread holds, and on SQLite every writer with it, or read without what the transaction has written.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::NestedCall;

thread_local! {
    /// The databases whose closures this thread runs, each with the name of the call.
    static RUNNING: RefCell<Vec<(usize, &'static str)>> = const { RefCell::new(Vec::new()) };
}

/// Call whose closure runs until this is dropped.
pub(super) struct Running<'a> {
    /// Number of calls of the database that run, whose address is that of the database too.
    count: &'a AtomicUsize,
}

impl<'a> Running<'a> {
    /// Begins a call of the database with this count.
    pub(super) fn begin(count: &'a AtomicUsize, call: &'static str) -> Result<Self, NestedCall> {
        Self::ensure_outermost(count, call)?;
        RUNNING.with_borrow_mut(|running| running.push((address(count), call)));
        count.fetch_add(1, Ordering::SeqCst);
        Ok(Self { count })
    }

    /// Fails if the thread runs a closure of the database.
    pub(super) fn ensure_outermost(
        count: &AtomicUsize,
        call: &'static str,
    ) -> Result<(), NestedCall> {
        RUNNING.with_borrow(|running| match running.iter().find(|(of, _)| *of == address(count)) {
            Some((_, outer)) => Err(NestedCall { outer, inner: call }),
            None => Ok(()),
        })
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        RUNNING.with_borrow_mut(|running| running.retain(|(of, _)| *of != address(self.count)));
        self.count.fetch_sub(1, Ordering::SeqCst);
    }
}

fn address(count: &AtomicUsize) -> usize {
    std::ptr::from_ref(count).addr()
}
