//! What a pool tells the recorder of the crate `metrics`; nothing without the feature `metrics`.

use std::time::Instant;

/// What a call waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum WaitFor {
    /// SQLite's writer.
    Writer,
    /// A connection of another kind.
    Connection,
    /// Its turn among asynchronous reads.
    #[cfg(feature = "tokio")]
    AsyncRead,
    /// Its turn among asynchronous writes.
    #[cfg(feature = "tokio")]
    AsyncWrite,
}

/// A call has waited since then, with or without success.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is no recorder"))]
pub(super) fn waited(wait: WaitFor, since: Instant) {
    #[cfg(feature = "metrics")]
    metrics::histogram!("zenith_db_wait_seconds", "for" => wait.name()).record(since.elapsed());
}

/// This many writes were committed, in one transaction of SQLite.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "there is no recorder"))]
pub(super) fn committed(writes: usize) {
    #[cfg(feature = "metrics")]
    metrics::histogram!("zenith_db_commit_writes")
        .record(f64::from(u32::try_from(writes).unwrap_or(u32::MAX)));
}

#[cfg(feature = "metrics")]
impl WaitFor {
    const fn name(self) -> &'static str {
        match self {
            Self::Writer => "writer",
            Self::Connection => "connection",
            #[cfg(feature = "tokio")]
            Self::AsyncRead => "async_read",
            #[cfg(feature = "tokio")]
            Self::AsyncWrite => "async_write",
        }
    }
}
