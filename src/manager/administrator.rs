//! The first administrator: made once, never changed afterwards.

use diesel::prelude::*;
use secrecy::SecretString;
use serde::Serialize;

use super::password::{check_password, generate_password, hash_password};
use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::{Error, Result};
use crate::models::internal::canonical;
use crate::models::{NewUser, Role, User};
use crate::schema::users;
use crate::types::PasswordHash;

/// The administrator to make if there is none.
#[derive(Clone, Debug)]
pub struct Administrator {
    /// The name to sign in with (default `admin`).
    pub username: String,
    /// The address (default `admin@zenith.local`).
    pub email: String,
    /// The password. Without one, one is generated and returned once, to be changed at first login.
    pub password: Option<SecretString>,
}

impl Default for Administrator {
    fn default() -> Self {
        let (username, email) = ("admin".into(), "admin@zenith.local".into());
        Self { username, email, password: None }
    }
}

/// What became of the administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AdministratorOutcome {
    /// It was made.
    Created,
    /// There was an active one already, and it was left alone.
    Existed,
    /// There is no active one, but the name or the address belongs to another account.
    NameTaken,
}

/// What became of the administrator, with what the caller must pass on.
#[derive(Clone, Debug, Serialize)]
pub struct AdministratorReport {
    /// What happened.
    pub outcome: AdministratorOutcome,
    /// The administrator's name.
    pub username: String,
    /// The generated password, if one was: shown once, stored nowhere but as a hash.
    #[serde(skip)]
    pub generated_password: Option<SecretString>,
}

/// A checked name and address and a finished hash: hashing is slow, so it is done before any lock.
pub(super) struct PreparedAdministrator {
    username: String,
    email: String,
    hash: PasswordHash,
    generated: Option<SecretString>,
}

impl Administrator {
    /// Checks the name, the address and the password, and hashes it.
    pub(super) fn prepare(&self) -> Result<PreparedAdministrator> {
        let username = canonical(&self.username);
        let email = canonical(&self.email);
        let reject = |reason: &str| {
            Err(Error::Administrator { name: self.username.clone(), reason: reason.into() })
        };
        if !(1..=50).contains(&username.chars().count()) || username.chars().any(char::is_control) {
            return reject("a name has 1 to 50 characters, none of them a control character");
        }
        let at = email.find('@').filter(|at| *at > 0 && at + 1 < email.len());
        if at.is_none() || email.chars().count() > 100 || email.contains(char::is_whitespace) {
            return reject("the address must be NAME@HOST of at most 100 characters");
        }
        let generated = self.password.is_none().then(generate_password);
        let password = self.password.clone().or_else(|| generated.clone()).unwrap_or_default();
        check_password(&password)?;
        Ok(PreparedAdministrator { username, email, hash: hash_password(&password)?, generated })
    }
}

impl PreparedAdministrator {
    /// Makes the administrator unless there is an active one.
    pub(super) fn ensure(self, connection: &mut DbConnection) -> Result<AdministratorReport> {
        let report = |outcome, username| {
            Ok(AdministratorReport { outcome, username, generated_password: None })
        };
        if let Some(existing) = User::list_administrators(connection)?.into_iter().next() {
            return report(AdministratorOutcome::Existed, existing.username);
        }
        let taken = users::username.eq(&self.username).or(users::email.eq(&self.email));
        let others: i64 = dispatch!(&mut *connection, |connection| users::table
            .filter(taken)
            .count()
            .get_result(connection))?;
        if others > 0 {
            return report(AdministratorOutcome::NameTaken, self.username);
        }
        let role = Role::find_by_name(connection, "super_admin")?
            .ok_or_else(|| Error::NotSeeded { missing: "the role super_admin" })?;
        let user = NewUser::builder()
            .username(&self.username)
            .email(&self.email)
            .password_hash(self.hash)
            .role_id(role.id)
            .must_change_password(self.generated.is_some())
            .build();
        let username = user.insert(connection)?.username;
        let outcome = AdministratorOutcome::Created;
        Ok(AdministratorReport { outcome, username, generated_password: self.generated })
    }
}
