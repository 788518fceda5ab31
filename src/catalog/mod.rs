//! Queries on the database catalog: tables, columns, row counts, foreign keys, integrity.
//!
//! Each query has a text for SQLite and one for PostgreSQL, side by side. On PostgreSQL, the queries read
//! `current_schema()`: the schema of the tables, to which the `search_path` was pinned when the connection was opened.

mod differences;
#[cfg(feature = "postgres")]
mod dumped;
#[cfg(feature = "postgres")]
mod dumped_objects;
mod identifier;
mod integrity;
#[cfg(feature = "postgres")]
mod large_objects;
mod names;
mod objects;
#[cfg(feature = "postgres")]
mod owner;
#[cfg(feature = "postgres")]
mod readable;
mod references;
mod referring_table;
mod rows;
mod table_path;
mod transfer_table;
mod unreadable;

pub(crate) use differences::row_differences;
#[cfg(feature = "postgres")]
pub(crate) use dumped_objects::{
    dumped_extension_schemas, dumped_extensions, heirs_elsewhere, needed_from_outside,
};
pub(crate) use identifier::{is_one_of, literal, quoted};
pub(crate) use integrity::{Integrity, IntegrityCheck, ensure_intact, integrity, table_integrity};
#[cfg(feature = "postgres")]
pub(crate) use large_objects::large_objects;
pub(crate) use names::names;
#[cfg(feature = "postgres")]
pub(crate) use names::names_of;
pub(crate) use objects::{
    columns, is_empty, schema_objects, storing_tables, table_exists, table_names,
};
#[cfg(feature = "postgres")]
pub(crate) use owner::is_ours;
#[cfg(feature = "postgres")]
pub(crate) use readable::may_read;
#[cfg(feature = "postgres")]
pub(crate) use references::orphans;
pub(crate) use references::{broken_references, references_checked};
pub(crate) use referring_table::referring_table;
pub(crate) use rows::{RowCounts, row_count, row_counts, try_row_count};
pub(crate) use table_path::table_path;
#[cfg(feature = "postgres")]
pub(crate) use table_path::table_paths;
pub(crate) use transfer_table::{TRANSFER_TABLE, has_transfer_table};
pub use unreadable::UnreadableTable;
pub(crate) use unreadable::not_checked;

/// Items for the other crates of this workspace. Not part of the public API: they may change in any
/// release.
#[doc(hidden)]
pub mod internal {
    pub use super::identifier::{column_list, is_one_of, literal, quoted};
    pub use super::integrity::{
        IntegrityCheck, PAGES, ROOTLESS, ensure_intact, is_of_value, lines_in, pages_as_json,
    };
    pub use super::names::names;
    pub use super::objects::{
        SchemaObject, columns, is_empty, schema_objects, sqlite_tables, table_exists, table_names,
    };
    pub use super::references::broken_references;
    pub use super::rows::{RowCounts, row_counts};
    pub use super::table_path::{table_path, table_paths};
    pub use super::transfer_table::{TRANSFER_TABLE, has_transfer_table};
}
