//! Deleting what is old, in small transactions.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::connection::Writer;
use crate::error::Result;
use crate::models::{ChatSession, Notification, PageSize, SystemMetric, UserSession};
use crate::pool::Database;
use crate::types::UtcTime;

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

/// Numbers of rows that [`Database::purge`] has deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
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
}

/// Deletes at most so many rows that are older than a time, and returns how many.
type Delete = fn(&mut Writer<'_>, UtcTime, PageSize) -> Result<usize>;

/// The number of a report that such rows are counted in.
type Count = fn(&mut PurgeReport) -> &mut usize;

/// Conversations of one transaction, of which each may have thousands of messages.
const CONVERSATIONS: u32 = 20;

/// Rows of one transaction.
const ROWS: u32 = 500;

/// Longest pause between two transactions.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

impl Database {
    /// Deletes what is older than the policy says, oldest first, in transactions of at most 500 rows, or of 20
    /// conversations with their messages. Between two of them it pauses for as long as the last one took, up to 100
    /// milliseconds, so that others can write. `progress` is called after each with what has been deleted so far. A
    /// call that is interrupted or fails has deleted what it has reported; the next one goes on.
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
        let mut report = PurgeReport::default();
        let now = UtcTime::now();
        let steps: [(_, _, Delete, Count); 4] = [
            (policy.conversations, CONVERSATIONS, ChatSession::delete_older_than, |report| {
                &mut report.conversations
            }),
            (policy.metrics, ROWS, SystemMetric::delete_older_than, |report| &mut report.metrics),
            (policy.sessions, ROWS, UserSession::purge_expired, |report| &mut report.sessions),
            (policy.notifications, ROWS, Notification::purge_expired, |report| {
                &mut report.notifications
            }),
        ];
        for (age, rows, delete, count) in steps {
            let Some(age) = age else { continue };
            let before = now.minus_seconds(u32::try_from(age.as_secs()).unwrap_or(u32::MAX));
            let batch = PageSize::of(rows);
            loop {
                let begun = Instant::now();
                let deleted = self.write_alone(|connection| delete(connection, before, batch))?;
                *count(&mut report) += deleted;
                progress(report);
                if deleted == 0 {
                    break;
                }
                std::thread::sleep(begun.elapsed().min(LONGEST_PAUSE));
            }
        }
        Ok(report)
    }
}
