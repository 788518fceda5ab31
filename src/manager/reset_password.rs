//! New passwords for accounts whose password is lost.

use std::io;

use diesel::prelude::*;
use secrecy::SecretString;
use serde::Serialize;

use super::DatabaseManager;
use super::password::{check_password, generate_password};
use crate::backend::DbConnection;
use crate::connection;
use crate::dispatch;
use crate::error::{Error, Result};
use crate::models::{NewAuditEvent, User, UserCredentials, UserSession};
use crate::schema::users;
use crate::types::{EventCategory, EventType, PasswordHash, Severity};

/// Report of [`DatabaseManager::reset_password`].
#[derive(Clone, Debug, Serialize)]
#[must_use = "a generated password is nowhere else"]
pub struct PasswordReset {
    /// User name of the account.
    pub username: String,
    /// Whether the account may sign in, which a new password does not change.
    pub is_active: bool,
    /// Number of sessions that were revoked.
    pub sessions_revoked: usize,
    /// Whether the password must be changed at the next sign-in, as a generated one must.
    pub must_change_password: bool,
    /// Password that was generated, if any. The database contains only its hash, so this is the only copy.
    #[serde(skip)]
    pub generated_password: Option<SecretString>,
}

impl DatabaseManager {
    /// Refuses what [`DatabaseManager::reset_password`] would refuse whatever the password is, so that a command can look
    /// before it asks for one.
    ///
    /// # Errors
    /// [`Error::NotFound`] if no user has this name, and those of [`DatabaseManager::ensure_ours`] and
    /// [`DatabaseManager::ensure_current`].
    #[doc(hidden)]
    pub fn ensure_account(&self, username: &str) -> Result<()> {
        self.ensure_current()?;
        self.ensure_ours()?;
        connection::inspect(&self.config, |connection| account(connection, username).map(drop))
    }

    /// Sets a new password for an account, revokes its sessions, ends its lock and appends an entry to
    /// the audit log, in one transaction. API keys and the second factor stay as they are.
    ///
    /// If `password` is `None`, a password is generated and passed to `deliver` with the user name before
    /// the commit; it must be changed at the next sign-in. Otherwise `deliver` is not called.
    ///
    /// # Errors
    /// [`Error::NotFound`] if no user has this name; [`Error::Password`] if the password is not accepted;
    /// [`Error::PasswordNotDelivered`] if `deliver` fails; [`MigrationFault::Pending`](crate::MigrationFault::Pending)
    /// if migrations are pending. Nothing has changed then.
    pub fn reset_password(
        &self,
        username: &str,
        password: Option<&SecretString>,
        deliver: impl FnOnce(&str, &SecretString) -> io::Result<()>,
    ) -> Result<PasswordReset> {
        let generated = password.is_none().then(generate_password);
        let Some(new) = password.or(generated.as_ref()) else {
            return Err(Error::Internal("there is no password to set".into()));
        };
        check_password(new)?;
        // Hashing is slow, so it is done before any lock is taken.
        let hash = PasswordHash::hash(new)?;
        let mut connection = self.open_ours()?;
        self.ledger(&mut connection)?.ensure_current()?;
        self.write(&mut connection, |connection| {
            let user = account(connection, username)?;
            UserCredentials::set_password(connection, user.id, &hash, None)?;
            if generated.is_some() {
                dispatch!(&mut *connection, |c| diesel::update(users::table.find(user.id))
                    .set(users::must_change_password.eq(true))
                    .execute(c))?;
            }
            let sessions_revoked = UserSession::revoke_all(connection, user.id, None)?;
            NewAuditEvent::builder()
                .actor_name("zenith-db")
                .event_type(EventType::PASSWORD_RESET)
                .event_category(EventCategory::AUTHENTICATION)
                .resource_type("user")
                .resource_id(user.uuid.to_string().as_str())
                .action("reset_password")
                .severity(Severity::Warning)
                .build()
                .append(connection)?;
            if let Some(password) = &generated {
                deliver(&user.username, password).map_err(Error::PasswordNotDelivered)?;
            }
            Ok(PasswordReset {
                username: user.username,
                is_active: user.is_active,
                sessions_revoked,
                must_change_password: generated.is_some(),
                generated_password: generated,
            })
        })
    }
}

/// Returns the account with this name.
fn account(connection: &mut DbConnection, username: &str) -> Result<User> {
    User::find_by_username(connection, username)?.ok_or_else(|| {
        let key = format!("username {username}");
        Error::NotFound { table: "users", key }
    })
}
