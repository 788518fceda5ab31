//! The embedded migrations: which there are, which have run, and running them safely.
//!
//! Diesel's own table (`__diesel_schema_migrations`) is the truth about what ran, so that
//! `diesel migration run` and this crate agree. `schema_version` follows it for people.

mod conservation;
mod embedded;
mod engine;
mod exclusive;
mod goal;
mod history;
mod ledger;
pub mod lint;
mod rebuild;
mod references;
mod reset;
mod statement;
mod structure;
mod tables;
mod validation;

pub use conservation::RowChange;
pub(crate) use embedded::Migrations;
pub use embedded::{EmbeddedMigration, Script, all, checksum, latest};
pub use engine::{PlannedStep, Step, StepDirection};
pub(crate) use engine::{Run, plan, run};
pub(crate) use exclusive::{Finished, Session};
pub(crate) use goal::Goal;
pub use history::HistoryFault;
pub(crate) use history::{check as check_history, edited, repair};
pub use ledger::Ledger;
pub use rebuild::rebuild_script;
pub(crate) use references::broken_references;
pub use statement::{Effect, PlannedStatement};
pub use structure::Structure;
pub(crate) use structure::fresh_in_memory;
pub(crate) use tables::{is_empty, quoted, schema_objects, table_exists, table_names};
pub use validation::{Condition, Moment};
