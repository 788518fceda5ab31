//! Columns with a fixed set of words: each has an enum here and a `CHECK` constraint in the database.

use std::fmt;
use std::str::FromStr;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};

use super::sql_type::sql_type;

macro_rules! vocabularies {
    ($($(#[$doc:meta])* $name:ident on $column:literal {
        $($(#[$word_doc:meta])* $variant:ident = $word:literal,)+
    })+) => {
        $(
            $(#[$doc])*
            #[derive(
                Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
                AsExpression, FromSqlRow,
            )]
            #[diesel(sql_type = $name)]
            pub enum $name {
                $($(#[$word_doc])* #[serde(rename = $word)] $variant,)+
            }

            sql_type!($name over Text);

            impl $name {
                /// All variants, in the order of the enum.
                pub const ALL: &[Self] = &[$(Self::$variant,)+];

                /// Returns the word as it is stored.
                #[must_use]
                pub const fn as_str(self) -> &'static str {
                    match self { $(Self::$variant => $word,)+ }
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.pad(self.as_str())
                }
            }

            impl FromStr for $name {
                type Err = UnknownWord;

                fn from_str(text: &str) -> Result<Self, UnknownWord> {
                    Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or_else(|| {
                        UnknownWord { found: text.to_owned(), allowed: [$($word),+].join(", ") }
                    })
                }
            }

            impl<DB: Backend> FromSql<$name, DB> for $name
            where
                String: FromSql<Text, DB>,
            {
                fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
                    Ok(String::from_sql(value)?.parse()?)
                }
            }

            impl<DB: Backend> ToSql<$name, DB> for $name
            where
                str: ToSql<Text, DB>,
            {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                    self.as_str().to_sql(out)
                }
            }
        )+

        /// Columns with a fixed set of words, as `table.column`, each with the words that its `CHECK`
        /// constraint allows.
        pub const VOCABULARIES: &[(&str, &[&str])] = &[$(($column, &[$($word),+]),)+];
    };
}

/// Text that is not one of the words of an enum, such as [`UploadStatus`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not one of {allowed}")]
pub struct UnknownWord {
    found: String,
    allowed: String,
}

vocabularies! {
    /// Algorithm of a password hash.
    PasswordAlgorithm on "users.password_algorithm" {
        /// Argon2id (RFC 9106), which this crate uses.
        Argon2id = "argon2id",
        /// bcrypt, which an adopted database may hold.
        Bcrypt = "bcrypt",
    }
    /// Author of a chat message.
    MessageType on "chat_history.message_type" {
        /// The user.
        User = "user",
        /// The language model.
        Assistant = "assistant",
        /// The application, with instructions to the model.
        System = "system",
    }
    /// State of a document's upload.
    UploadStatus on "documents.upload_status" {
        /// The upload is in progress.
        Uploading = "uploading",
        /// The upload is complete.
        Uploaded = "uploaded",
        /// The upload failed.
        Failed = "failed",
    }
    /// State of a document's processing.
    ProcessingStatus on "documents.processing_status" {
        /// Processing has not begun.
        Pending = "pending",
        /// The document is being processed.
        Processing = "processing",
        /// Processing is complete: the document is ready for retrieval.
        Completed = "completed",
        /// Processing failed; `error_message` holds the reason.
        Failed = "failed",
    }
    /// Whether the bytes of a stored file are encrypted.
    EncryptionStatus on "file_storage.encryption_status" {
        /// The bytes are not encrypted.
        None = "none",
        /// The bytes are encrypted.
        Encrypted = "encrypted",
    }
    /// Compression of a stored file's bytes.
    CompressionType on "file_storage.compression_type" {
        /// No compression.
        None = "none",
        /// gzip (RFC 1952).
        Gzip = "gzip",
        /// Zstandard (RFC 8878).
        Zstd = "zstd",
    }
    /// Severity of an event, from lowest to highest.
    Severity on "audit_log.severity" {
        /// Detail for debugging.
        Debug = "debug",
        /// Normal operation.
        Info = "info",
        /// Possible problem.
        Warning = "warning",
        /// Failure of an operation.
        Error = "error",
        /// Immediate action is needed.
        Critical = "critical",
    }
    /// Type of a notification.
    NotificationType on "notifications.type" {
        /// Information.
        Info = "info",
        /// Success of an operation.
        Success = "success",
        /// Possible problem.
        Warning = "warning",
        /// Failure of an operation.
        Error = "error",
        /// Message of the application about itself.
        System = "system",
    }
    /// Health of a component of the system.
    HealthStatus on "system_health.status" {
        /// The component works.
        Healthy = "healthy",
        /// The component works with restrictions.
        Degraded = "degraded",
        /// The component does not work.
        Unhealthy = "unhealthy",
        /// The component has not been checked.
        Unknown = "unknown",
    }
    /// Type of a metric.
    MetricType on "system_metrics.metric_type" {
        /// Total that never decreases.
        Counter = "counter",
        /// Value that can rise and fall.
        Gauge = "gauge",
        /// One observation of a distribution.
        Histogram = "histogram",
        /// Duration.
        Timer = "timer",
    }
    /// Type of a setting's value.
    ValueType on "system_settings.value_type" {
        /// Text.
        String = "string",
        /// Integer within 64 bits.
        Integer = "integer",
        /// Floating-point number.
        Float = "float",
        /// `true` or `false`.
        Boolean = "boolean",
        /// JSON value.
        Json = "json",
    }
    /// Type of a backup.
    BackupType on "backup_jobs.backup_type" {
        /// The whole database.
        Full = "full",
        /// Changes since the previous backup.
        Incremental = "incremental",
    }
    /// State of a backup.
    BackupStatus on "backup_jobs.status" {
        /// The backup has not begun.
        Pending = "pending",
        /// The backup is being written.
        Running = "running",
        /// The backup is complete.
        Completed = "completed",
        /// The backup failed; `error_message` holds the reason.
        Failed = "failed",
    }
    /// Result of the verification of a backup.
    VerificationStatus on "backup_jobs.verification_status" {
        /// The backup is intact.
        Verified = "verified",
        /// The backup is damaged.
        Failed = "failed",
        /// The backup was not verified.
        Skipped = "skipped",
    }
    /// Owner of a migration: whose list has it.
    MigrationOwner on "schema_version.owner" {
        /// This library.
        Library = "zenith-db",
        /// The application that uses the library.
        Application = "application",
    }
}
