//! Migrations: the crate's own, and those of tests.

mod backups;
mod concurrent;
mod data_loss_guard;
mod disk_space;
mod failures;
mod full_disk;
mod history;
mod kills;
mod lint;
mod lint_files;
mod lock_wait;
#[cfg(feature = "postgres")]
mod lost_answer;
mod plan;
#[cfg(feature = "postgres")]
mod postgres;
mod rebuild;
mod rebuild_names;
mod rebuild_rows;
mod records;
mod refused;
mod up_and_down;
mod versions;
