//! Refuses a call of a database in the closure of another call of it: it would wait for the connection that its own
//! thread holds, and on SQLite every writer with it, or read without what the transaction has written.

use std::cell::RefCell;

use crate::error::NestedCall;

thread_local! {
    /// The databases whose closures this thread runs, each with the name of the call.
    static RUNNING: RefCell<Vec<(usize, &'static str)>> = const { RefCell::new(Vec::new()) };
}

/// Call whose closure runs until this is dropped.
pub(super) struct Running(usize);

impl Running {
    /// Begins a call of the database at this address.
    pub(super) fn begin<T>(database: *const T, call: &'static str) -> Result<Self, NestedCall> {
        let address = database.addr();
        RUNNING.with_borrow_mut(|running| {
            if let Some((_, outer)) = running.iter().find(|(of, _)| *of == address) {
                return Err(NestedCall { outer, inner: call });
            }
            running.push((address, call));
            Ok(Self(address))
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.with_borrow_mut(|running| running.retain(|(address, _)| *address != self.0));
    }
}
