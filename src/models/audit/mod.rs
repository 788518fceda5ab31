//! The audit log, whose entries are chained by hash so that a change is detected, and security events.

mod encoding;
mod entry;
mod security_event;

/// See [`super::internal`].
#[doc(hidden)]
pub(super) mod internal {
    pub use super::encoding::{AuditRow, JsonStr};
}
pub use entry::{AuditEntry, AuditFilter, NewAuditEvent};
pub use security_event::{NewSecurityEvent, SecurityEvent};
