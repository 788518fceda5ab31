//! Closed vocabularies: an enum here, a CHECK in the database, the same words in both.

use std::fmt;
use std::str::FromStr;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};

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
            #[diesel(sql_type = Text)]
            pub enum $name {
                $($(#[$word_doc])* #[serde(rename = $word)] $variant,)+
            }

            impl $name {
                /// Every word, in order.
                pub const ALL: &[Self] = &[$(Self::$variant,)+];

                /// The word as it is stored.
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

            impl<DB: Backend> FromSql<Text, DB> for $name
            where
                String: FromSql<Text, DB>,
            {
                fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
                    Ok(String::from_sql(value)?.parse()?)
                }
            }

            impl<DB: Backend> ToSql<Text, DB> for $name
            where
                str: ToSql<Text, DB>,
            {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                    self.as_str().to_sql(out)
                }
            }
        )+

        /// Each vocabulary's column, as `table.column`, with its words: what the CHECKs must say.
        pub const VOCABULARIES: &[(&str, &[&str])] = &[$(($column, &[$($word),+]),)+];
    };
}

/// A word that is not in the vocabulary it was read as.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not one of {allowed}")]
pub struct UnknownWord {
    found: String,
    allowed: String,
}

vocabularies! {
    /// How a password was hashed.
    PasswordAlgorithm on "users.password_algorithm" {
        /// Argon2id (RFC 9106): what this crate writes.
        Argon2id = "argon2id",
        /// bcrypt: what an adopted database may still hold.
        Bcrypt = "bcrypt",
    }
    /// Who speaks in a chat message.
    MessageType on "chat_history.message_type" {
        /// The person.
        User = "user",
        /// The model.
        Assistant = "assistant",
        /// The application's own instructions.
        System = "system",
    }
    /// How far a document's upload has come.
    UploadStatus on "documents.upload_status" {
        /// Bytes are still arriving.
        Uploading = "uploading",
        /// All bytes have arrived.
        Uploaded = "uploaded",
        /// The upload broke off.
        Failed = "failed",
    }
    /// How far a document's processing has come.
    ProcessingStatus on "documents.processing_status" {
        /// Waiting its turn.
        Pending = "pending",
        /// Being cut into chunks.
        Processing = "processing",
        /// Ready for retrieval.
        Completed = "completed",
        /// Gave up; `error_message` says why.
        Failed = "failed",
    }
    /// Whether the bytes of a stored file are encrypted.
    EncryptionStatus on "file_storage.encryption_status" {
        /// They are as they came.
        None = "none",
        /// They are encrypted.
        Encrypted = "encrypted",
    }
    /// How the bytes of a stored file are compressed.
    CompressionType on "file_storage.compression_type" {
        /// Not at all.
        None = "none",
        /// gzip (RFC 1952).
        Gzip = "gzip",
        /// Zstandard (RFC 8878).
        Zstd = "zstd",
    }
    /// How grave an event is, from the least to the most.
    Severity on "audit_log.severity" {
        /// Of interest while looking for a fault.
        Debug = "debug",
        /// In the normal course of things.
        Info = "info",
        /// May become a problem.
        Warning = "warning",
        /// Something failed.
        Error = "error",
        /// Somebody must act now.
        Critical = "critical",
    }
    /// What a notification is about.
    NotificationType on "notifications.type" {
        /// For information.
        Info = "info",
        /// Something succeeded.
        Success = "success",
        /// Something may become a problem.
        Warning = "warning",
        /// Something failed.
        Error = "error",
        /// From the system itself.
        System = "system",
    }
    /// How a component of the system is.
    HealthStatus on "system_health.status" {
        /// It works.
        Healthy = "healthy",
        /// It works, but not as it should.
        Degraded = "degraded",
        /// It does not work.
        Unhealthy = "unhealthy",
        /// It has not been checked.
        Unknown = "unknown",
    }
    /// What a metric's value is.
    MetricType on "system_metrics.metric_type" {
        /// A sum that only grows.
        Counter = "counter",
        /// A level that goes up and down.
        Gauge = "gauge",
        /// One observation of a distribution.
        Histogram = "histogram",
        /// A duration.
        Timer = "timer",
    }
    /// The type that a setting's text stands for.
    ValueType on "system_settings.value_type" {
        /// Any text.
        String = "string",
        /// A whole number within 64 bits.
        Integer = "integer",
        /// A decimal number.
        Float = "float",
        /// `true` or `false`.
        Boolean = "boolean",
        /// Any JSON.
        Json = "json",
    }
    /// How a backup was taken.
    BackupType on "backup_jobs.backup_type" {
        /// The whole database.
        Full = "full",
        /// What changed since the last one.
        Incremental = "incremental",
    }
    /// How far a backup has come.
    BackupStatus on "backup_jobs.status" {
        /// Planned.
        Pending = "pending",
        /// Being written.
        Running = "running",
        /// Written.
        Completed = "completed",
        /// Not written; `error_message` says why.
        Failed = "failed",
    }
    /// What checking a backup found.
    VerificationStatus on "backup_jobs.verification_status" {
        /// It is whole.
        Verified = "verified",
        /// It is damaged.
        Failed = "failed",
        /// It was not checked.
        Skipped = "skipped",
    }
}
