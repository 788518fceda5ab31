//! Connections to a server whose prepared statements cannot be run any more, because a table has changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel::connection::{
    Connection, Instrumentation, InstrumentationEvent, get_default_instrumentation,
};
use diesel::result::Error as DieselError;

use crate::backend::DbConnection;
use crate::error::server::is_stale;

/// Whether a statement of one connection was refused for that. Diesel runs the statement again and again, so the connection
/// has to be closed. What a closure returns does not say: its error may be of any type.
#[derive(Debug, Default)]
pub(super) struct Stale(Arc<AtomicBool>);

impl Stale {
    /// Watches the statements of a connection, beside the instrumentation that the application has set for all.
    pub(super) fn watch(connection: &mut DbConnection) -> Self {
        let stale = Self::default();
        if let DbConnection::Postgres(connection) = connection {
            let others = get_default_instrumentation();
            connection.set_instrumentation(Watch { stale: stale.0.clone(), others });
        }
        stale
    }

    /// Whether such a statement was seen, or a closure has set an instrumentation of its own, so that it would not be.
    pub(super) fn may_be_seen(&self) -> bool {
        self.0.load(Ordering::Relaxed) || self.is_replaced()
    }

    /// Watches a connection again whose instrumentation a closure has replaced.
    pub(super) fn renew(&mut self, connection: &mut DbConnection) {
        if self.is_replaced() {
            *self = Self::watch(connection);
        }
    }

    /// Whether the connection has dropped its [`Watch`].
    fn is_replaced(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

struct Watch {
    stale: Arc<AtomicBool>,
    others: Option<Box<dyn Instrumentation>>,
}

impl Instrumentation for Watch {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::FinishQuery {
            error: Some(DieselError::DatabaseError(_, info)),
            ..
        } = &event
            && is_stale(info.message())
        {
            self.stale.store(true, Ordering::Relaxed);
        }
        if let Some(others) = &mut self.others {
            others.on_connection_event(event);
        }
    }
}
