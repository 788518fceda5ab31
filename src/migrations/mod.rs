//! The embedded migrations: which there are, which have run, and running them safely.
//!
//! Diesel's own table (`__diesel_schema_migrations`) is the truth about what ran, so that
//! `diesel migration run` and this crate agree. `schema_version` follows it for people.

mod embedded;
mod engine;
mod history;
mod ledger;
mod statement;

pub use embedded::{EmbeddedMigration, all, checksum, latest};
pub(crate) use engine::{Goal, broken_references, plan, run};
pub use engine::{PlannedStep, Step, StepDirection};
pub(crate) use history::check as check_history;
pub use ledger::Ledger;
pub(crate) use ledger::{is_empty, table_exists};
pub use statement::{Effect, PlannedStatement};
