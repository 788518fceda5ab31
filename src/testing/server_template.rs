//! Templates on a PostgreSQL server.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::fill::fill;
use crate::config::{Location, ServerOptions, ServerUrl};
use crate::connection::{ScratchDatabase, ScratchLock};
use crate::error::Result;
use crate::manager::DatabaseManager;

/// Database on a server that is copied.
#[derive(Clone, Debug)]
pub(super) struct ServerTemplate {
    url: ServerUrl,
    options: ServerOptions,
}

impl ServerTemplate {
    /// Returns the template with this key on the server of `model`. The first call in a process creates it, or looks
    /// whether it is complete: a process that made it may have been killed, and seeds may be new.
    pub(super) fn ensure(manager: &DatabaseManager, model: &ServerUrl, key: &str) -> Result<Self> {
        static COMPLETE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
        let url = model.at(&format!("zenith_template_{}", key.get(..16).unwrap_or_default()));
        let options = manager.config().server().clone();
        let mut complete = COMPLETE.lock().unwrap_or_else(PoisonError::into_inner);
        if !complete.contains(url.expose()) {
            let _lock = ScratchLock::exclusive(&url, &options)?;
            let (location, nowhere) = (Location::Postgres(url.clone()), "backups".into());
            let config = manager.config().for_tests(location, nowhere);
            fill(&manager.for_config(config))?;
            complete.insert(url.expose().to_owned());
        }
        Ok(Self { url, options })
    }

    /// Returns a copy, which is dropped with the result.
    pub(super) fn copy(&self) -> Result<ScratchDatabase> {
        ScratchDatabase::copy_of(&self.url, &self.options)
    }
}
