//! References to rows of known tables.

use super::number::integer;
use super::outcome::missing;
use crate::cell::Cell;
use crate::context::ConversionContext;

/// Converts a reference that the schema requires. It must lead to a row that was copied.
pub(crate) fn parent(
    old: &Cell,
    table: &'static str,
    context: &ConversionContext,
) -> Result<Cell, String> {
    let Some((Cell::Integer(id), _)) = integer(old, None)? else { return Err(missing()) };
    if context.copied.get(table).is_some_and(|ids| ids.contains(&id)) {
        return Ok(Cell::Integer(id));
    }
    let rejected = context.rejected.get(table).is_some_and(|ids| ids.contains(&id));
    Err(if rejected {
        format!("refers to row {id} of {table}, which breaks a rule itself")
    } else {
        format!("refers to row {id} of {table}, which does not exist")
    })
}

/// Converts a reference that may be NULL. The flag is false if the reference leads to a row that does
/// not exist, as far as that is known yet; the cell is NULL then.
pub(crate) fn reference(
    old: &Cell,
    table: &'static str,
    context: &ConversionContext,
) -> (Cell, bool) {
    match integer(old, None) {
        Ok(Some((Cell::Integer(id), _))) => {
            let exists = context.copied.get(table).is_none_or(|ids| ids.contains(&id));
            if exists { (Cell::Integer(id), true) } else { (Cell::Null, false) }
        }
        Ok(_) => (Cell::Null, true),
        Err(_) => (Cell::Null, false),
    }
}
