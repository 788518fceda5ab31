//! Lint for the SQL scripts of migrations: finds faults in their text, before they run on a database
//! with rows.
//!
//! No database is opened, except an SQLite database in memory, on which the scripts for SQLite run.
//! `migrations/README.md` lists the rules, and how to satisfy each. A line `-- lint: allow RULE REASON`
//! in a script allows it to break the rule.
//!
//! The crate also writes the script that rebuilds an SQLite table: [`rebuild_script()`].

mod bare_names;
mod checker;
mod comments;
mod dependents;
mod files;
mod finding;
mod forbidden;
mod lint_rule;
mod own;
mod parity;
mod rebuild_error;
mod rebuild_script;
mod rules;
mod script_schema;
mod sources;
mod trial;

pub use checker::lint;
pub use finding::Finding;
pub use lint_rule::LintRule;
pub use rebuild_error::RebuildError;
pub use rebuild_script::rebuild_script;
pub use sources::{MigrationSet, SourceMigration, SourceScript};
