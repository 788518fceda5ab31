//! Seeding: inserts what is missing, and keeps what was changed.

use diesel::dsl::insert_into;
use diesel::prelude::*;
use serde::Serialize;

use super::DatabaseManager;
use super::seed_data::ROLES;
use crate::backend::DbConnection;
use crate::connection::{TransactionLock, Writer};
use crate::dispatch;
use crate::error::Result;
use crate::migrations::{Ledger, Migrations};
use crate::models::internal::seeded_settings;
use crate::models::{
    NewPermission, NewRolePermission, Right, SEEDED_PERMISSIONS, SystemRole, User,
};
use crate::schema::{permissions, role_permissions, roles, system_settings};
use crate::types::{PermissionId, RoleId};

/// Numbers of rows that seeding inserted or updated; all 0 if it changed nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SeedReport {
    /// Number of system roles that were missing and have been inserted.
    pub roles: usize,
    /// Number of system permissions that were missing and have been inserted.
    pub permissions: usize,
    /// Number of default grants that were inserted for the missing roles. An existing role keeps its
    /// grants.
    pub grants: usize,
    /// Number of settings that were missing and have been inserted.
    pub settings: usize,
    /// Number of read-only settings, such as `SCHEMA_VERSION`, that were updated.
    pub refreshed: usize,
}

impl SeedReport {
    /// Whether anything was inserted or updated.
    #[must_use]
    pub fn changed(&self) -> bool {
        *self != Self::default()
    }
}

impl DatabaseManager {
    /// Inserts the system roles, permissions, grants and settings that are missing, in one
    /// transaction, and updates the read-only settings.
    ///
    /// # Errors
    /// [`MigrationFault::Pending`](crate::MigrationFault::Pending) if migrations are pending;
    /// [`Error::Query`](crate::Error::Query) if the database refuses a row; nothing has changed then.
    pub fn seed(&self) -> Result<SeedReport> {
        let mut connection = self.open_ours()?;
        self.ledger(&mut connection)?.ensure_current()?;
        self.write(&mut connection, |connection| {
            let report = seed(connection)?;
            Ok(SeedReport { refreshed: refresh(connection, self.migrations)?, ..report })
        })
    }
}

/// The rows of `$all` whose `$name` does not exist in `$table`. Reading first uses up no ids, as an
/// ignored insert would; [`seed`] holds the lock, so nobody inserts in between.
macro_rules! missing {
    ($connection:expr, $table:ident, $name:ident, $all:expr) => {{
        let present: Vec<String> = dispatch!(&mut *$connection, |connection| $table::table
            .select($table::$name)
            .load(connection))?;
        $all.iter().filter(|row| !present.iter().any(|name| name == row.$name)).collect::<Vec<_>>()
    }};
}

/// Returns the permissions that are missing. One exists if its name or its resource and action
/// exist.
fn missing_permissions(
    connection: &mut DbConnection,
) -> Result<Vec<&'static NewPermission<'static>>> {
    type Names = (String, String, String);
    let present: Vec<Names> = dispatch!(connection, |connection| permissions::table
        .select((permissions::name, permissions::resource, permissions::action))
        .load(connection))?;
    let exists = |new: &NewPermission<'_>| {
        present.iter().any(|(name, resource, action)| {
            name == new.name || (resource == new.resource && action == new.action)
        })
    };
    Ok(SEEDED_PERMISSIONS.iter().filter(|new| !exists(new)).collect())
}

/// Inserts what is missing, inside the caller's transaction.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database refuses a row.
pub fn seed(connection: &mut Writer<'_>) -> Result<SeedReport> {
    connection.hold(TransactionLock::Seeds)?;
    let new_roles = missing!(connection, roles, name, ROLES);
    let new_permissions = missing_permissions(connection)?;
    let settings = seeded_settings();
    let new_settings = missing!(connection, system_settings, key, settings);
    for role in &new_roles {
        dispatch!(&mut *connection, |c| insert_into(roles::table).values(*role).execute(c))?;
    }
    for permission in &new_permissions {
        dispatch!(&mut *connection, |c| insert_into(permissions::table)
            .values(*permission)
            .execute(c))?;
    }
    for setting in &new_settings {
        dispatch!(&mut *connection, |c| insert_into(system_settings::table)
            .values(setting.new_row())
            .execute(c))?;
    }
    let mut grants = 0;
    for role in SystemRole::ALL {
        if new_roles.iter().any(|new| new.name == role.name()) {
            grants += grant(connection, role)?;
        }
    }
    Ok(SeedReport {
        roles: new_roles.len(),
        permissions: new_permissions.len(),
        grants,
        settings: new_settings.len(),
        refreshed: 0,
    })
}

/// Gives a role the permissions of its rights.
fn grant(connection: &mut Writer<'_>, role: SystemRole) -> Result<usize> {
    let gives = |permission: &&NewPermission<'_>| {
        let right = Right::new(permission.resource, permission.action);
        role.seeded_rights().contains(&right)
    };
    let names = SEEDED_PERMISSIONS.iter().filter(gives).map(|permission| permission.name);
    let role_id: RoleId = dispatch!(&mut *connection, |c| roles::table
        .select(roles::id)
        .filter(roles::name.eq(role.name()))
        .get_result(c))?;
    let granted: Vec<PermissionId> = dispatch!(&mut *connection, |c| permissions::table
        .select(permissions::id)
        .filter(permissions::name.eq_any(names))
        .order(permissions::id)
        .load(c))?;
    let rows: Vec<_> = granted
        .into_iter()
        .map(|permission_id| NewRolePermission { role_id, permission_id, granted_by: None })
        .collect();
    if rows.is_empty() {
        return Ok(0);
    }
    Ok(dispatch!(connection, |c| insert_into(role_permissions::table).values(&rows).execute(c))?)
}

/// Updates the read-only settings, for a program that knows these migrations. Returns how many were out of date. If none
/// was, it only reads: who may not write may ask.
///
/// `SCHEMA_VERSION` is the newest version of the library.
/// `FIRST_SETUP` becomes false and `SETUP_COMPLETED` true once an active administrator exists.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database refuses a row.
pub fn refresh(connection: &mut Writer<'_>, migrations: Migrations) -> Result<usize> {
    let version = Ledger::read_for(connection, migrations)?.current().unwrap_or("0").to_owned();
    let mut wanted = vec![("SCHEMA_VERSION", version), ("DATABASE_INITIALIZED", "true".into())];
    if !User::list_administrators(connection)?.is_empty() {
        wanted.push(("FIRST_SETUP", "false".into()));
        wanted.push(("SETUP_COMPLETED", "true".into()));
    }
    let mut refreshed = 0;
    for (key, value) in wanted {
        let differs = system_settings::value.assume_not_null().ne(&value);
        let stale = system_settings::key.eq(key).and(system_settings::value.is_null().or(differs));
        refreshed += dispatch!(&mut *connection, |c| {
            let found = system_settings::table.filter(stale).count().get_result::<i64>(c)?;
            if found == 0 {
                QueryResult::Ok(0)
            } else {
                let stale = diesel::update(system_settings::table).filter(stale);
                stale.set(system_settings::value.eq(&value)).execute(c)
            }
        })?;
    }
    Ok(refreshed)
}

/// Returns the names of the system roles, permissions and settings that are missing.
pub(super) fn missing(connection: &mut DbConnection) -> Result<Vec<String>> {
    let roles = missing!(connection, roles, name, ROLES);
    let permissions = missing_permissions(connection)?;
    let settings = seeded_settings();
    let settings = missing!(connection, system_settings, key, settings);
    let roles = roles.iter().map(|role| format!("role {}", role.name));
    let permissions =
        permissions.iter().map(|permission| format!("permission {}", permission.name));
    let settings = settings.iter().map(|setting| format!("setting {}", setting.key));
    Ok(roles.chain(permissions).chain(settings).collect())
}
