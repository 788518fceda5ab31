//! Errors about free space.

use std::path::PathBuf;

use crate::config::shown;

/// Too little free space on a disk. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error(
    "{what} may need {} MB on the disk of {place}, but only {} MB are free; free some space, for example with \
     `zenith-db backup prune`, and try again; nothing was changed",
    needed.div_ceil(1_000_000),
    free / 1_000_000,
    place = shown(place.display())
)]
pub struct NoRoom {
    /// Purpose of the space, such as the backup.
    pub what: String,
    /// Directory on the disk.
    pub place: PathBuf,
    /// Needed space in bytes.
    pub needed: u64,
    /// Free space in bytes.
    pub free: u64,
}
