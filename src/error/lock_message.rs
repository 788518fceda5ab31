//! Message of [`Error::Locked`](crate::Error::Locked).

use std::time::Duration;

/// Returns what the action waited for, and what to do.
pub(super) fn message(waited: Option<Duration>, lock_owner: Option<&str>) -> String {
    let waited = waited.map_or_else(
        || "it needs".to_owned(),
        |waited| format!("waited {:.1} s for", waited.as_secs_f64()),
    );
    let lock_owner = lock_owner.unwrap_or("another connection");
    format!(
        "{waited} the lock that {lock_owner} holds; try again when it is released, or raise \
         DATABASE_BUSY_TIMEOUT_MS"
    )
}
