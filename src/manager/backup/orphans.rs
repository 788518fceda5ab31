//! Manifests that killed processes left without their backups.

use std::fs;
use std::path::Path;

use super::file_name::BackupName;
use super::newest::files;
use crate::connection::NewFile;

/// Removes the manifests of this database's backups that killed processes left without their backups.
/// `own` is the caller's temporary file. If there is another, its backup may be about to get its name, and no
/// manifest is removed.
pub(super) fn sweep(directory: &Path, name: &BackupName, own: Option<&Path>) {
    let orphans = || {
        let of_backup = |file: &str| {
            file.strip_suffix(".json").filter(|backup| name.time_of(backup).is_some()).map(drop)
        };
        let mut found = files(directory, of_backup);
        found.retain(|((), path)| fs::symlink_metadata(path.with_extension("")).is_err());
        found
    };
    // Manifests first: a process whose temporary file is then gone has given its backup its name.
    let found = orphans();
    let own = own.and_then(Path::file_name);
    if found.is_empty() || NewFile::others(directory, own) {
        return;
    }
    let still = orphans();
    for ((), path) in found.iter().filter(|orphan| still.contains(orphan)) {
        if let Err(cause) = fs::remove_file(path) {
            tracing::warn!(%cause, "the manifest {} was not removed", path.display());
        }
    }
}
