//! Credentials of users, which are never serialised.

use diesel::prelude::*;

use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::{Result, Rule, Violation};
use crate::models::query::{find_one, require_affected};
use crate::schema::users;
use crate::types::{
    BackupCodes, NotPasswordHash, PasswordAlgorithm, PasswordHash, TwoFactorSecret, UserId, UtcTime,
};

/// Credentials of a user, for signing in. They cannot be serialised.
///
/// ```compile_fail
/// # fn leaves_the_process<T: serde::Serialize>() {}
/// leaves_the_process::<zenith_db::models::UserCredentials>();
/// ```
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = users)]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct UserCredentials {
    /// Primary key of the user.
    pub id: UserId,
    /// Hash of the password.
    pub password_hash: PasswordHash,
    /// Algorithm of the hash, as it is stored; [`PasswordHash::algorithm`] is the one that the hash names.
    pub password_algorithm: PasswordAlgorithm,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// End of the account's lock; `None` if the account is not locked.
    pub locked_until: Option<UtcTime>,
    /// Whether signing in needs a second factor.
    pub two_factor_enabled: bool,
    /// Encrypted secret of the one-time passwords.
    pub two_factor_secret: Option<TwoFactorSecret>,
    /// Hashes of the codes that replace the second factor.
    pub backup_codes: Option<BackupCodes>,
}

impl UserCredentials {
    /// Returns the credentials of the user, if the user exists.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find(connection: &mut DbConnection, user: UserId) -> Result<Option<Self>> {
        find_one!(connection, users, users::id.eq(user))
    }

    /// Replaces the hash of the password, and its algorithm by the one that the hash names. Also
    /// sets the number of failed sign-ins to 0, ends the lock, and clears `must_change_password`.
    /// If `expires_at` is `None`, the password does not expire.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no user has this id;
    /// [`Error::Violation`](crate::Error::Violation) if the hash was read from a row that another
    /// program wrote, and is not one that can be stored.
    pub fn set_password(
        connection: &mut Writer<'_>,
        user: UserId,
        hash: &PasswordHash,
        expires_at: Option<UtcTime>,
    ) -> Result<()> {
        let now = UtcTime::now();
        let set = (
            users::password_hash.eq(hash),
            users::password_algorithm.eq(algorithm_of(hash, "users_password_algorithm_known")?),
            users::last_password_change.eq(now),
            users::password_expires_at.eq(expires_at),
            users::must_change_password.eq(false),
            users::failed_login_attempts.eq(0),
            users::locked_until.eq(None::<UtcTime>),
            users::updated_at.eq(now),
        );
        require_affected(
            dispatch!(connection, |connection| diesel::update(users::table.find(user))
                .set(set)
                .execute(connection))?,
            "users",
            user,
        )
    }

    /// Enables the second factor, or disables it with `None`.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no user has this id;
    /// [`Error::Violation`](crate::Error::Violation) if the secret does not have 1 to 255
    /// characters.
    pub fn set_two_factor(
        connection: &mut Writer<'_>,
        user: UserId,
        factor: Option<(&TwoFactorSecret, &BackupCodes)>,
    ) -> Result<()> {
        let set = (
            users::two_factor_enabled.eq(factor.is_some()),
            users::two_factor_secret.eq(factor.map(|(secret, _)| secret)),
            users::backup_codes.eq(factor.map(|(_, codes)| codes)),
            users::updated_at.eq(UtcTime::now()),
        );
        require_affected(
            dispatch!(connection, |connection| diesel::update(users::table.find(user))
                .set(set)
                .execute(connection))?,
            "users",
            user,
        )
    }
}

/// Returns the algorithm that the hash names, or the violation of this rule if it names none that can be stored.
pub(super) fn algorithm_of(hash: &PasswordHash, constraint: &str) -> Result<PasswordAlgorithm> {
    let unknown =
        || Violation::found_by(Rule::Check, constraint, NotPasswordHash::Algorithm).into();
    hash.algorithm().ok_or_else(unknown)
}
