//! What a template holds.

use crate::connection;
use crate::error::Result;
use crate::manager::DatabaseManager;

/// Creates the database of a manager, and brings it to the newest version with its seeds.
pub(super) fn fill(manager: &DatabaseManager) -> Result<()> {
    connection::create(manager.config())?;
    manager.migrate()?;
    manager.seed()?;
    Ok(())
}
