//! Previous passwords, so that their reuse can be refused.

use diesel::prelude::*;
use typed_builder::TypedBuilder;

use super::credentials::algorithm_of;
use super::user::User;
use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::Result;
use crate::models::query::{LiteralLimit, PageSize, Parent, explain_broken_reference};
use crate::schema::password_history;
use crate::types::{PasswordAlgorithm, PasswordHash, PasswordRecordId, UserId, UtcTime};

/// Hash of a password that a user has had. It cannot be serialised.
///
/// ```compile_fail
/// # fn leaves_the_process<T: serde::Serialize>() {}
/// leaves_the_process::<zenith_db::models::PasswordRecord>();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Associations, Identifiable, Queryable, Selectable)]
#[diesel(table_name = password_history, belongs_to(User))]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct PasswordRecord {
    /// Primary key.
    pub id: PasswordRecordId,
    /// User whose password it was.
    pub user_id: UserId,
    /// Hash of the password.
    pub password_hash: PasswordHash,
    /// Algorithm of the hash, as it is stored; [`PasswordHash::algorithm`] is the one that the hash names.
    pub password_algorithm: PasswordAlgorithm,
    /// Time of the record.
    pub created_at: UtcTime,
}

/// Hash of a password to record.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = password_history)]
pub struct NewPasswordRecord<'a> {
    /// User whose password it is.
    pub user_id: UserId,
    /// Hash of the password, which names its algorithm.
    pub password_hash: &'a PasswordHash,
}

impl NewPasswordRecord<'_> {
    /// Inserts the record and returns its row.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if the user does not exist, or the hash was read
    /// from a row that another program wrote, and is not one that can be stored.
    pub fn insert(&self, connection: &mut Writer<'_>) -> Result<PasswordRecord> {
        let algorithm =
            algorithm_of(self.password_hash, "password_history_password_algorithm_known")?;
        let algorithm = password_history::password_algorithm.eq(algorithm);
        let result =
            dispatch!(&mut *connection, |connection| diesel::insert_into(password_history::table)
                .values((self, algorithm))
                .returning(PasswordRecord::as_returning())
                .get_result(connection));
        let user = Some(Parent::User(self.user_id));
        explain_broken_reference(connection, result, &[("password_history_user_id_fkey", user)])
    }
}

impl PasswordRecord {
    /// Returns the last `count` recorded passwords of the user, newest first; at most
    /// [`PageSize::MAX`].
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn list_last(connection: &mut DbConnection, user: UserId, count: u32) -> Result<Vec<Self>> {
        Ok(dispatch!(connection, |connection| password_history::table
            .select(Self::as_select())
            .filter(password_history::user_id.eq(user))
            .order(password_history::id.desc())
            .literal_limit(count.min(PageSize::MAX))
            .load(connection))?)
    }
}
