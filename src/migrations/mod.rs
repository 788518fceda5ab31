//! Embedded migrations: their list, the ledger of those that have run, and the engine that runs them.
//!
//! A migration has an owner: this library, or the application that uses it. Versions are in order within an owner.
//!
//! Diesel's table `__diesel_schema_migrations` is the ledger, so that `diesel migration run` and this
//! crate agree. `schema_version` is a history for people, which is kept equal to the ledger.

mod checks;
mod data_loss_guard;
mod dependents;
mod embedded;
mod engine;
mod expected;
mod history;
mod known;
mod ledger;
mod library_tables;
mod migration_lock;
mod own_objects;
#[cfg(feature = "postgres")]
mod parameters;
mod parsed_script;
mod recorded;
mod requirement;
mod reset;
#[cfg(feature = "postgres")]
mod schema_objects;
#[cfg(feature = "postgres")]
mod server_rights;
mod statement;
mod steps;
mod structure;
mod target;
mod usable;

pub use checks::{Check, Phase};
pub use embedded::{EmbeddedMigration, Script, all, checksum, latest};
pub(crate) use engine::{Run, plan, run};
pub(crate) use expected::fresh_in_memory;
pub use history::HistoryFault;
pub(crate) use history::{check as check_history, edited, repair};
pub use known::{KnownMigration, Migrations};
pub use ledger::Ledger;
pub(crate) use ledger::back_to;
pub(crate) use migration_lock::{RunOutcome, Session};
pub(crate) use reset::ensure_droppable;
#[cfg(feature = "postgres")]
pub(crate) use schema_objects::{SchemaObjects, ServerObject};
#[cfg(feature = "postgres")]
pub(crate) use statement::{Action, Expression, Words, definitions, identities, statements};
pub use statement::{Effect, PlannedStatement};
pub use steps::{PlannedStep, Step, StepDirection};
pub use structure::Structure;
pub(crate) use target::Target;

/// Items for the other crates of this workspace. Not part of the public API: they may change in any
/// release.
#[doc(hidden)]
pub mod internal {
    pub use super::data_loss_guard::{Declaration, INTENTS, Intent, declarations};
    pub use super::embedded::version_of;
    pub use super::engine::{Run, run};
    pub use super::expected::{apply_in_memory, fresh_in_memory, own_tables};
    pub use super::migration_lock::RunOutcome;
    pub use super::requirement::{REQUIRES, requirements};
    pub use super::statement::{
        Action, Words, from_bracket, line_comments, may_write_rows, statements,
    };
    pub use super::target::Target;
    pub use super::usable::version_number;
}
