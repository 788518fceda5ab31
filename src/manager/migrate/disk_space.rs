//! How much space a disk has.

use std::path::Path;

use crate::error::{Error, Result};

/// Whether both paths lie on one disk.
#[cfg(unix)]
pub(super) fn same_disk(one: &Path, other: &Path) -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| {
        std::fs::metadata(path).map(|found| found.dev()).map_err(Error::io("look at", path))
    };
    Ok(device(one)? == device(other)?)
}

/// How many bytes this user may still write to the disk of a path.
#[cfg(unix)]
pub(super) fn free_bytes(place: &Path) -> Result<Option<u64>> {
    let found = rustix::fs::statvfs(place)
        .map_err(|cause| Error::io("look at the disk of", place)(cause.into()))?;
    Ok(Some(found.f_bavail.saturating_mul(found.f_frsize)))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the disk can be looked at elsewhere")]
pub(super) fn same_disk(_: &Path, _: &Path) -> Result<bool> {
    Ok(true)
}

/// It is not known here.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the disk can be looked at elsewhere")]
pub(super) fn free_bytes(_: &Path) -> Result<Option<u64>> {
    Ok(None)
}
