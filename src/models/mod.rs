//! Rows, their `New…` forms and their queries: one file per entity or close family.
//!
//! Models take a connection. They know `schema` and `types`, and never config, pool or manager.

mod access;
mod backup_job;
mod chat;
mod document;
mod schema_version;
mod setting;
mod user;

pub use access::{NewPermission, NewRole, NewRolePermission, Permission, Role};
pub use backup_job::{BackupJob, NewBackupJob};
pub use chat::{ChatMessage, ChatSession, NewChatMessage, NewChatSession};
pub use document::{Document, DocumentChunk, NewDocument, NewDocumentChunk};
pub use schema_version::{NewSchemaVersion, SchemaVersion};
pub use setting::{NewSystemSetting, SystemSetting};
pub use user::{NewUser, User, UserCredentials};
