//! `DatabaseManager`.

mod backup;
mod concurrent_create;
mod documentation;
mod health;
mod health_deep;
mod health_reads_only;
mod health_sqlite;
mod last_backup;
#[cfg(target_os = "linux")]
mod mount_point;
mod private_files;
mod purge;
mod purge_kept;
mod seeds;
mod seeds_documented;
mod unreadable_tables;
