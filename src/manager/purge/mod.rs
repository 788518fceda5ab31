//! Deleting what is old, in small transactions.

mod report;
mod rows;

use std::time::Duration;

use self::rows::{NumberIn, OldRows, Purge};
use crate::error::Result;
use crate::models::{ChatSession, Notification, PageSize, SystemMetric, UserSession};
use crate::pool::Database;
use crate::types::UtcTime;

pub use report::{KeptRows, PurgeReport};

/// Ages beyond which rows are deleted; what has none is kept. A day has 86,400 seconds, and parts of a second do not
/// count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PurgePolicy {
    /// Time since the last activity in a conversation, with which its messages are deleted.
    pub conversations: Option<Duration>,
    /// Time since a metric was measured.
    pub metrics: Option<Duration>,
    /// Time since a session expired.
    pub sessions: Option<Duration>,
    /// Time since a notification expired. One that does not expire is kept.
    pub notifications: Option<Duration>,
}

impl PurgePolicy {
    /// Returns a policy that keeps everything.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Deletes conversations, with their messages, this long after their last activity.
    #[must_use]
    pub const fn conversations_after(self, age: Duration) -> Self {
        Self { conversations: Some(age), ..self }
    }

    /// Deletes metrics this long after they were measured.
    #[must_use]
    pub const fn metrics_after(self, age: Duration) -> Self {
        Self { metrics: Some(age), ..self }
    }

    /// Deletes sessions this long after they expired.
    #[must_use]
    pub const fn sessions_after(self, age: Duration) -> Self {
        Self { sessions: Some(age), ..self }
    }

    /// Deletes notifications this long after they expired.
    #[must_use]
    pub const fn notifications_after(self, age: Duration) -> Self {
        Self { notifications: Some(age), ..self }
    }
}

/// Conversations of one transaction, of which each may have thousands of messages.
const CONVERSATIONS: u32 = 20;

/// Rows of one transaction.
const ROWS: u32 = 500;

impl Database {
    /// Deletes what is older than the policy says, oldest first, in transactions of at most 500 rows, or of 20
    /// conversations with their messages. Between two of them it pauses for as long as the last one took, up to 100
    /// milliseconds, so that others can write. `progress` is called after each with what has been deleted so far. A
    /// call that is interrupted or fails has deleted what it has reported; the next one goes on.
    ///
    /// A row to which rows of another table refer, such as those of the application, is kept if their foreign key has
    /// neither `ON DELETE CASCADE` nor `SET NULL`; [`PurgeReport::kept`] counts it, and the rest is deleted.
    ///
    /// Entries of the audit log are never deleted.
    ///
    /// # Errors
    /// Those of [`Database::write_alone`].
    pub fn purge(
        &self,
        policy: &PurgePolicy,
        progress: &mut dyn FnMut(PurgeReport),
    ) -> Result<PurgeReport> {
        let mut purge = Purge { database: self, report: PurgeReport::default(), progress };
        let now = UtcTime::now();
        // The rows that the policy deletes; none without an age.
        let old = |name, age: Option<Duration>, rows, number: NumberIn| {
            let before = now.minus_seconds(u32::try_from(age?.as_secs()).unwrap_or(u32::MAX));
            Some(OldRows { name, before, batch: PageSize::of(rows), number })
        };
        if let Some(old) =
            old("conversations", policy.conversations, CONVERSATIONS, |it| &mut it.conversations)
        {
            purge.delete::<ChatSession>(old, ChatSession::delete_older_than)?;
        }
        if let Some(old) = old("metrics", policy.metrics, ROWS, |it| &mut it.metrics) {
            purge.delete::<SystemMetric>(old, SystemMetric::delete_older_than)?;
        }
        if let Some(old) = old("sessions", policy.sessions, ROWS, |it| &mut it.sessions) {
            purge.delete::<UserSession>(old, UserSession::purge_expired)?;
        }
        if let Some(old) =
            old("notifications", policy.notifications, ROWS, |it| &mut it.notifications)
        {
            purge.delete::<Notification>(old, Notification::purge_expired)?;
        }
        Ok(purge.report)
    }
}
