//! Roles of a PostgreSQL server with the least rights: the SQL that creates them, and running it.

mod columns;
mod found;
mod memberships;
mod names;
mod script;

use diesel::connection::SimpleConnection;
use serde::Serialize;

use self::found::{Found, Place};
use self::script::script;
use super::DatabaseManager;
use crate::backend::Backend;
use crate::config::{Location, shown};
use crate::connection::{self, Access};
use crate::error::{Error, Result};

pub use names::{NotRolePrefix, RoleNames};

/// SQL that creates the roles of [`RoleNames`] for a database and a schema, and gives them their rights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[must_use = "a plan changes nothing"]
pub struct RolesPlan {
    /// Name of the database.
    pub database: String,
    /// Name of the schema with the tables.
    pub schema: String,
    /// Names of the roles.
    pub roles: RoleNames,
    /// Script for `psql`: one transaction, which changes nothing when it runs again. It holds no password.
    pub sql: String,
}

impl DatabaseManager {
    /// Returns the SQL that creates five roles with the least rights, for the configured database and its schema as they
    /// are: tables that a later migration creates get their rights from default privileges, and some only from another
    /// run. docs/postgresql-roles.md lists the rights. Writes nothing.
    ///
    /// What migrations have created in the schema gets the role [`RoleNames::owner`] as its owner, and so does the schema;
    /// what else is there keeps its own.
    ///
    /// # Errors
    /// [`Error::WrongBackend`] on SQLite, which has no roles; [`Error::NoDatabase`]; [`Error::Refused`] or
    /// [`Error::Migration`] if the database belongs to another program; [`Error::UnfinishedTransfer`].
    pub fn plan_roles(&self, roles: &RoleNames) -> Result<RolesPlan> {
        self.ensure_server()?;
        self.ensure_ours()?;
        let found = connection::inspect(&self.config, |connection| {
            let ledger = self.ledger(connection)?;
            Found::read(connection, &ledger)
        })?;
        let sql = script(&found, roles);
        Ok(RolesPlan { database: found.database, schema: found.schema, roles: roles.clone(), sql })
    }

    /// Runs the SQL of a plan, in one transaction. The user must be a superuser, or own the database, the schema and its
    /// tables and have the attribute `CREATEROLE`; it then becomes a member of the role [`RoleNames::owner`].
    ///
    /// # Errors
    /// [`Error::WrongBackend`] on SQLite; [`Error::Refused`] if the plan is for another database or schema;
    /// [`Error::Query`] if the user lacks a right. Nothing is changed then.
    pub fn apply_roles(&self, plan: &RolesPlan) -> Result<()> {
        self.ensure_server()?;
        self.ensure_ours()?;
        let mut connection = connection::open(&self.config, Access::Govern)?;
        let place = Place::of(connection.postgres()?)?;
        if (&place.database, &place.schema) != (&plan.database, &plan.schema) {
            let reason = format!(
                "the plan is for the schema {} of the database {}; make one for this database",
                shown(&plan.schema),
                shown(&plan.database)
            );
            return Err(Error::Refused { database: self.config.location().to_string(), reason });
        }
        // Closing the connection rolls back what a statement that failed has left open.
        Ok(connection.batch_execute(&plan.sql)?)
    }

    fn ensure_server(&self) -> Result<()> {
        match self.config.location() {
            Location::Postgres(_) => Ok(()),
            Location::Sqlite(_) => Err(no_roles()),
        }
    }
}

/// The error for a database on SQLite.
fn no_roles() -> Error {
    Error::WrongBackend {
        operation: "creating roles, which SQLite does not have,",
        needed: Backend::Postgres,
    }
}
