//! Reading and copying the bytes of a backup.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::types::Sha256Hash;

/// Progress of reading a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileProgress {
    /// What is done with the file, such as `reading`.
    pub action: &'static str,
    /// Number of bytes that have been read.
    pub done: u64,
    /// Size of the file, in bytes.
    pub total: u64,
}

/// Number of bytes that are read at once.
const PIECE: usize = 1024 * 1024;

/// Returns the size of a file and the SHA-256 of its bytes.
pub(in crate::manager) fn digest_of(
    path: &Path,
    progress: &mut dyn FnMut(FileProgress),
) -> Result<(u64, Sha256Hash)> {
    read(path, "reading", progress, &mut io::sink())
}

/// Writes the bytes of a file to `target`. Returns their number and SHA-256.
pub(in crate::manager) fn write_bytes(
    path: &Path,
    target: &mut dyn Write,
    progress: &mut dyn FnMut(FileProgress),
) -> Result<(u64, Sha256Hash)> {
    read(path, "copying", progress, target)
}

fn read(
    path: &Path,
    action: &'static str,
    progress: &mut dyn FnMut(FileProgress),
    target: &mut dyn Write,
) -> Result<(u64, Sha256Hash)> {
    let failed = |cause| Error::io("read", path)(cause);
    let mut file = File::open(path).map_err(failed)?;
    let total = file.metadata().map_err(failed)?.len();
    let (mut hash, mut done) = (Sha256::new(), 0);
    let mut piece = vec![0; PIECE];
    loop {
        let read = match file.read(&mut piece) {
            Ok(0) => return Ok((done, Sha256Hash::from(<[u8; 32]>::from(hash.finalize())))),
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(failed)?,
        };
        let bytes = piece.get(..read).unwrap_or_default();
        hash.update(bytes);
        target.write_all(bytes).map_err(Error::io("write a copy of", path))?;
        done += read as u64;
        progress(FileProgress { action, done, total });
    }
}
