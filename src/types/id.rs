//! Ids: one type per table, so that a document's id cannot be bound where a user's belongs.

use std::fmt;
use std::str::FromStr;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{BigInt, Text};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::stored_text::to_sql_as_text;

macro_rules! row_ids {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
            AsExpression, FromSqlRow,
        )]
        #[diesel(sql_type = BigInt)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl<DB: Backend> FromSql<BigInt, DB> for $name
        where
            i64: FromSql<BigInt, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
                i64::from_sql(value).map(Self)
            }
        }

        impl<DB: Backend> ToSql<BigInt, DB> for $name
        where
            i64: ToSql<BigInt, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                self.0.to_sql(out)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

row_ids! {
    /// The key of a row in `roles`.
    RoleId,
    /// The key of a row in `permissions`.
    PermissionId,
    /// The key of a row in `role_permissions`.
    RolePermissionId,
    /// The key of a row in `users`.
    UserId,
    /// The key of a row in `user_sessions`.
    UserSessionId,
    /// The key of a row in `password_history`.
    PasswordRecordId,
    /// The key of a row in `api_keys`.
    ApiKeyId,
    /// The key of a row in `chat_sessions`.
    ChatSessionId,
    /// The key of a row in `chat_history`.
    ChatMessageId,
    /// The key of a row in `documents`.
    DocumentId,
    /// The key of a row in `document_chunks`.
    DocumentChunkId,
    /// The key of a row in `file_storage`.
    StoredFileId,
    /// The key of a row in `system_settings`.
    SystemSettingId,
    /// The key of a row in `user_preferences`.
    UserPreferenceId,
    /// The key of a row in `audit_log`.
    AuditEntryId,
    /// The key of a row in `security_events`.
    SecurityEventId,
    /// The key of a row in `notifications`.
    NotificationId,
    /// The key of a row in `system_health`.
    SystemHealthId,
    /// The key of a row in `system_metrics`.
    SystemMetricId,
    /// The key of a row in `backup_jobs`.
    BackupJobId,
    /// The key of a row in `schema_version`.
    SchemaVersionId,
}

/// An id that may leave the process: a UUID, stored as its 36 lower-case characters.
///
/// New ones are version 7, which begin with the time: rows that are made together lie together in
/// the index. Any UUID version is read.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
)]
#[diesel(sql_type = Text)]
#[serde(transparent)]
pub struct PublicId(Uuid);

impl PublicId {
    /// A new version-7 UUID.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "two calls differ; a default should not")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// The UUID.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for PublicId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl FromStr for PublicId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl<DB: Backend> FromSql<Text, DB> for PublicId
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let text = String::from_sql(value)?;
        text.parse().map_err(|cause| format!("{text:?} is not a UUID: {cause}").into())
    }
}

to_sql_as_text!(PublicId, Text, |id| id.to_string());
