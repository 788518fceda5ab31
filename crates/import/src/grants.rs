//! Grants for the list of permissions that each former role has.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use zenith_db::Error;
use zenith_db::models::{NewPermission, NewRolePermission};
use zenith_db::schema::{permissions, role_permissions};
use zenith_db::types::{PermissionId, RoleId};

use super::cell::Cell;
use super::context::ConversionContext;
use super::conversion::permission_names;
use super::error::Result;
use super::legacy_db::LegacyDb;
use super::overflow_values;
use super::report::GrantReport;

/// Grants each copied role the permissions in its list. A name without a permission gets a new one,
/// with the resource `legacy`. A value that is not a list of names grants nothing, and is preserved.
pub(super) fn grant(
    connection: &mut SqliteConnection,
    legacy: &LegacyDb<'_>,
    context: &ConversionContext,
) -> Result<GrantReport> {
    let mut report = GrantReport::default();
    let known: Vec<(String, PermissionId)> =
        permissions::table.select((permissions::name, permissions::id)).load(connection)?;
    let mut known: BTreeMap<String, PermissionId> = known.into_iter().collect();
    let held: Vec<(RoleId, PermissionId)> = role_permissions::table
        .select((role_permissions::role_id, role_permissions::permission_id))
        .load(connection)?;
    let mut held: BTreeSet<(i64, i64)> = held.into_iter().map(|(r, p)| (r.0, p.0)).collect();
    let mut lists = Vec::new();
    legacy.each("roles", "SELECT id, permissions FROM roles ORDER BY id", |row| {
        lists.push((row.rowid, row.cells.into_iter().next().unwrap_or(Cell::Null)));
        Ok(())
    })?;
    let copied = |id: &i64| context.copied.get("roles").is_some_and(|ids| ids.contains(id));
    for (role, list) in lists.into_iter().filter(|(id, _)| copied(id)) {
        let names = match &list {
            Cell::Null => Some(Vec::new()),
            Cell::Text(text) if text.trim().is_empty() => Some(Vec::new()),
            Cell::Text(text) => permission_names(text),
            _ => None,
        };
        let Some(names) = names else {
            report.unreadable.push(role);
            overflow_values::insert(connection, "roles", role, "permissions", &list)?;
            continue;
        };
        for name in names {
            if name == "*" {
                report.superusers.push(role);
                continue;
            }
            let permission = match known.get(&name) {
                Some(id) => Some(*id),
                None => create(connection, &name)?.inspect(|id| {
                    report.new_permissions.push(name.clone());
                    known.insert(name, *id);
                }),
            };
            let Some(permission) = permission else {
                report.unreadable.push(role);
                overflow_values::insert(connection, "roles", role, "permissions", &list)?;
                continue;
            };
            if held.insert((role, permission.0)) {
                let row = NewRolePermission {
                    role_id: RoleId(role),
                    permission_id: permission,
                    granted_by: None,
                };
                diesel::insert_into(role_permissions::table).values(&row).execute(connection)?;
                report.granted += 1;
            }
        }
    }
    report.superusers.dedup();
    report.unreadable.dedup();
    Ok(report)
}

/// Creates a permission; `None` if the name violates a constraint of the schema.
fn create(connection: &mut SqliteConnection, name: &str) -> Result<Option<PermissionId>> {
    let new = NewPermission {
        name,
        display_name: None,
        description: Some("Named by a role of the former application"),
        resource: "legacy",
        action: name,
        is_system_permission: false,
    };
    let created: QueryResult<PermissionId> = diesel::insert_into(permissions::table)
        .values(&new)
        .returning(permissions::id)
        .get_result(connection);
    match created.map_err(Error::from) {
        Ok(id) => Ok(Some(id)),
        Err(Error::Violation(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
