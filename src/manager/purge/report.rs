//! Report of a purge.

use serde::Serialize;

/// Numbers of rows that [`Database::purge`](crate::Database::purge) has deleted, and those that it has kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PurgeReport {
    /// Conversations, without their messages.
    pub conversations: usize,
    /// Metrics.
    pub metrics: usize,
    /// Sessions.
    pub sessions: usize,
    /// Notifications.
    pub notifications: usize,
    /// Rows that are old enough and were kept, because rows of another table refer to them.
    pub kept: Vec<KeptRows>,
}

/// Rows that [`Database::purge`](crate::Database::purge) has kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeptRows {
    /// Number of rows.
    pub rows: usize,
    /// What they are: the name of their number in [`PurgeReport`].
    pub of: &'static str,
    /// Table whose rows refer to them, or to what would be deleted with them; `None` if it is not known.
    pub referred_to_by: Option<String>,
}
