#![doc = include_str!("../README.md")]

mod backend;
mod catalog;
pub mod config;
mod connection;
mod error;
mod locks;
pub mod manager;
pub mod migrations;
pub mod models;
pub mod pool;
mod tables;
#[cfg(feature = "testing")]
pub mod testing;
pub mod types;

pub use backend::{Backend, DbConnection, MultiBackend};
pub use config::Config;
pub use connection::Writer;
pub use error::{
    BackupFault, CallRefused, ConnectFault, CopyError, Error, MigrationFault, NestedCall, NoRoom,
    PoolTimeout, PragmaFault, ProgramFault, Result, RowChange, Rule, SettingFault, SharedCommit,
    SideFileFault, StillRunning, Violation,
};
#[cfg(feature = "tokio")]
pub use pool::AsyncDatabase;
pub use pool::Database;
pub use tables::schema;

/// Crates whose types are in this crate's own, in the versions that fit.
#[doc(no_inline)]
pub use {chrono, diesel, secrecy, serde, serde_json, uuid};

/// Items for the other crates of this workspace. Not part of the public API: they may change in any
/// release.
#[doc(hidden)]
pub mod internal {
    pub use crate::catalog::internal as catalog;
    pub use crate::config::internal as config;
    pub use crate::connection::internal as connection;
    pub use crate::error::internal as error;
    pub use crate::manager::internal as manager;
    pub use crate::migrations::internal as migrations;
    pub use crate::models::internal as models;
    #[cfg(feature = "testing")]
    pub use crate::pool::internal as pool;
}

/// Items that most applications need: `use zenith_db::prelude::*;`.
///
/// It takes no name of the prelude of Rust, and none that web frameworks are used with: [`Result`] and
/// [`Error`] are imported from the crate itself, and errors of one parser from [`types`].
pub mod prelude {
    pub use crate::manager::DatabaseManager;
    pub use crate::models::{
        ApiKey, AuditEntry, AuditFilter, BackupJob, BackupResult, ChatMessage, ChatSession,
        ChatSessionChanges, Cursor, Document, DocumentChanges, DocumentChunk, DocumentFilter,
        HealthObservation, MessageOrder, MetricBucket, NewApiKey, NewAuditEvent, NewBackupJob,
        NewChatMessage, NewChatSession, NewDocument, NewDocumentChunk, NewNotification,
        NewPasswordRecord, NewPermission, NewRole, NewRolePermission, NewSchemaVersion,
        NewSecurityEvent, NewStoredFile, NewSystemMetric, NewSystemSetting, NewUser,
        NewUserSession, Notification, Page, PageSize, Paged, PasswordRecord, Permission,
        Preference, PublicChatMessage, PublicChatSession, PublicDocument, PublicUser,
        RecordedHealth, Registered, Right, Role, RoleChanges, RolePermission, RoleWithPermissions,
        SchemaVersion, SecretSetting, SecurityEvent, Setting, SettingValue, StoredFile,
        SystemHealth, SystemMetric, SystemRole, SystemSetting, User, UserChanges, UserCredentials,
        UserFilter, UserPreference, UserSession, is_allowed,
    };
    pub use crate::schema;
    pub use crate::types::{
        ApiKeyId, ApiKeyPublicId, ApiKeySecret, AuditEntryId, AuditEntryPublicId, BackupCodes,
        BackupJobId, BackupJobPublicId, BackupStatus, BackupType, ChatMessageId,
        ChatMessagePublicId, ChatSessionId, ChatSessionPublicId, ChunkType, Ciphertext, Component,
        CompressionType, DocumentChunkId, DocumentChunkPublicId, DocumentId, DocumentPublicId,
        EmailAddress, EncryptionStatus, EventCategory, EventType, HealthStatus, JsonText,
        MessageType, MetricName, MetricType, MigrationOwner, NotificationId, NotificationPublicId,
        NotificationType, PasswordAlgorithm, PasswordHash, PasswordRecordId, PermissionId,
        ProcessingStatus, RoleId, RolePermissionId, SchemaVersionId, SecurityEventId,
        SecurityEventPublicId, SessionToken, Severity, Sha256Hash, ShareToken, StoredFileId,
        StoredFilePublicId, SystemHealthId, SystemMetricId, SystemSettingId, TokenHash,
        TwoFactorSecret, UploadStatus, UserId, UserPreferenceId, UserPublicId, UserSessionId,
        UserSessionPublicId, Username, UtcTime, ValueType, VerificationStatus,
    };
    pub use crate::{Config, Database, DbConnection, Rule, Violation, Writer};
}
