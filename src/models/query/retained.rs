//! Models whose rows retention deletes by a time, for the rows that it cannot delete.

use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::error::Result;
use crate::models::query::PageSize;
use crate::types::UtcTime;

/// Model whose rows retention deletes, oldest first. The calls of the model that delete the oldest rows would meet one that
/// cannot be deleted again each time: these go on after it.
pub(crate) trait Retained {
    /// Table of the rows.
    const TABLE: &'static str;

    /// Returns the time and the key of the oldest rows before a time and after a place, at most `batch` of them.
    fn list_old(
        connection: &mut DbConnection,
        before: UtcTime,
        after: (UtcTime, i64),
        batch: PageSize,
    ) -> Result<Vec<(UtcTime, i64)>>;

    /// Deletes those of the rows with these keys that are still before a time, and returns how many.
    fn delete_old(connection: &mut Writer<'_>, before: UtcTime, keys: &[i64]) -> Result<usize>;
}

/// Says by which column retention deletes the rows of a model, and how that is selected.
macro_rules! retained {
    ($row:ty, $table:ident, $key:ident, $time:ident, $selected:expr) => {
        impl $crate::models::query::Retained for $row {
            const TABLE: &'static str = stringify!($table);

            fn list_old(
                connection: &mut $crate::backend::DbConnection,
                before: $crate::types::UtcTime,
                (time, key): ($crate::types::UtcTime, i64),
                batch: $crate::models::query::PageSize,
            ) -> $crate::error::Result<Vec<($crate::types::UtcTime, i64)>> {
                let rows: Vec<($crate::types::UtcTime, $key)> =
                    $crate::dispatch!(connection, |connection| $table::table
                        .select(($selected, $table::id))
                        .filter($table::$time.lt(before))
                        .filter($table::$time.ge(time))
                        .filter($table::$time.gt(time).or($table::id.gt($key(key))))
                        .order(($table::$time, $table::id))
                        .limit(batch.rows().into())
                        .load(connection))?;
                Ok(rows.into_iter().map(|(time, key)| (time, key.0)).collect())
            }

            fn delete_old(
                connection: &mut $crate::connection::Writer<'_>,
                before: $crate::types::UtcTime,
                keys: &[i64],
            ) -> $crate::error::Result<usize> {
                let keys = || keys.iter().map(|key| $key(*key));
                Ok($crate::dispatch!(connection, |connection| diesel::delete($table::table)
                    .filter($table::id.eq_any(keys()))
                    // Again, for one that was used while this waited for it.
                    .filter($table::$time.lt(before))
                    .execute(connection))?)
            }
        }
    };
}

pub(in crate::models) use retained;
