//! Hash chain of the audit log. The former entries are chained in the order of their keys.

use std::collections::HashMap;

use diesel::prelude::*;
use zenith_db::Error;
use zenith_db::internal::models::{AuditRow, JsonStr};
use zenith_db::schema::{audit_log, users};
use zenith_db::types::{AuditEntryId, Sha256Hash, UserId};

use super::cell::Cell;
use super::error::Result;

/// Hash chain of the audit log, with the last entry so far.
pub(super) struct Chain {
    names: HashMap<i64, String>,
    seq: i64,
    last: Sha256Hash,
}

impl Chain {
    /// Returns the chain of an empty log. The actors are the users that were copied.
    pub(super) fn new(connection: &mut SqliteConnection) -> Result<Self> {
        let names: Vec<(UserId, String)> =
            users::table.select((users::id, users::username)).load(connection)?;
        let names = names.into_iter().map(|(id, name)| (id.0, name)).collect();
        Ok(Self { names, seq: 0, last: Sha256Hash::ZERO })
    }

    /// Inserts an entry, given as the cells of its columns, after the last one. The inner result is that
    /// of the statement.
    pub(super) fn append(
        &mut self,
        connection: &mut SqliteConnection,
        cells: &[Cell],
    ) -> Result<QueryResult<()>> {
        let id = cells.first().and_then(Cell::as_integer).unwrap_or_default();
        let row = self.row(cells)?;
        let hash = row.hash();
        let values = (audit_log::id.eq(AuditEntryId(id)), &row, audit_log::entry_hash.eq(hash));
        let written = diesel::insert_into(audit_log::table).values(values).execute(connection);
        Ok(written.map(|_| {
            self.seq += 1;
            self.last = hash;
        }))
    }

    /// Returns the hash that the next entry must have.
    pub(super) fn expect(&mut self, cells: &[Cell]) -> Result<Sha256Hash> {
        let hash = self.row(cells)?.hash();
        self.seq += 1;
        self.last = hash;
        Ok(hash)
    }

    fn row<'a>(&'a self, cells: &'a [Cell]) -> Result<AuditRow<'a>> {
        let at = |index: usize| cells.get(index).unwrap_or(&Cell::Null);
        let text = |index: usize| at(index).as_text();
        let wrong = |what: &str| Error::Internal(format!("an audit entry has no {what}"));
        let needed = |index, what| text(index).ok_or_else(|| wrong(what));
        let user_id = at(2).as_integer();
        Ok(AuditRow {
            seq: self.seq + 1,
            event_id: needed(1, "event_id")?.parse().map_err(|_| wrong("event_id"))?,
            user_id: user_id.map(UserId),
            actor_name: user_id.and_then(|id| self.names.get(&id)).map(String::as_str),
            session_id: text(3),
            event_type: needed(4, "event_type")?,
            event_category: needed(5, "event_category")?,
            resource_type: text(6),
            resource_id: text(7),
            action: needed(8, "action")?,
            description: text(9),
            ip_address: text(10),
            user_agent: text(11),
            timestamp: needed(12, "timestamp")?.parse().map_err(|_| wrong("timestamp"))?,
            severity: needed(13, "severity")?.parse().map_err(|_| wrong("severity"))?,
            success: at(14).as_integer() == Some(1),
            error_message: text(15),
            request_data: text(16).map(JsonStr),
            response_data: text(17).map(JsonStr),
            metadata: JsonStr(needed(18, "metadata")?),
            prev_hash: self.last,
        })
    }
}
