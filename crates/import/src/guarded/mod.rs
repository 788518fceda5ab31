//! Reading of the former database, and filling of the tables that come from it, under limits.
//!
//! A former database may be anybody's file. Nothing in it is evaluated while rows are read: tables are
//! listed from `sqlite_schema`, views are never prepared, and computed columns never read. Two steps have
//! to evaluate its expressions: `integrity_check`, and the copy of the unknown tables. Both have a time
//! limit ([`Budget`]), and every value has a size limit (`connection`).

mod bounds;
mod budget;
mod connection;
mod fault;
mod integrity;
mod schema;

pub(crate) use self::bounds::ensure_bounded;
pub(crate) use self::budget::Budget;
pub(crate) use self::connection::{Rows, open_to_fill, open_to_read};
pub(crate) use self::fault::{fault, message};
pub(crate) use self::integrity::ensure_intact;
pub(crate) use self::schema::{Column, Object, columns, names};
