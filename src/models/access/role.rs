//! Roles: named sets of permissions. Each user has exactly one.

use diesel::dsl::not;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::{Error, Result};
use crate::error::{Rule, Violation};
use crate::models::query::{Parent, explain_broken_reference, find_one, not_found};
use crate::schema::roles;
use crate::types::{RoleId, UserId, UtcTime};

/// Named set of permissions.
#[derive(
    Clone, Debug, PartialEq, Eq, Identifiable, Queryable, Selectable, Serialize, Deserialize,
)]
#[diesel(table_name = roles)]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct Role {
    /// Primary key.
    pub id: RoleId,
    /// Unique name, such as `super_admin`.
    pub name: String,
    /// Name to show to people.
    pub display_name: Option<String>,
    /// Description of the role's purpose.
    pub description: Option<String>,
    /// Whether the seeds created the role. A system role cannot be renamed or deleted.
    pub is_system_role: bool,
    /// Whether the role may do everything, whatever permissions it holds.
    pub is_superuser: bool,
    /// Time of creation.
    pub created_at: UtcTime,
    /// Time of the last change.
    pub updated_at: UtcTime,
    /// User who created the role; `None` if unknown, or if the user has been deleted.
    pub created_by: Option<UserId>,
}

/// Role to insert.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = roles)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewRole<'a> {
    /// Unique name, 1 to 50 characters.
    pub name: &'a str,
    /// Name to show to people, 1 to 100 characters.
    #[builder(default, setter(into))]
    pub display_name: Option<&'a str>,
    /// Description of the role's purpose.
    #[builder(default, setter(into))]
    pub description: Option<&'a str>,
    /// Whether the seeds create the role; `false` by default.
    #[builder(default)]
    pub is_system_role: bool,
    /// Whether the role may do everything; `false` by default.
    #[builder(default)]
    pub is_superuser: bool,
    /// User who creates the role.
    #[builder(default, setter(into))]
    pub created_by: Option<UserId>,
}

/// Changes to a role. `None` leaves a column unchanged, `Some(None)` sets it to NULL.
#[derive(Clone, Debug, Default, AsChangeset)]
#[diesel(table_name = roles)]
pub struct RoleChanges<'a> {
    /// Name to show to people, 1 to 100 characters.
    pub display_name: Option<Option<&'a str>>,
    /// Description of the role's purpose.
    pub description: Option<Option<&'a str>>,
}

impl NewRole<'_> {
    /// Inserts the role and returns its row.
    ///
    /// # Errors
    /// [`Error::Violation`] if the name exists or a text has the wrong length, or if the creator
    /// does not exist.
    pub fn insert(&self, connection: &mut Writer<'_>) -> Result<Role> {
        let result = dispatch!(&mut *connection, |connection| diesel::insert_into(roles::table)
            .values(self)
            .returning(Role::as_returning())
            .get_result(connection));
        let creator = self.created_by.map(Parent::User);
        explain_broken_reference(connection, result, &[("roles_created_by_fkey", creator)])
    }
}

impl RoleChanges<'_> {
    /// Applies the changes and returns the new row.
    ///
    /// # Errors
    /// [`Error::NotFound`] if no role has this id; [`Error::Violation`] if a text has the wrong
    /// length.
    pub fn update(&self, connection: &mut Writer<'_>, id: RoleId) -> Result<Role> {
        dispatch!(connection, |connection| diesel::update(roles::table.find(id))
            .set((self, roles::updated_at.eq(UtcTime::now())))
            .returning(Role::as_returning())
            .get_result(connection)
            .optional())?
        .ok_or_else(not_found("roles", "id", id))
    }
}

impl Role {
    /// Returns the role with this id, if any.
    ///
    /// # Errors
    /// [`Error::Query`] if the database cannot be read.
    pub fn find(connection: &mut DbConnection, id: RoleId) -> Result<Option<Self>> {
        find_one!(connection, roles, roles::id.eq(id))
    }

    /// Returns the role with this name, if any.
    ///
    /// # Errors
    /// [`Error::Query`] if the database cannot be read.
    pub fn find_by_name(connection: &mut DbConnection, name: &str) -> Result<Option<Self>> {
        find_one!(connection, roles, roles::name.eq(name))
    }

    /// Changes the role's name and returns the new row.
    ///
    /// # Errors
    /// [`Error::SystemRole`] if it is a system role; [`Error::NotFound`] if no role has this id;
    /// [`Error::Violation`] if the name exists.
    pub fn rename(connection: &mut Writer<'_>, id: RoleId, name: &str) -> Result<Self> {
        let renamed = dispatch!(&mut *connection, |connection| diesel::update(roles::table)
            .filter(roles::id.eq(id).and(not(roles::is_system_role)))
            .set((roles::name.eq(name), roles::updated_at.eq(UtcTime::now())))
            .returning(Self::as_returning())
            .get_result(connection)
            .optional())?;
        renamed.map_or_else(|| Err(Self::unchanged_error(connection, id)), Ok)
    }

    /// Deletes the role and its grants of permissions.
    ///
    /// # Errors
    /// [`Error::SystemRole`] if it is a system role; [`Error::NotFound`] if no role has this id;
    /// [`Error::Violation`] with [`Rule::StillReferenced`] while users have the role.
    pub fn delete(connection: &mut Writer<'_>, id: RoleId) -> Result<()> {
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

    /// Returns the reason why a role was neither renamed nor deleted.
    fn unchanged_error(connection: &mut DbConnection, id: RoleId) -> Error {
        match Self::find(connection, id) {
            Ok(Some(role)) => Error::SystemRole { name: role.name },
            Ok(None) => not_found("roles", "id", id)(),
            Err(error) => error,
        }
    }
}
