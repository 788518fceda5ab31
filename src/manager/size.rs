//! Size of the database.

use std::fs;
use std::path::PathBuf;

use super::DatabaseManager;
use crate::backend::DbConnection;
use crate::config::Location;
use crate::error::Result;

impl DatabaseManager {
    /// Returns the size of the SQLite file and its WAL, or of the server's database, in bytes.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(unused_variables, clippy::unnecessary_wraps, reason = "a server is asked")
    )]
    pub(super) fn size_in_bytes(&self, connection: &mut DbConnection) -> Result<u64> {
        match self.config.location() {
            Location::Sqlite(path) => {
                let size = |path: PathBuf| fs::metadata(path).map_or(0, |file| file.len());
                Ok(size(path.as_path().to_owned()) + size(path.with_suffix("-wal")))
            }
            #[cfg(feature = "postgres")]
            Location::Postgres(_) => {
                use diesel::prelude::*;
                use diesel::{dsl::sql, sql_types::BigInt};
                let size = sql::<BigInt>("pg_database_size(current_database())");
                let bytes: i64 =
                    crate::dispatch!(connection, |c| diesel::select(size).get_result(c))?;
                Ok(u64::try_from(bytes).unwrap_or(0))
            }
        }
    }
}
