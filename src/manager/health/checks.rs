//! The checks that both databases have.

use super::Finding;
use crate::manager::{seed, transfer};
use crate::migrations::{self, Ledger, broken_references};
use crate::models::User;
use crate::{Config, DbConnection, Result};

pub(super) type Check = fn(&mut DbConnection, &Config) -> Result<Finding>;

/// Name, whether it is critical, and the check.
pub(super) type Named = (&'static str, bool, Check);

pub(super) const MEND_SCHEMA: &str = "`zenith-db migrate` if migrations are pending; otherwise \
                                      restore a backup or undo what was changed by hand";

pub(super) fn schema_version(connection: &mut DbConnection, _: &Config) -> Result<Finding> {
    let ledger = Ledger::read(connection)?;
    let mut faults = migrations::check_history(connection, &ledger)?;
    if transfer::is_unfinished(connection)? {
        faults.push("a transfer into it was stopped: `zenith-db transfer --resume` ends it".into());
    }
    faults.extend(ledger.unknown().map(|version| format!("version {version} is not known here")));
    let current = ledger.current().unwrap_or("none").to_owned();
    Ok(Finding::from_faults(
        &faults,
        format!("{current}, as recorded in schema_version"),
        "`zenith-db migrate` records what ran; a changed or unknown migration needs the version of \
         this program that has it",
    ))
}

pub(super) fn foreign_key_violations(connection: &mut DbConnection, _: &Config) -> Result<Finding> {
    let broken = broken_references(connection)?;
    Ok(Finding::from_faults(&broken, "none", "restore a backup, or mend or delete these rows"))
}

pub(super) fn seeds(connection: &mut DbConnection, _: &Config) -> Result<Finding> {
    let missing = seed::missing(connection)?;
    let missing: Vec<String> = missing.iter().map(|name| format!("{name} is missing")).collect();
    Ok(Finding::from_faults(
        &missing,
        "roles, permissions and settings are there",
        "`zenith-db seed` writes them",
    ))
}

pub(super) fn administrator(connection: &mut DbConnection, _: &Config) -> Result<Finding> {
    let names: Vec<String> =
        User::list_administrators(connection)?.into_iter().map(|user| user.username).collect();
    Ok(if names.is_empty() {
        Finding::Bad(
            "no active user has an administrator's role; `zenith-db create --admin-user NAME` \
             makes one"
                .into(),
        )
    } else {
        Finding::Good(names.join(", "))
    })
}

pub(super) fn pending(connection: &mut DbConnection, _: &Config) -> Result<Finding> {
    let ledger = Ledger::read(connection)?;
    let names: Vec<String> = ledger.pending().map(|m| format!("{m} is pending")).collect();
    Ok(Finding::from_faults(&names, "none", "`zenith-db migrate` applies them"))
}
