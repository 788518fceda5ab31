//! Deleting the rows of one model.

use std::time::{Duration, Instant};

use super::report::{KeptRows, PurgeReport};
use crate::backend::DbConnection;
use crate::catalog;
use crate::connection::Writer;
use crate::error::{Error, Result, Rule, Violation};
use crate::models::{PageSize, Retained};
use crate::pool::Database;
use crate::types::UtcTime;

/// Longest pause between two transactions.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Deletes at most so many rows that are older than a time, oldest first, and returns how many.
pub(super) type Delete = fn(&mut Writer<'_>, UtcTime, PageSize) -> Result<usize>;

/// Returns the number of the report that deleted rows of one model are added to.
pub(super) type NumberIn = fn(&mut PurgeReport) -> &mut usize;

/// A purge that has begun.
pub(super) struct Purge<'a> {
    pub(super) database: &'a Database,
    pub(super) report: PurgeReport,
    pub(super) progress: &'a mut dyn FnMut(PurgeReport),
}

/// Rows of one model that are to be deleted.
#[derive(Clone, Copy)]
pub(super) struct OldRows {
    /// Name of their number in the report.
    pub(super) name: &'static str,
    /// Time before which they are old.
    pub(super) before: UtcTime,
    /// Largest number of rows that one transaction deletes.
    pub(super) batch: PageSize,
    pub(super) number: NumberIn,
}

impl Purge<'_> {
    /// Deletes the rows. Those to which others refer are kept, and counted.
    pub(super) fn delete<M: Retained>(&mut self, old: OldRows, delete: Delete) -> Result<()> {
        loop {
            match self
                .delete_in_transaction(old, |connection| delete(connection, old.before, old.batch))
            {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if is_reference(&error) => return self.delete_around::<M>(old),
                Err(error) => return Err(error),
            }
        }
    }

    /// Deletes the rows, from one place to the next: each is met once, whether or not it can be deleted.
    fn delete_around<M: Retained>(&mut self, old: OldRows) -> Result<()> {
        let mut after = (UtcTime::MIN, i64::MIN);
        loop {
            let rows = self
                .database
                .read_primary(|connection| M::list_old(connection, old.before, after, old.batch))?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = *last;
            let keys: Vec<i64> = rows.into_iter().map(|(_, key)| key).collect();
            self.delete_possible::<M>(old, &keys)?;
        }
    }

    /// Deletes those of the rows that can be deleted, each part of them in a transaction of its own: a foreign key may be
    /// checked at its end.
    fn delete_possible<M: Retained>(&mut self, old: OldRows, keys: &[i64]) -> Result<()> {
        let deleted = self
            .delete_in_transaction(old, |connection| M::delete_old(connection, old.before, keys));
        let Err(error) = deleted else { return Ok(()) };
        if !is_reference(&error) {
            return Err(error);
        }
        match keys {
            [] => Ok(()),
            [key] => self.keep::<M>(old, *key, &error),
            _ => {
                let (first, rest) = keys.split_at(keys.len() / 2);
                self.delete_possible::<M>(old, first)?;
                self.delete_possible::<M>(old, rest)
            }
        }
    }

    /// Deletes rows in a transaction of their own, reports how many, and pauses. Returns the number.
    fn delete_in_transaction(
        &mut self,
        old: OldRows,
        delete: impl FnOnce(&mut Writer<'_>) -> Result<usize>,
    ) -> Result<usize> {
        let begun = Instant::now();
        let deleted = self.database.write_alone(delete)?;
        *(old.number)(&mut self.report) += deleted;
        (self.progress)(self.report.clone());
        if deleted > 0 {
            std::thread::sleep(begun.elapsed().min(LONGEST_PAUSE));
        }
        Ok(deleted)
    }

    /// Counts a row that is kept. A server's error names the table that refers to it.
    fn keep<M: Retained>(&mut self, old: OldRows, key: i64, error: &Error) -> Result<()> {
        let named = error.violation().and_then(Violation::table).map(str::to_owned);
        let table = match named {
            Some(table) => Some(table),
            None => self.database.read_primary(|connection| match connection {
                DbConnection::Sqlite(connection) => {
                    catalog::referring_table(connection, M::TABLE, key)
                }
                #[cfg(feature = "postgres")]
                DbConnection::Postgres(_) => Ok(None),
            })?,
        };
        let kept = &mut self.report.kept;
        match kept.iter_mut().find(|kept| kept.of == old.name && kept.referred_to_by == table) {
            Some(kept) => kept.rows += 1,
            None => kept.push(KeptRows { rows: 1, of: old.name, referred_to_by: table }),
        }
        Ok(())
    }
}

/// Whether rows of another table keep one from being deleted. SQLite does not say which of both a broken reference is.
fn is_reference(error: &Error) -> bool {
    let rule = error.violation().map(Violation::rule);
    matches!(rule, Some(Rule::StillReferenced | Rule::UnknownReference))
}
