//! Reading, copying and hashing the bytes of a backup.

use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::regular::open_regular;
use crate::error::{Error, Result};
use crate::types::Sha256Hash;

/// Progress of copying, reading or checking a database or a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileProgress {
    /// What is done, such as `reading`.
    pub action: &'static str,
    /// Number of bytes that are done.
    pub done: u64,
    /// Number of bytes in all; 0 if it is not known, or the action does not count bytes.
    pub total: u64,
}

impl FileProgress {
    /// Returns the beginning of an action that does not count bytes.
    pub(in crate::manager) const fn unmeasured(action: &'static str) -> Self {
        Self { action, done: 0, total: 0 }
    }
}

pub(in crate::manager) const COPYING: &str = "copying";
pub(in crate::manager) const CHECKING: &str = "checking";

/// Action of [`write_bytes`] that fails if its target does.
pub(super) const WRITING: &str = "write a copy of";

/// Size and SHA-256 of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentDigest {
    /// Number of bytes.
    pub size_bytes: u64,
    /// SHA-256 of the bytes.
    pub sha256: Sha256Hash,
}

/// Number of bytes that are read at once.
pub(super) const PIECE: usize = 1024 * 1024;

/// Reader or writer that measures and hashes the bytes that pass through it.
pub(super) struct Digested<T> {
    inner: T,
    hash: Sha256,
    size: u64,
}

impl<T> Digested<T> {
    pub(super) fn new(inner: T) -> Self {
        Self { inner, hash: Sha256::new(), size: 0 }
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Returns the digest of what has passed.
    pub(super) fn digest(self) -> ContentDigest {
        let sha256 = Sha256Hash::from(<[u8; 32]>::from(self.hash.finalize()));
        ContentDigest { size_bytes: self.size, sha256 }
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
    }
}

impl<R: Read> Read for Digested<R> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(piece)?;
        self.pass(piece.get(..read).unwrap_or_default());
        Ok(read)
    }
}

impl<W: Write> Write for Digested<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.pass(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Returns the digest of a file.
pub(in crate::manager) fn digest_of(
    path: &Path,
    progress: &mut dyn FnMut(FileProgress),
) -> Result<ContentDigest> {
    read(path, "reading", progress, &mut io::sink())
}

/// Writes the bytes of a file to `target`. Returns their digest.
pub(in crate::manager) fn write_bytes(
    path: &Path,
    target: &mut dyn Write,
    progress: &mut dyn FnMut(FileProgress),
) -> Result<ContentDigest> {
    read(path, COPYING, progress, target)
}

fn read(
    path: &Path,
    action: &'static str,
    progress: &mut dyn FnMut(FileProgress),
    target: &mut dyn Write,
) -> Result<ContentDigest> {
    let failed = |cause| Error::io("read", path)(cause);
    let file = open_regular(path).map_err(failed)?;
    let total = file.metadata().map_err(failed)?.len();
    let mut file = Digested::new(file);
    let mut piece = vec![0; PIECE];
    while let Some(bytes) = next_piece(&mut file, &mut piece).map_err(failed)? {
        target.write_all(bytes).map_err(Error::io(WRITING, path))?;
        progress(FileProgress { action, done: file.size(), total });
    }
    Ok(file.digest())
}

/// Reads the next bytes; `None` at the end.
pub(super) fn next_piece<'a>(
    source: &mut dyn Read,
    piece: &'a mut [u8],
) -> io::Result<Option<&'a [u8]>> {
    loop {
        match source.read(piece) {
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            read => {
                let read = read?;
                return Ok((read > 0).then(|| piece.get(..read).unwrap_or_default()));
            }
        }
    }
}
