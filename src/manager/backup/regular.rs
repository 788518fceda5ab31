//! Opening files that anybody may have put into the backup directory.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// What is wrong with a path that names a directory, a pipe, a socket or a device.
pub(super) const NOT_REGULAR: &str = "it is not a regular file";

/// Opens a regular file for reading, and nothing else: opening a pipe waits for a writer, and a device may have no end.
///
/// # Errors
/// That of the operating system; [`NOT_REGULAR`].
pub(in crate::manager) fn open_regular(path: &Path) -> io::Result<File> {
    // Opening some devices acts on them, so that this comes first.
    ensure_regular(&fs::metadata(path)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags);
    }
    let file = options.open(path)?;
    // It may have been replaced meanwhile.
    ensure_regular(&file.metadata()?)?;
    Ok(file)
}

fn ensure_regular(found: &fs::Metadata) -> io::Result<()> {
    if found.is_file() { Ok(()) } else { Err(io::Error::other(NOT_REGULAR)) }
}
