//! Opening SQLite files that others may have damaged, planted or replaced.
#![cfg(unix)]

mod damaged;
mod damaged_files;
mod exact_copies;
mod file_systems;
mod hot_journal;
mod replaced;
mod shadowed;
mod side_files;
mod stale_log;
