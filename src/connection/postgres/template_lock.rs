//! Keeps those who copy a template apart from who makes it.

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::databases::maintenance;
use super::name::name_of;
use crate::config::{ServerOptions, ServerUrl};
use crate::error::Result;

/// Orders the making of a template and the copying of it, until it is dropped: others may copy at the same time, but
/// nobody while it is made.
pub(crate) struct TemplateLock {
    _held: PgConnection,
}

impl TemplateLock {
    /// Waits until nobody copies the template or makes it.
    pub(crate) fn exclusive(template: &ServerUrl, options: &ServerOptions) -> Result<Self> {
        Self::take(template, options, "pg_advisory_lock")
    }

    /// Waits until nobody makes the template.
    pub(crate) fn shared(template: &ServerUrl, options: &ServerOptions) -> Result<Self> {
        Self::take(template, options, "pg_advisory_lock_shared")
    }

    fn take(template: &ServerUrl, options: &ServerOptions, lock: &str) -> Result<Self> {
        let mut held = maintenance(template, options)?;
        diesel::sql_query(format!(
            "SELECT {lock}(hashtextextended('zenith-db template ' || $1, 0))"
        ))
        .bind::<Text, _>(name_of(template)?)
        .execute(&mut held)?;
        Ok(Self { _held: held })
    }
}
