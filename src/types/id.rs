//! Primary keys and public ids: a type for each table, so that the key of a document cannot be used as the key of
//! a user.

use std::fmt;
use std::str::FromStr;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::clock::new_uuid;
use super::sql_type::sql_type;
use super::stored_text::to_sql_as_text;

/// Declares types of primary keys, so that the key of one table cannot be used as that of another: for the tables of
/// an application as for those of this crate. Each is a tuple struct with a public `i64`, and a SQL type that is
/// stored as `BIGINT`, which `zenith_db_embed::write_schema` gives to columns. The crate that calls it needs
/// `diesel`.
///
/// ```
/// # use diesel;
/// zenith_db::row_ids! {
///     /// Primary key of the table `notes`.
///     NoteId,
/// }
///
/// let id: NoteId = "7".parse()?;
/// assert_eq!(id, NoteId(7));
/// # Ok::<(), std::num::ParseIntError>(())
/// ```
#[macro_export]
macro_rules! row_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord,
            $crate::diesel::expression::AsExpression, $crate::diesel::deserialize::FromSqlRow,
        )]
        #[diesel(sql_type = $name)]
        pub struct $name(pub i64);

        $crate::__sql_type!($name over BigInt, ordered);

        impl<DB: $crate::diesel::backend::Backend> $crate::diesel::deserialize::FromSql<$name, DB> for $name
        where
            i64: $crate::diesel::deserialize::FromSql<$crate::diesel::sql_types::BigInt, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> $crate::diesel::deserialize::Result<Self> {
                <i64 as $crate::diesel::deserialize::FromSql<$crate::diesel::sql_types::BigInt, DB>>::from_sql(
                    value,
                )
                .map(Self)
            }
        }

        impl<DB: $crate::diesel::backend::Backend> $crate::diesel::serialize::ToSql<$name, DB> for $name
        where
            i64: $crate::diesel::serialize::ToSql<$crate::diesel::sql_types::BigInt, DB>,
        {
            fn to_sql<'b>(
                &'b self,
                out: &mut $crate::diesel::serialize::Output<'b, '_, DB>,
            ) -> $crate::diesel::serialize::Result {
                $crate::diesel::serialize::ToSql::<$crate::diesel::sql_types::BigInt, DB>::to_sql(&self.0, out)
            }
        }

        impl $crate::serde::Serialize for $name {
            fn serialize<S: $crate::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::std::result::Result<S::Ok, S::Error> {
                $crate::serde::Serialize::serialize(&self.0, serializer)
            }
        }

        impl<'de> $crate::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::std::result::Result<Self, D::Error> {
                $crate::serde::Deserialize::deserialize(deserializer).map(Self)
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.0, f)
            }
        }

        /// Parses the number, as in the path of a request.
        impl ::std::str::FromStr for $name {
            type Err = ::std::num::ParseIntError;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

row_ids! {
    /// Primary key of the table `roles`.
    RoleId,
    /// Primary key of the table `permissions`.
    PermissionId,
    /// Primary key of the table `role_permissions`.
    RolePermissionId,
    /// Primary key of the table `users`.
    UserId,
    /// Primary key of the table `user_sessions`.
    UserSessionId,
    /// Primary key of the table `password_history`.
    PasswordRecordId,
    /// Primary key of the table `api_keys`.
    ApiKeyId,
    /// Primary key of the table `chat_sessions`.
    ChatSessionId,
    /// Primary key of the table `chat_history`.
    ChatMessageId,
    /// Primary key of the table `documents`.
    DocumentId,
    /// Primary key of the table `document_chunks`.
    DocumentChunkId,
    /// Primary key of the table `file_storage`.
    StoredFileId,
    /// Primary key of the table `system_settings`.
    SystemSettingId,
    /// Primary key of the table `user_preferences`.
    UserPreferenceId,
    /// Primary key of the table `audit_log`.
    AuditEntryId,
    /// Primary key of the table `security_events`.
    SecurityEventId,
    /// Primary key of the table `notifications`.
    NotificationId,
    /// Primary key of the table `system_health`.
    SystemHealthId,
    /// Primary key of the table `system_metrics`.
    SystemMetricId,
    /// Primary key of the table `backup_jobs`.
    BackupJobId,
    /// Primary key of the table `schema_version`.
    SchemaVersionId,
}

macro_rules! public_ids {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        /// It identifies the row outside the application: a UUID, stored as 36 characters in lower case.
        ///
        /// New UUIDs are of version 7, which begins with the time, so that rows that are inserted together are
        /// near each other in the index. UUIDs of any version can be read.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
            AsExpression, FromSqlRow,
        )]
        #[diesel(sql_type = $name)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        sql_type!($name over Text, ordered);

        impl $name {
            /// Returns a new UUID of version 7.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "two calls differ; a default should not")]
            pub fn new() -> Self {
                Self(new_uuid())
            }

            /// Returns the UUID.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl<DB: Backend> FromSql<$name, DB> for $name
        where
            String: FromSql<Text, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
                let text = String::from_sql(value)?;
                text.parse().map_err(|cause| format!("{text:?} is not a UUID: {cause}").into())
            }
        }

        to_sql_as_text!($name, Text, |id| id.to_string());
    )+};
}

public_ids! {
    /// Public id of an API key.
    ApiKeyPublicId,
    /// Public id of an entry of the audit log.
    AuditEntryPublicId,
    /// Public id of a backup.
    BackupJobPublicId,
    /// Public id of a chat message.
    ChatMessagePublicId,
    /// Public id of a conversation.
    ChatSessionPublicId,
    /// Public id of a chunk of a document.
    DocumentChunkPublicId,
    /// Public id of a document.
    DocumentPublicId,
    /// Public id of a notification.
    NotificationPublicId,
    /// Public id of a security event.
    SecurityEventPublicId,
    /// Public id of a stored file.
    StoredFilePublicId,
    /// Public id of a user.
    UserPublicId,
}

/// Public id of a session, which is not a secret: a UUID, except in an adopted database, which may hold other forms.
#[derive(
    Clone,
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
#[diesel(sql_type = UserSessionPublicId)]
#[serde(transparent)]
pub struct UserSessionPublicId(String);

sql_type!(UserSessionPublicId over Text, ordered);

impl UserSessionPublicId {
    /// Returns a new UUID of version 7.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "two calls differ; a default should not")]
    pub fn new() -> Self {
        Self(new_uuid().to_string())
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for UserSessionPublicId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl fmt::Display for UserSessionPublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<DB: Backend> FromSql<UserSessionPublicId, DB> for UserSessionPublicId
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        String::from_sql(value).map(Self)
    }
}

impl<DB: Backend> ToSql<UserSessionPublicId, DB> for UserSessionPublicId
where
    str: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.as_str().to_sql(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_parsed_from_what_it_is_shown_as() {
        let id = UserId(i64::MIN);
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "1 ", "1.0", "9223372036854775808"] {
            assert!(text.parse::<UserId>().is_err(), "{text:?}");
        }
        let id = DocumentPublicId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}
