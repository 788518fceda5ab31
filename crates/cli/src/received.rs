//! A backup from standard input, which is stored in a temporary file while it is restored.

use std::fs::File;
use std::io;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use zenith_db::internal::connection::sqlite::size_by_header;
use zenith_db::internal::connection::{NewFile, Owner, create_private_dir};
use zenith_db::manager::DatabaseManager;
use zenith_db::{BackupFault, Error};

use super::exit::UsageError;

/// Backup that was read from standard input. Its file is removed when this is dropped.
pub(super) struct Received(NewFile);

impl Received {
    /// Reads a backup from standard input.
    pub(super) fn read(target: &DatabaseManager) -> anyhow::Result<Self> {
        let directory = target.config().backup_dir();
        create_private_dir(directory)?;
        let owner = Owner::of(directory).map_err(Error::io("read the metadata of", directory))?;
        let mut file = NewFile::create(directory, owner)?;
        let size = io::copy(&mut io::stdin().lock(), file.as_file_mut())
            .map_err(Error::io("store standard input in", directory))?;
        if size == 0 {
            bail!(UsageError(
                "standard input is empty: the command that should write the backup there may have failed; nothing was \
                 changed"
                    .into()
            ));
        }
        let pages = File::open(file.path())
            .and_then(|file| size_by_header(&file))
            .context("cannot read what was received")?;
        if let Some(pages) = pages.filter(|pages| *pages != size) {
            bail!(
                "standard input has {size} bytes, and the database in it {pages}; nothing was changed"
            );
        }
        Ok(Self(file))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Returns an error that speaks of standard input instead of the temporary file, which nobody has named.
    pub(super) fn explain(&self, error: Error) -> anyhow::Error {
        let mut error = error;
        let is_own = |path: &Path| path == self.path();
        match &mut error {
            Error::Backup(BackupFault::Damaged { path, reason }) if is_own(path) => {
                return anyhow!("standard input cannot be restored: {reason}; nothing was changed");
            }
            Error::Backup(BackupFault::Former { path }) if is_own(path) => {
                return UsageError(
                    "standard input is a backup of the former application; store it in a file, and convert it with \
                     `zenith-db adopt --from FILE --path NEW.db`"
                        .into(),
                )
                .into();
            }
            Error::Backup(
                BackupFault::Undecoded { path, .. }
                | BackupFault::TooLarge { path, .. }
                | BackupFault::Newer { path, .. }
                | BackupFault::OtherBackend { path, .. },
            )
            | Error::Io { path, .. }
                if is_own(path) =>
            {
                *path = "(standard input)".into();
            }
            Error::Refused { database, .. } if is_own(Path::new(database)) => {
                "standard input".clone_into(database);
            }
            _ => {}
        }
        error.into()
    }
}
