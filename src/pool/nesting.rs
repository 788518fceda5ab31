//! Refuses a call of a database in the closure of another call of it: it would wait for the connection that its own
//! thread holds, and on SQLite every writer with it, or read without what the transaction has written.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::NestedCall;

thread_local! {
    /// The databases whose closures this thread runs, each with the name of the call.
    static RUNNING: RefCell<Vec<(usize, &'static str)>> = const { RefCell::new(Vec::new()) };
}

/// Call that counts until this is dropped.
pub(super) struct Counted<'a> {
    /// Number of calls of the database that run, whose address is that of the database too.
    count: &'a AtomicUsize,
}

impl<'a> Counted<'a> {
    /// Counts a call of the database with this count.
    pub(super) fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self { count }
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

    /// Marks the thread as one that runs the closure of this call, whose name is for the error of a nested one.
    pub(super) fn enter(&self, call: &'static str) -> Running<'_> {
        RUNNING.with_borrow_mut(|running| running.push((address(self.count), call)));
        Running(self)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Call whose closure this thread runs until this is dropped.
pub(super) struct Running<'a>(&'a Counted<'a>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let call = address(self.0.count);
        RUNNING.with_borrow_mut(|running| running.retain(|(of, _)| *of != call));
    }
}

fn address(count: &AtomicUsize) -> usize {
    std::ptr::from_ref(count).addr()
}
