//! Encoding a verified copy, and decoding a backup into a temporary file.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use super::codec::{BackupCodec, Encoding, Undecodable};
use super::content::{ContentDigest, Digested, FileProgress, PIECE, digest_of, next_piece};
use super::manifest::BackupManifest;
use super::regular::open_regular;
use crate::connection::{self, NewFile, Owner};
use crate::error::{BackupFault, Error, Result};
use crate::manager::DatabaseManager;
use crate::manager::disk_space::{ensure_room, free_bytes};

/// Largest contents that are decoded if neither a manifest nor the free space says how many can be.
const LARGEST: u64 = 1 << 40;

/// Contents of an encoded backup.
pub(super) enum Decoded {
    File(NewFile, ContentDigest),
    /// There are no keys for it; the text says what to do.
    Not(String),
}

impl DatabaseManager {
    /// Encodes a verified copy as the codec says, and describes that in its manifest. Returns the file for the backup,
    /// and why its contents could not be decoded again and compared, if so.
    pub(super) fn encoded(
        &self,
        copy: NewFile,
        manifest: &mut BackupManifest,
        owner: Owner,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<(NewFile, Option<String>)> {
        let codec = self.codec.as_deref().filter(|codec| !codec.encoding().is_none());
        let Some(codec) = codec else { return Ok((copy, None)) };
        let unfaithful = |reason: &str| BackupFault::Unfaithful { reason: reason.to_owned() };
        let mut file = NewFile::create(self.config.backup_dir(), owner)?;
        let path = file.path().to_owned();
        let source = File::open(copy.path()).map_err(Error::io("read", copy.path()))?;
        let source = Watched::new(source, "encoding", manifest.size_bytes, progress);
        let mut source = Digested::new(BufReader::with_capacity(PIECE, source));
        let mut target = Digested::new(file.as_file_mut());
        codec
            .encode(&mut source, &mut target)
            .and_then(|()| target.flush())
            .map_err(Error::io("write the encoded backup to", &path))?;
        let (contents, written) = (source.digest(), target.digest());
        if contents != manifest.file() {
            return Err(unfaithful("it was not encoded whole").into());
        }
        if digest_of(&path, progress)? != written {
            return Err(unfaithful("its file is not what was written").into());
        }
        let undecoded = match decode(codec, &path, u64::MAX, &mut io::sink(), progress)? {
            Ok(decoded) if decoded == contents => None,
            Ok(_) => return Err(unfaithful("it decodes to other contents").into()),
            Err(Failure::Codec(Undecodable::Unsupported(reason))) => Some(reason),
            Err(failure) => return Err(unfaithful(&failure.reason()).into()),
        };
        manifest.encoding = codec.encoding();
        manifest.contents = Some(contents);
        (manifest.size_bytes, manifest.sha256) = (written.size_bytes, written.sha256);
        Ok((file, undecoded))
    }

    /// Decodes a backup into a temporary file in the backup directory, and compares the contents with the manifest.
    pub(super) fn decoded(
        &self,
        path: &Path,
        manifest: Option<&BackupManifest>,
        progress: &mut dyn FnMut(FileProgress),
    ) -> Result<Decoded> {
        let Some(codec) = self.codec.as_deref() else {
            let reason = "this program does not decode backups; `zenith-db backup verify` and `zenith-db restore` do";
            return Ok(Decoded::Not(reason.to_owned()));
        };
        let damaged = |reason| BackupFault::Damaged { path: path.to_owned(), reason };
        let directory = self.config.backup_dir();
        connection::create_private_dir(directory)?;
        let expected = manifest.and_then(|manifest| manifest.contents);
        let limit = limit(directory, expected)?;
        let owner = Owner::of(directory).map_err(Error::io("read the metadata of", directory))?;
        let mut file = NewFile::create(directory, owner)?;
        match decode(codec, path, limit, file.as_file_mut(), progress)? {
            Ok(contents) if expected.is_none_or(|expected| expected == contents) => {
                Ok(Decoded::File(file, contents))
            }
            Ok(_) => Err(damaged("its contents are not those of its manifest".into()).into()),
            Err(Failure::TooLarge) if expected.is_none() => {
                let (path, directory) = (path.to_owned(), directory.to_owned());
                Err(BackupFault::TooLarge { path, limit, directory }.into())
            }
            Err(Failure::Codec(Undecodable::Unsupported(reason))) => Ok(Decoded::Not(reason)),
            Err(Failure::Codec(Undecodable::WrongKey(reason))) => {
                Err(BackupFault::Undecoded { path: path.to_owned(), reason }.into())
            }
            Err(failure) => Err(damaged(failure.reason()).into()),
        }
    }
}

/// Returns how many bytes may be decoded into a directory: those of the manifest, for which there must be space, or
/// else half of the free space, because a restore copies them once more.
fn limit(directory: &Path, expected: Option<ContentDigest>) -> Result<u64> {
    match expected.map(|expected| expected.size_bytes) {
        Some(size) => ensure_room([("decoding the backup", directory, size)]).map(|_| size),
        None => Ok(free_bytes(directory)?.map_or(LARGEST, |free| free / 2)),
    }
}

/// Why a file was not decoded.
enum Failure {
    Codec(Undecodable),
    TooLarge,
}

impl Failure {
    fn reason(self) -> String {
        match self {
            Self::Codec(
                Undecodable::Unsupported(reason)
                | Undecodable::WrongKey(reason)
                | Undecodable::Damaged(reason),
            ) => reason,
            Self::TooLarge => "it decodes to more bytes than its manifest says".to_owned(),
        }
    }
}

/// Writes the contents of a file to `target`, unless they have more than `limit` bytes. Returns their digest.
fn decode(
    codec: &dyn BackupCodec,
    path: &Path,
    limit: u64,
    target: &mut dyn Write,
    progress: &mut dyn FnMut(FileProgress),
) -> Result<std::result::Result<ContentDigest, Failure>> {
    let failed = |cause| Error::io("read", path)(cause);
    let file = open_regular(path).map_err(failed)?;
    let total = file.metadata().map_err(failed)?.len();
    let file = Watched::new(file, "decoding", total, progress);
    let reader = match codec.decode(Box::new(BufReader::with_capacity(PIECE, file))) {
        Ok(reader) => reader,
        Err(undecodable) => return Ok(Err(Failure::Codec(undecodable))),
    };
    let mut reader = Digested::new(reader);
    let mut piece = vec![0; PIECE];
    loop {
        match next_piece(&mut reader, &mut piece) {
            Ok(None) => return Ok(Ok(reader.digest())),
            Ok(Some(_)) if reader.size() > limit => return Ok(Err(Failure::TooLarge)),
            Ok(Some(bytes)) => {
                target.write_all(bytes).map_err(Error::io("write the contents of", path))?;
            }
            // Of the disk.
            Err(cause) if cause.raw_os_error().is_some() => return Err(failed(cause)),
            Err(cause) => {
                let reason = format!("it is damaged: {cause}");
                return Ok(Err(Failure::Codec(Undecodable::Damaged(reason))));
            }
        }
    }
}

/// File whose progress is reported as it is read.
struct Watched<'a> {
    file: File,
    at: FileProgress,
    progress: &'a mut dyn FnMut(FileProgress),
}

impl<'a> Watched<'a> {
    fn new(
        file: File,
        action: &'static str,
        total: u64,
        progress: &'a mut dyn FnMut(FileProgress),
    ) -> Self {
        Self { file, at: FileProgress { action, done: 0, total }, progress }
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(piece)?;
        self.at.done += read as u64;
        (self.progress)(self.at);
        Ok(read)
    }
}

/// How a file is encoded, by its manifest, or else by its first bytes; `None` if it is not.
pub(super) fn encoding_of(path: &Path, manifest: Option<&BackupManifest>) -> Option<Encoding> {
    let found = Encoding::of_file(path)?;
    Some(manifest.map(|manifest| manifest.encoding).filter(|said| !said.is_none()).unwrap_or(found))
}
