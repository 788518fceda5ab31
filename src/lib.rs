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
pub mod types;

pub use backend::{Backend, DbConnection, MultiBackend};
pub use config::Config;
pub use connection::Writer;
pub use error::{
    BackupFault, ConnectFault, CopyError, Error, MigrationFault, NestedCall, NoRoom, ProgramFault,
    Result, RowChange, Rule, SettingFault, SideFileFault, Violation,
};
pub use pool::Database;
pub use tables::schema;

/// Crates whose types are in this crate's own, in the versions that fit.
#[doc(no_inline)]
pub use {chrono, diesel, secrecy, serde_json, uuid};

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
}

/// Items that most applications need: `use zenith_db::prelude::*;`.
pub mod prelude {
    pub use crate::manager::DatabaseManager;
    pub use crate::models::*;
    pub use crate::schema;
    pub use crate::types::*;
    pub use crate::{
        Config, ConnectFault, Database, DbConnection, Error, Result, Rule, SettingFault, Violation,
        Writer,
    };
}
