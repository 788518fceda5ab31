//! What is secret about a user. It does not leave the process.

use diesel::prelude::*;

use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::Result;
use crate::models::query::{find_one, require_affected};
use crate::schema::users;
use crate::types::{
    BackupCodes, PasswordAlgorithm, PasswordHash, TwoFactorSecret, UserId, UtcTime,
};

/// What is needed to sign a user in.
///
/// ```compile_fail
/// # fn leaves_the_process<T: serde::Serialize>() {}
/// leaves_the_process::<zenith_db::models::UserCredentials>();
/// ```
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = users)]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct UserCredentials {
    /// Whose they are.
    pub id: UserId,
    /// The hash.
    pub password_hash: PasswordHash,
    /// How it was made.
    pub password_algorithm: PasswordAlgorithm,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// Until when the account is locked.
    pub locked_until: Option<UtcTime>,
    /// Whether a second factor is needed.
    pub two_factor_enabled: bool,
    /// What the one-time passwords are made from.
    pub two_factor_secret: Option<TwoFactorSecret>,
    /// The codes for signing in without the second factor.
    pub backup_codes: Option<BackupCodes>,
}

impl UserCredentials {
    /// What is needed to sign this user in.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find(connection: &mut DbConnection, user: UserId) -> Result<Option<Self>> {
        find_one!(connection, users, users::id.eq(user))
    }

    /// Replaces the password's hash, and with it what came of the old password: failed attempts, a
    /// lock, the duty to change it.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound); [`Error::Violation`](crate::Error::Violation) if
    /// it is no PHC string.
    pub fn set_password(
        connection: &mut DbConnection,
        user: UserId,
        hash: &PasswordHash,
        algorithm: PasswordAlgorithm,
        expires_at: Option<UtcTime>,
    ) -> Result<()> {
        let now = UtcTime::now();
        let set = (
            users::password_hash.eq(hash),
            users::password_algorithm.eq(algorithm),
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

    /// Turns the second factor on, or with `None` off.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound); [`Error::Violation`](crate::Error::Violation) if
    /// the secret is longer than 255 characters.
    pub fn set_two_factor(
        connection: &mut DbConnection,
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
