//! Files and directories that only their owner can read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

use crate::{Error, Result};

/// Creates a directory and what is missing above it, mode 0700.
///
/// One that exists is left as it is, except that an empty one (hidden files aside) becomes private:
/// it was made for us, by a volume mount or a checkout.
pub(crate) fn create_private_dir(path: &Path) -> Result<()> {
    if path.is_dir() {
        return tighten_if_empty(path).map_err(Error::io("make private the directory", path));
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(Error::io("create the directory", path))
}

#[cfg(unix)]
fn tighten_if_empty(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let mode = fs::metadata(path)?.permissions().mode();
    let shared_on_purpose = mode & 0o1022 != 0;
    let mut entries = fs::read_dir(path)?.filter_map(io::Result::ok);
    let in_use = entries.any(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    if mode & 0o077 == 0 || shared_on_purpose || in_use {
        return Ok(());
    }
    match fs::set_permissions(path, fs::Permissions::from_mode(0o700)) {
        // Somebody else's directory: the health check reports what is wrong with it.
        Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

#[cfg(not(unix))]
fn tighten_if_empty(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Creates an empty file, mode 0600. Returns false if something is there already.
pub(super) fn create_private_file(path: &Path) -> io::Result<bool> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(true),
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(cause) => Err(cause),
    }
}

/// Makes the names in a directory durable, after a rename. Only Unix can.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}
