//! What happened, chained so that it cannot be changed unseen, and the incidents that people look
//! at.

mod encoding;
mod entry;
mod security_event;

pub(crate) use encoding::AuditRow;
pub use entry::{AuditEntry, AuditFilter, NewAuditEvent};
pub use security_event::{NewSecurityEvent, SecurityEvent};
