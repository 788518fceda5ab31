//! Checks that SQLite and PostgreSQL have in common.

use super::outcome::CheckOutcome;
use crate::backend::{Backend, DbConnection};
#[cfg(feature = "postgres")]
use crate::catalog::orphans;
use crate::catalog::{broken_references, references_checked, table_exists};
use crate::error::Result;
use crate::manager::administrator::is_taken;
use crate::manager::origin::has_unfinished_transfer;
use crate::manager::{Administrator, DatabaseManager, seed};
use crate::migrations::{self, HistoryFault};
use crate::models::User;
use crate::types::MigrationOwner;

/// Function that runs one check.
pub(super) type CheckFn = fn(&mut DbConnection, &DatabaseManager) -> Result<CheckOutcome>;

/// Name of a check, whether it is critical, and its function.
pub(super) type NamedCheck = (&'static str, bool, CheckFn);

/// Returns how to fix a schema that differs from the migrations.
pub(super) fn schema_fix(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<&'static str> {
    Ok(if manager.ledger(connection)?.pending().next().is_some() {
        "`zenith-db ensure` applies the pending migrations"
    } else {
        "restore a backup (`zenith-db restore --latest`), or revert the manual change"
    })
}

pub(super) fn schema_version(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    let ledger = manager.ledger(connection)?;
    let faults = migrations::check_history(connection, &ledger)?;
    let mut fix = match faults.first() {
        Some(HistoryFault::NoHistory) => schema_fix(connection, manager)?,
        Some(HistoryFault::Unrecorded { .. } | HistoryFault::NotRun { .. }) => {
            "`zenith-db ensure` corrects the record"
        }
        Some(HistoryFault::Edited { .. }) => {
            "`zenith-db migrate --repair` shows the change and can accept it"
        }
        Some(HistoryFault::Late { .. }) => "`zenith-db migrate` says how to apply it",
        Some(HistoryFault::Newer { .. } | HistoryFault::Missing { .. }) | None => {
            "install the version of this program that has it"
        }
    };
    let mut faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    if has_unfinished_transfer(connection)? {
        faults.push("a transfer into this database was interrupted".into());
        fix = "`zenith-db transfer --to … --resume`, run on the source, completes it";
    }
    let mut current = ledger.current().unwrap_or("none").to_owned();
    if let Some(version) = ledger.newest(MigrationOwner::Application) {
        current = format!("{current}, and {version} of the application");
    }
    let mut good = format!("{current}, as recorded in schema_version");
    let unknown = ledger.of_application();
    if !unknown.is_empty() {
        let unknown = unknown.join("; ");
        good = format!(
            "{good}; not known to this program, and what they created is not checked: {unknown}"
        );
    }
    Ok(CheckOutcome::from_faults(&faults, good, fix))
}

/// Name of the check of [`foreign_key_violations`].
pub(super) const FOREIGN_KEYS: &str = "Foreign Key Violations";

pub(super) fn foreign_key_violations(
    connection: &mut DbConnection,
    _: &DatabaseManager,
) -> Result<CheckOutcome> {
    let broken = broken_references(connection)?;
    let good = match connection.backend() {
        Backend::Sqlite => "none".to_owned(),
        backend @ Backend::Postgres => {
            format!("{}; `--deep` reads the rows", references_checked(backend))
        }
    };
    Ok(CheckOutcome::from_faults(&broken, good, REFERENCES_FIX))
}

/// Looks for violations in the rows themselves, which on a server the other check does not read.
pub(super) fn foreign_key_violations_in_rows(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    match connection {
        DbConnection::Sqlite(_) => foreign_key_violations(connection, manager),
        #[cfg(feature = "postgres")]
        DbConnection::Postgres(inner) => {
            let (orphans, unread) = orphans(inner)?;
            let mut broken = broken_references(connection)?;
            broken.extend(orphans);
            let unread = match unread.as_slice() {
                [] => String::new(),
                unread => format!(
                    "; not read, for want of a right or of an operator of PostgreSQL, or because policies hide rows: {}",
                    unread.join(", ")
                ),
            };
            Ok(CheckOutcome::from_faults(&broken, format!("none{unread}"), REFERENCES_FIX))
        }
    }
}

const REFERENCES_FIX: &str =
    "restore a backup (`zenith-db restore --latest`), or correct or delete these rows";

/// Returns a failed outcome if one of the tables that a check reads does not exist.
fn missing_table(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
    tables: &[&str],
) -> Result<Option<CheckOutcome>> {
    for table in tables {
        if !table_exists(connection, table)? {
            let fix = schema_fix(connection, manager)?;
            return Ok(Some(CheckOutcome::Bad(format!("table {table} is missing; {fix}"))));
        }
    }
    Ok(None)
}

pub(super) fn seeds(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    let tables = ["roles", "permissions", "system_settings"];
    if let Some(outcome) = missing_table(connection, manager, &tables)? {
        return Ok(outcome);
    }
    let missing = seed::missing(connection)?;
    let missing: Vec<String> = missing.iter().map(|name| format!("{name} is missing")).collect();
    Ok(CheckOutcome::from_faults(
        &missing,
        "all roles, permissions and settings",
        "`zenith-db ensure` inserts them",
    ))
}

pub(super) fn administrator(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    if let Some(outcome) = missing_table(connection, manager, &["users", "roles"])? {
        return Ok(outcome);
    }
    let names: Vec<String> =
        User::list_administrators(connection)?.into_iter().map(|user| user.username).collect();
    if !names.is_empty() {
        return Ok(CheckOutcome::Good(names.join(", ")));
    }
    let default = Administrator::default();
    let fix = if is_taken(connection, &default.username, &default.email)? {
        "`zenith-db ensure --admin-user NAME --admin-email EMAIL` creates one; the default name or \
         email address belongs to another account"
    } else {
        "`zenith-db ensure` creates one"
    };
    Ok(CheckOutcome::Bad(format!("no active user has the role of an administrator; {fix}")))
}

pub(super) fn pending(
    connection: &mut DbConnection,
    manager: &DatabaseManager,
) -> Result<CheckOutcome> {
    let ledger = manager.ledger(connection)?;
    let names: Vec<String> = ledger.pending().map(|m| format!("{m} is pending")).collect();
    Ok(CheckOutcome::from_faults(&names, "none", "`zenith-db ensure` applies them"))
}
