//! Connections to either backend: opening them safely, and transactions.

mod access;
mod by_backend;
mod child;
mod file;
mod group;
mod left;
mod lock_owner;
mod log;
mod new_file;
mod open;
mod pause;
#[cfg(feature = "postgres")]
mod postgres;
mod pragma;
mod savepoint;
mod sqlite;
mod staging_dir;
mod transaction;
mod transaction_settings;
mod writer;

pub(crate) use access::Access;
pub(crate) use file::{Owner, create_private_dir, rename_new, sync_dir};
pub(crate) use group::DeferredKeys;
pub(crate) use lock_owner::{lock_owner, user_of};
pub(crate) use log::{MANY_PAGES, MOST_PAGES};
pub(crate) use new_file::NewFile;
#[cfg(feature = "postgres")]
pub(crate) use open::open_replica;
pub(crate) use open::{at_one_host, create, exists, inspect, open, recover, reopen};
pub(crate) use pause::pause_up_to;
#[cfg(all(feature = "postgres", feature = "testing"))]
pub(crate) use postgres::ScratchLock;
#[cfg(feature = "postgres")]
pub(crate) use postgres::{
    Identity, RestoreLock, ScratchDatabase, Server, acting_role, acting_role_of, check_lag,
    contents_beyond, default_to_read_only, drop_if_bare, is_trusted, lag, limit_transaction,
    name_of, others_in, present_objects, right_missing, schema_of, with_one_host,
};
pub(crate) use pragma::{MOST_BYTES, is_busy, read as read_pragma, set_query_only};
pub(crate) use sqlite::{
    LockedDatabase, MAGIC as SQLITE_MAGIC, OpenFile, check_file, copy as copy_pages, inspect_copy,
    is_single_file, remove_if_exists, with_free_pages, with_second_connection,
};
pub(crate) use staging_dir::StagingDir;
#[cfg(feature = "testing")]
pub(crate) use staging_dir::private_directory;
pub(crate) use transaction::TransactionLock;
#[cfg(feature = "postgres")]
pub(crate) use transaction::TransactionOutcome;
pub(crate) use transaction_settings::TransactionSettings;
pub use writer::Writer;

/// For the crates of this workspace. Not part of the public API: anything here may change in any
/// release.
#[doc(hidden)]
pub mod internal {
    pub use super::access::Access;
    pub use super::child::{ChildProcess, end_child_processes};
    pub use super::file::{Owner, create_private_dir, rename_new, sync_dir};
    pub use super::new_file::{NewFile, Temporary, remove_temporary_files};
    pub use super::open::{create, inspect, open, remove_created};
    /// Catalogs of what somebody can make in a database on a server.
    #[cfg(feature = "postgres")]
    pub const CATALOGS: [(&str, &str); super::postgres::CATALOGS.len()] = super::postgres::CATALOGS;
    pub use super::pragma::{is_busy, read as read_pragma, set_query_only};
    pub use super::sqlite::{LockedDatabase, inspect_copy, literal_uri};
    pub use super::staging_dir::{StagingDir, private_directory};
    pub use super::transaction::write;
    pub use super::transaction_settings::TransactionSettings;

    /// Opening SQLite files other than the configured one.
    pub mod sqlite {
        pub use super::super::sqlite::{
            check_file, copy, create_file, free_pages, inspect, open, open_to_read, size_by_header,
        };
    }
}
