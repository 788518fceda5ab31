//! Locks that processes hold on the files of SQLite databases.
//!
//! The operating system knows them: it gave each lock to a process at SQLite's request, and releases it
//! when the process ends, however it ends. So nothing is stored that could be out of date.

mod open_file;
mod owner;

#[cfg(target_os = "linux")]
pub(crate) use open_file::kept_descriptors;
pub(crate) use open_file::{open_regular, read_head, with_open_file};
pub(crate) use owner::{Obstacle, Wanted, ensure_supported, obstacle, obstacle_of};
