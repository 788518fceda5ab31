//! Compression and encryption of backups, which are features of the command, and not of the library.

#[cfg(feature = "age")]
mod age;
mod args;
mod missing;
#[cfg(not(feature = "age"))]
mod no_age;
#[cfg(not(feature = "zstd"))]
mod no_zstd;
#[cfg(feature = "zstd")]
mod zstd;

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};

use zenith_db::manager::{BackupCodec, Compression, Encoding, Encryption, Undecodable};

pub(super) use args::{EncodingArgs, KeyArgs};

use crate::exit::UsageError;
use missing::missing;
#[cfg(not(feature = "age"))]
use no_age as age;
#[cfg(not(feature = "zstd"))]
use no_zstd as zstd;

/// First bytes of a file that zstd has compressed.
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";

/// First bytes of a file that age has encrypted.
const AGE: &[u8] = b"age-encryption.org/";

/// Level of the compression without `--level`, which is that of the program `zstd`.
const LEVEL: i32 = 3;

/// Encodes new backups as the flags say, and decodes existing ones.
#[derive(Default)]
pub(super) struct Codec {
    level: Option<i32>,
    encryption: Option<age::Encryption>,
    keys: age::Keys,
}

/// Without the keys.
impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codec").field("encoding", &self.encoding()).finish_non_exhaustive()
    }
}

impl Codec {
    /// Returns the codec that the flags of a backup describe.
    ///
    /// # Errors
    /// [`UsageError`] if the command was built without the feature that a flag needs, or a file of keys cannot be used.
    pub(super) fn for_backup(args: &EncodingArgs) -> Result<Self, UsageError> {
        if args.compress.is_some() && !cfg!(feature = "zstd") {
            return Err(UsageError(format!("--compress: {}", missing("zstd"))));
        }
        let level = args.compress.map(|_| args.level.unwrap_or(LEVEL));
        let encryption = age::Encryption::of(args)?;
        if encryption.is_none() && !args.identity.is_empty() {
            let reason = "--identity has no effect without --encrypt or --encrypt-file";
            return Err(UsageError(reason.to_owned()));
        }
        let keys = KeyArgs {
            identity: args.identity.clone(),
            passphrase_file: args.passphrase_file.clone(),
        };
        Ok(Self { level, encryption, keys: age::Keys::of(&keys)? })
    }

    /// Returns the codec that reads backups with the keys that the flags name.
    ///
    /// # Errors
    /// As [`Codec::for_backup`].
    pub(super) fn for_reading(args: &KeyArgs) -> Result<Self, UsageError> {
        Ok(Self { keys: age::Keys::of(args)?, ..Self::default() })
    }

    fn compress(&self, contents: &mut dyn Read, target: &mut dyn Write) -> io::Result<()> {
        match self.level {
            Some(level) => zstd::compress(level, contents, target),
            None => io::copy(contents, target).map(drop),
        }
    }
}

impl BackupCodec for Codec {
    fn encoding(&self) -> Encoding {
        Encoding {
            compression: self.level.map(|_| Compression::Zstd),
            encryption: self.encryption.as_ref().map(|_| Encryption::Age),
        }
    }

    fn encode(&self, contents: &mut dyn Read, target: &mut dyn Write) -> io::Result<()> {
        match &self.encryption {
            Some(age) => age.encrypt(target, |target| self.compress(contents, target)),
            None => self.compress(contents, target),
        }
    }

    fn decode<'a>(
        &self,
        mut file: Box<dyn BufRead + 'a>,
    ) -> Result<Box<dyn Read + 'a>, Undecodable> {
        if begins_with(&mut file, AGE)? {
            file = Box::new(BufReader::new(self.keys.decrypt(file)?));
        }
        if begins_with(&mut file, ZSTD)? { zstd::decompress(file) } else { Ok(Box::new(file)) }
    }
}

fn begins_with(file: &mut dyn BufRead, magic: &[u8]) -> Result<bool, Undecodable> {
    let damaged = |cause| Undecodable::Damaged(format!("it is damaged: {cause}"));
    Ok(file.fill_buf().map_err(damaged)?.starts_with(magic))
}
