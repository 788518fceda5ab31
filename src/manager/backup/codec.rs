//! What compresses and encrypts the files of backups. This library does neither: the program that uses it does,
//! and needs the libraries for it.

use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::regular::open_regular;

/// Compresses, encrypts, and decodes backups. [`DatabaseManager::with_codec`] sets it.
///
/// Backups that [`DatabaseManager::backup`] and [`DatabaseManager::write_backup`] take are encoded; those that are
/// taken before a change are not, so that the program that changes the database can restore them. Every method that
/// reads a backup decodes it.
///
/// [`DatabaseManager::with_codec`]: crate::manager::DatabaseManager::with_codec
/// [`DatabaseManager::backup`]: crate::manager::DatabaseManager::backup
/// [`DatabaseManager::write_backup`]: crate::manager::DatabaseManager::write_backup
pub trait BackupCodec: fmt::Debug + Send + Sync {
    /// Returns how new backups are encoded; the default for not at all.
    fn encoding(&self) -> Encoding;

    /// Writes `contents` as [`BackupCodec::encoding`] says.
    ///
    /// # Errors
    /// The error of either side, or of the encoding.
    fn encode(&self, contents: &mut dyn Read, target: &mut dyn Write) -> io::Result<()>;

    /// Returns a reader of the contents of a file. It must fail if the file was truncated or has bytes after its
    /// end.
    ///
    /// # Errors
    /// [`Undecodable`].
    fn decode<'a>(&self, file: Box<dyn BufRead + 'a>) -> Result<Box<dyn Read + 'a>, Undecodable>;
}

/// Why a codec does not decode a file. The texts complete "the backup cannot be decoded: ", and say what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undecodable {
    /// The codec has no key of the kind that the file needs, or does not know how it is encoded.
    Unsupported(String),
    /// None of the keys that the codec has is one for the file.
    WrongKey(String),
    /// The file is damaged.
    Damaged(String),
}

/// How the file of a backup is encoded: first compressed, then encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoding {
    /// Compression, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    /// Encryption, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
}

/// Compression of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Zstandard ([RFC 8878](https://www.rfc-editor.org/rfc/rfc8878)).
    Zstd,
}

/// Encryption of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// [age](https://age-encryption.org/v1), for recipients or with a passphrase.
    Age,
}

/// First bytes of each kind of file, with what they say.
const MAGIC: [(&[u8], Encoding); 2] = [
    (b"\x28\xb5\x2f\xfd", Encoding { compression: Some(Compression::Zstd), encryption: None }),
    (b"age-encryption.org/", Encoding { compression: None, encryption: Some(Encryption::Age) }),
];

/// Endings of the names of encoded backups.
const SUFFIXES: [&str; 3] = [".zst.age", ".zst", ".age"];

impl Encoding {
    /// Returns the names and values of what is not left out of its JSON.
    pub(super) fn entries(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let compression = self.compression.map(|Compression::Zstd| ("compression", "zstd"));
        let encryption = self.encryption.map(|Encryption::Age| ("encryption", "age"));
        compression.into_iter().chain(encryption)
    }

    /// Whether the contents are stored as they are.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.compression.is_none() && self.encryption.is_none()
    }

    /// Returns what the first bytes of a file say; `None` if it is not encoded, or cannot be read. What is encrypted
    /// may also be compressed.
    pub(super) fn of_file(path: &Path) -> Option<Self> {
        let mut head = Vec::new();
        open_regular(path).ok()?.take(32).read_to_end(&mut head).ok()?;
        MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, encoding)| *encoding)
    }

    /// Returns the ending of the name of a file.
    pub(super) const fn suffix(self) -> &'static str {
        let [both, zst, age] = SUFFIXES;
        match (self.compression, self.encryption) {
            (None, None) => "",
            (Some(Compression::Zstd), None) => zst,
            (None, Some(Encryption::Age)) => age,
            (Some(Compression::Zstd), Some(Encryption::Age)) => both,
        }
    }
}

/// Returns the name of a backup without the ending that says how it is encoded.
pub(super) fn without_suffix(name: &str) -> &str {
    SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}
