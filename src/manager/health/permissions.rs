//! Check of owners and permissions: other users must not be able to read or replace the database, and
//! the application must be able to use what root created for it.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::outcome::CheckOutcome;
use crate::backend::DbConnection;
use crate::config::DatabasePath;
use crate::error::{Error, Result};
use crate::manager::DatabaseManager;

/// Checks that only the owner can access the database's files and backups, that they all have this
/// owner, who can write them, and that other users cannot replace them through a directory.
pub(super) fn check(_: &mut DbConnection, manager: &DatabaseManager) -> Result<CheckOutcome> {
    let config = &manager.config;
    let Some(database) = config.location().path() else {
        return Ok(CheckOutcome::Good("not a file".into()));
    };
    let Some(owned) = look(database.as_path())? else {
        return Ok(CheckOutcome::Good("no file yet".into()));
    };
    let mut faults = Faults { owner: (owned.uid(), owned.gid()), found: Vec::new() };
    for file in files(database) {
        faults.of_file(&file)?;
    }
    faults.of_directory(database.directory(), 0o022)?;
    let backups = config.backup_dir();
    faults.of_directory(backups, 0o077)?;
    faults.of_owner(backups)?;
    if let Ok(entries) = fs::read_dir(backups) {
        for backup in entries.filter_map(io::Result::ok).map(|entry| entry.path()) {
            faults.of_owner(&backup)?;
        }
    }
    faults.of_ancestors(database.directory())?;
    faults.of_access(&[database.as_path(), database.directory(), backups]);
    faults.found.truncate(10);
    Ok(CheckOutcome::from_faults(
        &faults.found,
        "only the owner has access",
        "then check who could read or write the files",
    ))
}

fn files(database: &DatabasePath) -> [PathBuf; 4] {
    ["", "-wal", "-shm", "-journal"].map(|suffix| database.with_suffix(suffix))
}

/// A file that does not exist reveals nothing.
fn look(path: &Path) -> Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some).map_err(Error::io("read the metadata of", path)),
    }
}

struct Faults {
    /// Owner and group of the database.
    owner: (u32, u32),
    found: Vec<String>,
}

impl Faults {
    fn of_file(&mut self, path: &Path) -> Result<()> {
        let Some(metadata) = look(path)? else { return Ok(()) };
        self.of_mode(path, &metadata, 0o077, "600");
        self.of_owner(path)
    }

    /// Whether others have a right in `refused`. The sticky bit does not help: they can still create
    /// files that SQLite would read.
    fn of_directory(&mut self, path: &Path, refused: u32) -> Result<()> {
        let Some(metadata) = look(path)? else { return Ok(()) };
        if metadata.is_symlink() {
            let path = path.display();
            self.found.push(format!(
                "{path} is a symbolic link, whose owner can lead it elsewhere: configure its target"
            ));
            return Ok(());
        }
        self.of_mode(path, &metadata, refused, "700");
        Ok(())
    }

    fn of_mode(&mut self, path: &Path, metadata: &Metadata, refused: u32, wanted: &str) {
        let mode = metadata.mode();
        if mode & refused != 0 {
            let path = path.display();
            self.found
                .push(format!("{path} has mode {:o}: chmod {wanted} '{path}'", mode & 0o7777));
        }
    }

    /// Whether a file or directory belongs to another user than the database, such as root, who ran
    /// a command. The application could not use it.
    fn of_owner(&mut self, path: &Path) -> Result<()> {
        let Some(metadata) = look(path)? else { return Ok(()) };
        let (user, group) = self.owner;
        if metadata.uid() != user {
            let path = path.display();
            self.found.push(format!(
                "{path} belongs to user {}, the database to user {user}: chown {user}:{group} '{path}'",
                metadata.uid()
            ));
        }
        Ok(())
    }

    /// Whether others can rename a directory above, and so replace all that is in it.
    fn of_ancestors(&mut self, directory: &Path) -> Result<()> {
        let directory = std::path::absolute(directory).map_err(Error::io("resolve", directory))?;
        for above in directory.ancestors().skip(1) {
            let Some(metadata) = look(above)? else { continue };
            let (mode, above) = (metadata.mode(), above.display());
            if mode & 0o002 != 0 && mode & 0o1000 == 0 && metadata.is_dir() {
                self.found.push(format!("everybody can write to {above}: chmod o-w '{above}'"));
            }
        }
        Ok(())
    }

    /// Whether the current user can write what the application writes.
    fn of_access(&mut self, paths: &[&Path]) {
        for path in paths {
            if let Err(rustix::io::Errno::ACCESS | rustix::io::Errno::ROFS) =
                accessat(CWD, *path, Access::WRITE_OK, AtFlags::EACCESS)
            {
                let path = path.display();
                self.found.push(format!("the current user cannot write to {path}"));
            }
        }
    }
}
