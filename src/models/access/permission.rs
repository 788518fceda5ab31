//! Permissions, and the check of what a user may do.

use diesel::dsl::exists;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use super::right::Right;
use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::Result;
use crate::schema::{permissions, role_permissions, roles, users};
use crate::types::{PermissionId, UserId, UtcTime};

/// Permission to perform an action on a resource.
#[derive(
    Clone, Debug, PartialEq, Eq, Identifiable, Queryable, Selectable, Serialize, Deserialize,
)]
#[diesel(table_name = permissions)]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct Permission {
    /// Primary key.
    pub id: PermissionId,
    /// Unique name, such as `document_upload`.
    pub name: String,
    /// Name to show to people.
    pub display_name: Option<String>,
    /// Description of what the permission allows.
    pub description: Option<String>,
    /// Resource that may be acted on, such as `documents`.
    pub resource: String,
    /// Action that is allowed, such as `upload`; `*` stands for every action on the resource.
    pub action: String,
    /// Whether the seeds created the permission.
    pub is_system_permission: bool,
    /// Time of creation.
    pub created_at: UtcTime,
}

/// Permission to insert.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = permissions)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewPermission<'a> {
    /// Unique name, 1 to 100 characters.
    pub name: &'a str,
    /// Name to show to people, 1 to 150 characters.
    #[builder(default, setter(into))]
    pub display_name: Option<&'a str>,
    /// Description of what the permission allows.
    #[builder(default, setter(into))]
    pub description: Option<&'a str>,
    /// Resource that may be acted on, 1 to 100 characters.
    pub resource: &'a str,
    /// Action that is allowed, 1 to 50 characters, unique within the resource; `*` stands for every
    /// action.
    pub action: &'a str,
    /// Whether the seeds create the permission; `false` by default.
    #[builder(default)]
    pub is_system_permission: bool,
}

impl<'a> From<&'a Permission> for Right<'a> {
    fn from(permission: &'a Permission) -> Self {
        Self::stored(&permission.resource, &permission.action)
    }
}

impl<'a> NewPermission<'a> {
    /// Returns the permission of this name that allows what the right says.
    #[must_use]
    pub const fn of(right: Right<'a>, name: &'a str) -> Self {
        Self {
            name,
            display_name: None,
            description: None,
            resource: right.resource(),
            action: right.action(),
            is_system_permission: false,
        }
    }
}

impl NewPermission<'_> {
    /// Inserts the permission and returns its row.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if the name exists, or the resource already
    /// has a permission for this action.
    pub fn insert(&self, connection: &mut Writer<'_>) -> Result<Permission> {
        Ok(dispatch!(connection, |connection| diesel::insert_into(permissions::table)
            .values(self)
            .returning(Permission::as_returning())
            .get_result(connection))?)
    }
}

impl Permission {
    /// Returns every permission, ordered by resource and action.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn list(connection: &mut DbConnection) -> Result<Vec<Self>> {
        Ok(dispatch!(connection, |connection| permissions::table
            .select(Self::as_select())
            .order((permissions::resource, permissions::action))
            .load(connection))?)
    }

    /// Returns the permissions of the user's role, ordered by resource and action: every permission for
    /// a superuser, and none for a user who is inactive or does not exist.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn list_for_user(connection: &mut DbConnection, user: UserId) -> Result<Vec<Self>> {
        let role_holds_it = exists(
            role_permissions::table
                .filter(role_permissions::role_id.eq(roles::id))
                .filter(role_permissions::permission_id.eq(permissions::id)),
        );
        let user_has_it = exists(
            users::table
                .inner_join(roles::table.on(roles::id.eq(users::role_id)))
                .filter(users::id.eq(user).and(users::is_active))
                .filter(roles::is_superuser.or(role_holds_it)),
        );
        Ok(dispatch!(connection, |connection| permissions::table
            .select(Self::as_select())
            .filter(user_has_it)
            .order((permissions::resource, permissions::action))
            .load(connection))?)
    }
}

/// Whether the user has the right.
///
/// The user must be active, and have a superuser role or one that holds a permission for this
/// action, or for `*`, on the resource. A user who does not exist may do nothing. The check is one query,
/// each step of which is a look-up in an index.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
///
/// ```
/// # use zenith_db::manager::{Administrator, DatabaseManager};
/// use zenith_db::prelude::*;
/// use zenith_db::Result;
///
/// # fn main() -> Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let config = Config::for_path(directory.path().join("zenith.db"))?;
/// # DatabaseManager::new(config.clone()).initialize(&Administrator::default())?;
/// # let database = Database::open(&config)?;
/// database.write(|conn| {
///     let role = Role::find_by_name(conn, SystemRole::User.name())?;
///     let Some(role) = role else { return Ok(()) };
///     let user = NewUser::builder()
///         .username("ada".parse()?)
///         .email("ada@example.org".parse()?)
///         .password_hash(PasswordHash::hash(&"correct horse battery staple".into())?)
///         .role_id(role.id)
///         .build()
///         .insert(conn)?;
///
///     assert!(is_allowed(conn, user.id, Right::UPLOAD_DOCUMENTS)?);
///     assert!(!is_allowed(conn, user.id, Right::DELETE_DOCUMENTS)?);
///     Ok(())
/// })
/// # }
/// ```
pub fn is_allowed<'a>(
    connection: &mut DbConnection,
    user: UserId,
    right: impl Into<Right<'a>>,
) -> Result<bool> {
    let right = right.into();
    let role_holds_it = exists(
        role_permissions::table
            .inner_join(permissions::table)
            .filter(role_permissions::role_id.eq(roles::id))
            .filter(permissions::resource.eq(right.resource()))
            .filter(permissions::action.eq(right.action()).or(permissions::action.eq("*"))),
    );
    let allowed = users::table
        .inner_join(roles::table.on(roles::id.eq(users::role_id)))
        .filter(users::id.eq(user).and(users::is_active))
        .filter(roles::is_superuser.or(role_holds_it));
    Ok(dispatch!(connection, |connection| diesel::select(exists(allowed)).get_result(connection))?)
}
