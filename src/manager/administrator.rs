//! The first administrator, whom a setup creates and does not change afterwards.

use diesel::prelude::*;
use secrecy::SecretString;
use serde::Serialize;

use super::password::{check_password, generate_password};
use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::{Error, Result};
use crate::models::{NewUser, Role, SystemRole, User};
use crate::schema::users;
use crate::types::{EmailAddress, NotEmailAddress, NotUsername, PasswordHash, Username};

/// Administrator to create if no active one exists.
#[derive(Clone, Debug)]
pub struct Administrator {
    /// User name for signing in, 1 to 50 characters; `admin` by default.
    pub username: String,
    /// Email address, up to 100 characters; `admin@zenith.local` by default.
    pub email: String,
    /// Password, at least 12 characters and at most 1,024 bytes. `None` generates a password, which the
    /// report contains and which must be changed at the first sign-in.
    pub password: Option<SecretString>,
}

impl Default for Administrator {
    fn default() -> Self {
        let (username, email) = ("admin".into(), "admin@zenith.local".into());
        Self { username, email, password: None }
    }
}

/// Result of creating the administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[must_use = "says whether there is an administrator"]
pub enum AdministratorOutcome {
    /// The administrator was created.
    Created,
    /// An active administrator existed and was not changed.
    Existed,
    /// No active administrator exists, but the user name or the email address belongs to another
    /// account.
    NameTaken,
}

/// Report on the creation of the administrator.
#[derive(Clone, Debug, Serialize)]
#[must_use = "a generated password is nowhere else"]
pub struct AdministratorReport {
    /// Result of creating the administrator.
    pub outcome: AdministratorOutcome,
    /// User name of the administrator; for [`AdministratorOutcome::NameTaken`], the requested one.
    pub username: String,
    /// Password that was generated, if any. The database contains only its hash, so this is the only copy.
    #[serde(skip)]
    pub generated_password: Option<SecretString>,
}

/// A checked name and email address, and the password's hash. Hashing is slow, so it is done before
/// any lock is taken.
pub(super) struct PreparedAdministrator {
    username: Username,
    email: EmailAddress,
    hash: PasswordHash,
    generated: Option<SecretString>,
}

impl Administrator {
    /// Checks the name, the email address and the password, and hashes the password.
    pub(super) fn prepare(&self) -> Result<PreparedAdministrator> {
        let rejected =
            |reason: String| Error::Administrator { name: self.username.clone(), reason };
        let username: Username =
            self.username.parse().map_err(|fault: NotUsername| rejected(fault.to_string()))?;
        let email: EmailAddress =
            self.email.parse().map_err(|fault: NotEmailAddress| rejected(fault.to_string()))?;
        let generated = self.password.is_none().then(generate_password);
        let password = self.password.clone().or_else(|| generated.clone()).unwrap_or_default();
        check_password(&password)?;
        Ok(PreparedAdministrator {
            username,
            email,
            hash: PasswordHash::hash(&password)?,
            generated,
        })
    }
}

impl PreparedAdministrator {
    /// Creates the administrator unless an active one exists.
    pub(super) fn ensure(self, connection: &mut Writer<'_>) -> Result<AdministratorReport> {
        let report = |outcome, username| {
            Ok(AdministratorReport { outcome, username, generated_password: None })
        };
        if let Some(existing) = User::list_administrators(connection)?.into_iter().next() {
            return report(AdministratorOutcome::Existed, existing.username);
        }
        if is_taken(connection, self.username.as_str(), self.email.as_str())? {
            return report(AdministratorOutcome::NameTaken, self.username.into());
        }
        let role = Role::find_by_name(connection, SystemRole::SuperAdmin.name())?
            .ok_or_else(|| Error::NotSeeded { missing: "the role super_admin" })?;
        let user = NewUser::builder()
            .username(self.username)
            .email(self.email)
            .password_hash(self.hash)
            .role_id(role.id)
            .must_change_password(self.generated.is_some())
            .build();
        let username = user.insert(connection)?.username;
        let outcome = AdministratorOutcome::Created;
        Ok(AdministratorReport { outcome, username, generated_password: self.generated })
    }
}

/// Returns whether an account has this user name or email address, in their canonical form.
pub(super) fn is_taken(connection: &mut DbConnection, username: &str, email: &str) -> Result<bool> {
    let taken = users::username.eq(username).or(users::email.eq(email));
    let others: i64 = dispatch!(connection, |connection| users::table
        .filter(taken)
        .count()
        .get_result(connection))?;
    Ok(others > 0)
}
