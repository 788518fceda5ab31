//! Free space of a disk.

use std::path::Path;

use crate::error::{Error, Result};

/// Returns whether both paths are on the same file system.
#[cfg(unix)]
pub(super) fn same_disk(one: &Path, other: &Path) -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| {
        std::fs::metadata(path)
            .map(|found| found.dev())
            .map_err(Error::io("read the metadata of", path))
    };
    Ok(device(one)? == device(other)?)
}

/// Returns how many bytes this user may write to the file system of a path; `None` if that is
/// unknown.
#[cfg(unix)]
pub(super) fn free_bytes(place: &Path) -> Result<Option<u64>> {
    let found = rustix::fs::statvfs(place)
        .map_err(|cause| Error::io("read the free space at", place)(cause.into()))?;
    Ok(Some(found.f_bavail.saturating_mul(found.f_frsize)))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "fails on Unix only")]
pub(super) fn same_disk(_: &Path, _: &Path) -> Result<bool> {
    Ok(true)
}

/// Returns `None`: the free space is unknown on this system.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "fails on Unix only")]
pub(super) fn free_bytes(_: &Path) -> Result<Option<u64>> {
    Ok(None)
}
