//! Encoding of an audit entry for its hash, version 1.
//!
//! The bytes `zenith-audit-v1` and a NUL, followed by every column of the entry except `id` and
//! `entry_hash`, in the order of the fields of [`AuditRow`]. NULL is the byte 0. Any other value is
//! the byte 1, the length of its text in bytes as a big-endian 64-bit number, and its text in
//! UTF-8:
//!
//! - numbers in decimal, booleans as `0` or `1`;
//! - times as `YYYY-MM-DD HH:MM:SS.ffffff` in UTC;
//! - hashes, UUIDs and words of a vocabulary as they are stored;
//! - JSON as the stored text, byte for byte.
//!
//! The length precedes each text, so that different entries have different encodings. `prev_hash` is one
//! of the columns, so that the hash of an entry depends on every entry before it.

use diesel::backend::Backend;
use diesel::expression::AsExpression;
use diesel::prelude::*;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;
use sha2::{Digest, Sha256};

use crate::schema::audit_log;
use crate::types::{
    AuditEntryPublicId, JsonColumn, JsonText, Severity, Sha256Hash, UserId, UtcTime,
};

/// JSON text, as it is stored.
#[derive(Clone, Copy, Debug, AsExpression)]
#[diesel(sql_type = JsonColumn)]
pub struct JsonStr<'a>(pub &'a str);

impl<'a> From<&'a JsonText> for JsonStr<'a> {
    fn from(json: &'a JsonText) -> Self {
        Self(json.as_str())
    }
}

impl<DB: Backend> ToSql<JsonColumn, DB> for JsonStr<'_>
where
    str: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.to_sql(out)
    }
}

/// Columns of an audit entry, except its id and its own hash.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = audit_log)]
#[diesel(treat_none_as_default_value = false)]
pub struct AuditRow<'a> {
    /// `audit_log.seq`.
    pub seq: i64,
    /// `audit_log.event_id`.
    pub event_id: AuditEntryPublicId,
    /// `audit_log.user_id`.
    pub user_id: Option<UserId>,
    /// `audit_log.actor_name`.
    pub actor_name: Option<&'a str>,
    /// `audit_log.session_id`.
    pub session_id: Option<&'a str>,
    /// `audit_log.event_type`.
    pub event_type: &'a str,
    /// `audit_log.event_category`.
    pub event_category: &'a str,
    /// `audit_log.resource_type`.
    pub resource_type: Option<&'a str>,
    /// `audit_log.resource_id`.
    pub resource_id: Option<&'a str>,
    /// `audit_log.action`.
    pub action: &'a str,
    /// `audit_log.description`.
    pub description: Option<&'a str>,
    /// `audit_log.ip_address`.
    pub ip_address: Option<&'a str>,
    /// `audit_log.user_agent`.
    pub user_agent: Option<&'a str>,
    /// `audit_log.timestamp`.
    pub timestamp: UtcTime,
    /// `audit_log.severity`.
    pub severity: Severity,
    /// `audit_log.success`.
    pub success: bool,
    /// `audit_log.error_message`.
    pub error_message: Option<&'a str>,
    /// `audit_log.request_data`.
    pub request_data: Option<JsonStr<'a>>,
    /// `audit_log.response_data`.
    pub response_data: Option<JsonStr<'a>>,
    /// `audit_log.metadata`.
    pub metadata: JsonStr<'a>,
    /// `audit_log.prev_hash`.
    pub prev_hash: Sha256Hash,
}

impl AuditRow<'_> {
    /// Returns the SHA-256 of the entry's encoding.
    #[must_use]
    pub fn hash(&self) -> Sha256Hash {
        // Named one by one: a new column does not compile until it is hashed or left out knowingly.
        let Self {
            seq,
            event_id,
            user_id,
            actor_name,
            session_id,
            event_type,
            event_category,
            resource_type,
            resource_id,
            action,
            description,
            ip_address,
            user_agent,
            timestamp,
            severity,
            success,
            error_message,
            request_data,
            response_data,
            metadata,
            prev_hash,
        } = self;
        let mut encoding = Encoding(Sha256::new_with_prefix("zenith-audit-v1\0"));
        encoding.text(&seq.to_string());
        encoding.text(&event_id.to_string());
        encoding.optional(user_id.map(|id| id.to_string()).as_deref());
        encoding.optional(*actor_name);
        encoding.optional(*session_id);
        encoding.text(event_type);
        encoding.text(event_category);
        encoding.optional(*resource_type);
        encoding.optional(*resource_id);
        encoding.text(action);
        encoding.optional(*description);
        encoding.optional(*ip_address);
        encoding.optional(*user_agent);
        encoding.text(&timestamp.to_string());
        encoding.text(severity.as_str());
        encoding.text(if *success { "1" } else { "0" });
        encoding.optional(*error_message);
        encoding.optional(request_data.map(|json| json.0));
        encoding.optional(response_data.map(|json| json.0));
        encoding.text(metadata.0);
        encoding.text(&prev_hash.to_string());
        <[u8; 32]>::from(encoding.0.finalize()).into()
    }
}

struct Encoding(Sha256);

impl Encoding {
    fn text(&mut self, text: &str) {
        self.0.update([1]);
        self.0.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.0.update(text);
    }

    fn optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.0.update([0]),
        }
    }
}
