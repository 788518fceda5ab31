//! Tables that are not in the schema. They are created in the new database as they were, with their rows
//! and indexes.

mod copy;
mod create;
mod orphans;
mod preserved;
mod references;
mod row_key;

pub(super) use self::copy::copy_rows;
pub(super) use self::create::{create, explain};
pub(super) use self::preserved::{PreservedTable, UnknownTables};
pub(super) use self::row_key::RowKey;
