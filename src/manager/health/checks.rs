//! The checks that both databases have.

use super::outcome::CheckOutcome;
use crate::backend::DbConnection;
use crate::catalog::broken_references;
use crate::error::Result;
use crate::manager::origin::has_unfinished_transfer;
use crate::manager::{DatabaseManager, seed};
use crate::migrations;
use crate::models::User;

pub(super) type CheckFunction = fn(&mut DbConnection, &DatabaseManager) -> Result<CheckOutcome>;

/// Name, whether it is critical, and the check.
pub(super) type NamedCheck = (&'static str, bool, CheckFunction);

pub(super) const MEND_SCHEMA: &str = "`zenith-db migrate` if migrations are pending; otherwise \
                                      restore a backup or undo what was changed by hand";

pub(super) fn schema_version(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    let ledger = manager.ledger(connection)?;
    let faults = migrations::check_history(connection, &ledger)?;
    let mut faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    if has_unfinished_transfer(connection)? {
        faults.push("a transfer into it was stopped: `zenith-db transfer --resume` ends it".into());
    }
    let current = ledger.current().unwrap_or("none").to_owned();
    Ok(CheckOutcome::from_faults(
        &faults,
        format!("{current}, as recorded in schema_version"),
        "`zenith-db migrate` records what ran; a changed, missing or unknown migration needs the \
         version of this program that has it; `zenith-db migrate --repair` accepts a changed one",
    ))
}

pub(super) fn foreign_key_violations(
    connection: &mut DbConnection,
    _: &DatabaseManager,
) -> Result<CheckOutcome> {
    let broken = broken_references(connection)?;
    Ok(CheckOutcome::from_faults(&broken, "none", "restore a backup, or mend or delete these rows"))
}

pub(super) fn seeds(connection: &mut DbConnection, _: &DatabaseManager) -> Result<CheckOutcome> {
    let missing = seed::missing(connection)?;
    let missing: Vec<String> = missing.iter().map(|name| format!("{name} is missing")).collect();
    Ok(CheckOutcome::from_faults(
        &missing,
        "roles, permissions and settings are there",
        "`zenith-db seed` writes them",
    ))
}

pub(super) fn administrator(
    connection: &mut DbConnection,
    _: &DatabaseManager,
) -> Result<CheckOutcome> {
    let names: Vec<String> =
        User::list_administrators(connection)?.into_iter().map(|user| user.username).collect();
    Ok(if names.is_empty() {
        CheckOutcome::Bad(
            "no active user has an administrator's role; `zenith-db create --admin-user NAME` \
             makes one"
                .into(),
        )
    } else {
        CheckOutcome::Good(names.join(", "))
    })
}

pub(super) fn pending(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    let ledger = manager.ledger(connection)?;
    let names: Vec<String> = ledger.pending().map(|m| format!("{m} is pending")).collect();
    Ok(CheckOutcome::from_faults(&names, "none", "`zenith-db migrate` applies them"))
}
