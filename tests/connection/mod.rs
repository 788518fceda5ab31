//! Opening SQLite files that others may have damaged, planted or replaced.
#![cfg(unix)]

mod damaged;
mod damaged_files;
mod exact_copies;
mod fault_matrix;
mod file_systems;
mod free_lists;
mod hot_journal;
mod locks_met;
mod read_only;
mod replaced;
mod shadowed;
mod side_files;
mod staging;
mod stale_log;
