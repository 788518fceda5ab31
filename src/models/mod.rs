#![doc = include_str!("../../docs/models.md")]
// A directory per domain, a file per entity, and in each file the row, its forms, the queries. Models
// take a connection; they know `schema` and `types`, and never config, pool or manager.

mod access;
mod audit;
mod chat;
mod documents;
mod identity;
mod operations;
mod query;
mod settings;

pub use access::*;
pub use audit::*;
pub use chat::*;
pub use documents::*;
pub use identity::*;
pub use operations::*;
pub(crate) use query::Retained;
pub use query::{Cursor, NotCursor, Page, PageSize, Paged};
pub use settings::*;

/// For the crates of this workspace. Not part of the public API: anything here may change in any
/// release.
#[doc(hidden)]
pub mod internal {
    pub use super::audit::internal::{AuditRow, JsonStr};
    pub use super::settings::internal::{SeededSetting, seeded_settings};
    pub use crate::types::account_name::{canonical, invisible_in};
}
