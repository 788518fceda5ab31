//! Roles: named sets of rights. Each user has exactly one.

use diesel::dsl::not;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::{Error, Result};
use crate::error::{Rule, Violation};
use crate::models::query::{Parent, explain_broken_reference, find_one, not_found};
use crate::schema::roles;
use crate::types::{RoleId, UserId, UtcTime};

/// A named set of rights.
#[derive(
    Clone, Debug, PartialEq, Eq, Identifiable, Queryable, Selectable, Serialize, Deserialize,
)]
#[diesel(table_name = roles)]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct Role {
    /// The row's key.
    pub id: RoleId,
    /// The unique name, such as `super_admin`.
    pub name: String,
    /// The name for people.
    pub display_name: Option<String>,
    /// What the role is for.
    pub description: Option<String>,
    /// Whether the seeds made it: it keeps its name and cannot be deleted.
    pub is_system_role: bool,
    /// Whether it may do everything, whatever permissions it holds.
    pub is_superuser: bool,
    /// When it was made.
    pub created_at: UtcTime,
    /// When it was last changed.
    pub updated_at: UtcTime,
    /// Who made it.
    pub created_by: Option<UserId>,
}

/// A role to insert.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = roles)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewRole<'a> {
    /// The unique name, 1 to 50 characters.
    pub name: &'a str,
    /// The name for people, 1 to 100 characters.
    #[builder(default, setter(into))]
    pub display_name: Option<&'a str>,
    /// What the role is for.
    #[builder(default, setter(into))]
    pub description: Option<&'a str>,
    /// Whether the seeds make it; unless told, no.
    #[builder(default)]
    pub is_system_role: bool,
    /// Whether it may do everything; unless told, no.
    #[builder(default)]
    pub is_superuser: bool,
    /// Who makes it.
    #[builder(default, setter(into))]
    pub created_by: Option<UserId>,
}

/// What people may change about a role. `None` leaves a column as it is, `Some(None)` empties it.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = roles)]
pub struct RoleChanges<'a> {
    /// The name for people.
    pub display_name: Option<Option<&'a str>>,
    /// What the role is for.
    pub description: Option<Option<&'a str>>,
}

impl NewRole<'_> {
    /// Inserts the role.
    ///
    /// # Errors
    /// [`Error::Violation`] if the name is taken or too long.
    pub fn insert(&self, connection: &mut DbConnection) -> Result<Role> {
        let result = dispatch!(&mut *connection, |connection| diesel::insert_into(roles::table)
            .values(self)
            .returning(Role::as_returning())
            .get_result(connection));
        let creator = self.created_by.map(Parent::User);
        explain_broken_reference(connection, result, &[("roles_created_by_fkey", creator)])
    }
}

impl RoleChanges<'_> {
    /// Makes the changes.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Violation`] if a text is too long.
    pub fn update(&self, connection: &mut DbConnection, id: RoleId) -> Result<Role> {
        dispatch!(connection, |connection| diesel::update(roles::table.find(id))
            .set((self, roles::updated_at.eq(UtcTime::now())))
            .returning(Role::as_returning())
            .get_result(connection)
            .optional())?
        .ok_or_else(not_found("roles", "id", id))
    }
}

impl Role {
    /// The role with this key.
    ///
    /// # Errors
    /// [`Error::Query`] if the database cannot be read.
    pub fn find(connection: &mut DbConnection, id: RoleId) -> Result<Option<Self>> {
        find_one!(connection, roles, roles::id.eq(id))
    }

    /// The role of this name.
    ///
    /// # Errors
    /// [`Error::Query`] if the database cannot be read.
    pub fn find_by_name(connection: &mut DbConnection, name: &str) -> Result<Option<Self>> {
        find_one!(connection, roles, roles::name.eq(name))
    }

    /// Gives the role another name.
    ///
    /// # Errors
    /// [`Error::SystemRole`], [`Error::NotFound`]; [`Error::Violation`] if the name is taken.
    pub fn rename(connection: &mut DbConnection, id: RoleId, name: &str) -> Result<Self> {
        let renamed = dispatch!(&mut *connection, |connection| diesel::update(roles::table)
            .filter(roles::id.eq(id).and(not(roles::is_system_role)))
            .set((roles::name.eq(name), roles::updated_at.eq(UtcTime::now())))
            .returning(Self::as_returning())
            .get_result(connection)
            .optional())?;
        renamed.map_or_else(|| Err(Self::unchanged_error(connection, id)), Ok)
    }

    /// Deletes the role, and with it what was granted to it.
    ///
    /// # Errors
    /// [`Error::SystemRole`], [`Error::NotFound`]; [`Error::Violation`] with
    /// [`Rule::StillReferenced`] while users have it.
    pub fn delete(connection: &mut DbConnection, id: RoleId) -> Result<()> {
        let deleted = dispatch!(&mut *connection, |connection| diesel::delete(roles::table)
            .filter(roles::id.eq(id).and(not(roles::is_system_role)))
            .execute(connection));
        match deleted.map_err(Violation::of) {
            Ok(0) => Err(Self::unchanged_error(connection, id)),
            Ok(_) => Ok(()),
            Err(Ok(violation)) if violation.rule() == Rule::UnknownReference => {
                let violation =
                    violation.with_reference(Rule::StillReferenced, "users_role_id_fkey");
                Err(violation.into())
            }
            Err(Ok(violation)) => Err(violation.into()),
            Err(Err(error)) => Err(error.into()),
        }
    }

    /// Why a role was neither renamed nor deleted.
    fn unchanged_error(connection: &mut DbConnection, id: RoleId) -> Error {
        match Self::find(connection, id) {
            Ok(Some(role)) => Error::SystemRole { name: role.name },
            Ok(None) => not_found("roles", "id", id)(),
            Err(error) => error,
        }
    }
}
