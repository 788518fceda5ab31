//! The embedded migrations by name and by position, for tests that hold whatever is added after them.
use zenith_db::manager::RollbackTarget;
use zenith_db::migrations::{EmbeddedMigration, all};

/// Returns the position of the migration that creates the table `notifications`. No migration
/// before it needs the table.
pub fn notifications() -> usize {
    let creates =
        |migration: &EmbeddedMigration| migration.name().ends_with("create_notifications");
    all().iter().position(creates).expect("the migration")
}

/// Returns the target of a rollback that reverts the migration at this position and all later ones.
pub fn before(position: usize) -> RollbackTarget {
    let previous = position.checked_sub(1).map(|previous| all()[previous].version());
    RollbackTarget::Version(previous.unwrap_or_else(|| "0".into()))
}
