//! Free space of a disk.

use std::path::Path;

use crate::error::{Error, NoRoom, Result};

/// Space that an operation needs on one disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Space<'a> {
    /// Purpose, such as `the backup`.
    pub(super) what: String,
    pub(super) place: &'a Path,
    /// Number of bytes.
    pub(super) needed: u64,
    /// Number of free bytes; `None` if unknown.
    pub(super) free: Option<u64>,
}

/// Returns an error unless there is enough free space for all purposes, each with a directory, which may not exist
/// yet, and a number of bytes. Those on the same disk are added up.
///
/// # Errors
/// [`Error::NoRoom`], or [`Error::Io`] if the free space cannot be read.
pub(super) fn ensure_room<'a>(
    purposes: impl IntoIterator<Item = (&'static str, &'a Path, u64)>,
) -> Result<Vec<Space<'a>>> {
    let mut spaces: Vec<Space<'a>> = Vec::new();
    'purposes: for (what, place, needed) in purposes.into_iter().filter(|(.., needed)| *needed > 0)
    {
        let place = existing(place);
        for space in &mut spaces {
            if same_disk(space.place, place)? {
                space.what = format!("{} and {what}", space.what);
                space.needed = space.needed.saturating_add(needed);
                continue 'purposes;
            }
        }
        spaces.push(Space { what: what.to_owned(), place, needed, free: free_bytes(place)? });
    }
    for Space { what, place, needed, free } in &spaces {
        if let Some(free) = *free
            && free < *needed
        {
            let (what, place, needed) = (what.clone(), place.to_path_buf(), *needed);
            return Err(NoRoom { what, place, needed, free }.into());
        }
    }
    Ok(spaces)
}

/// Returns the directory, or the first of its parents that exists.
fn existing(mut place: &Path) -> &Path {
    while !place.exists() {
        let Some(parent) = place.parent() else { break };
        place = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    }
    place
}

/// Returns whether both paths are on the same file system.
#[cfg(unix)]
fn same_disk(one: &Path, other: &Path) -> Result<bool> {
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
fn same_disk(_: &Path, _: &Path) -> Result<bool> {
    Ok(true)
}

/// Returns `None`: the free space is unknown on this system.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "fails on Unix only")]
pub(super) fn free_bytes(_: &Path) -> Result<Option<u64>> {
    Ok(None)
}
