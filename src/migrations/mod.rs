//! Embedded migrations: their list, the ledger of those that have run, and the engine that runs them.
//!
//! Diesel's table `__diesel_schema_migrations` is the ledger, so that `diesel migration run` and this
//! crate agree. `schema_version` is a history for people, which is kept equal to the ledger.

mod checks;
mod data_loss_guard;
mod embedded;
mod engine;
mod expected;
mod history;
mod ledger;
mod migration_lock;
mod parsed_script;
mod recorded;
mod reset;
mod statement;
mod steps;
mod structure;
mod target;
mod usable;

pub use checks::{Check, Phase};
pub(crate) use embedded::Migrations;
pub use embedded::{EmbeddedMigration, Script, all, checksum, latest};
pub(crate) use engine::{Run, plan, run};
pub(crate) use expected::fresh_in_memory;
pub use history::HistoryFault;
pub(crate) use history::{check as check_history, edited, repair};
pub use ledger::Ledger;
pub(crate) use migration_lock::{RunOutcome, Session};
pub use statement::{Effect, PlannedStatement};
pub use steps::{PlannedStep, Step, StepDirection};
pub use structure::Structure;
pub(crate) use target::Target;
pub(crate) use usable::ensure_usable;

/// Items for the other crates of this workspace. Not part of the public API: they may change in any
/// release.
#[doc(hidden)]
pub mod internal {
    pub use super::data_loss_guard::{Declaration, INTENTS, Intent, declarations};
    pub use super::embedded::{Migrations, version_of};
    pub use super::engine::{Run, run};
    pub use super::expected::{apply_in_memory, fresh_in_memory};
    pub use super::migration_lock::RunOutcome;
    pub use super::statement::{
        Action, Words, from_bracket, line_comments, may_write_rows, statements,
    };
    pub use super::target::Target;
    pub use super::usable::version_number;
}
