//! Compression of backups, which are a feature of the command, and not of the library.

mod args;
mod missing;
#[cfg(not(feature = "zstd"))]
mod no_zstd;
#[cfg(feature = "zstd")]
mod zstd;

use std::io::{self, BufRead, Read, Write};

use zenith_db::manager::{BackupCodec, Compression, Encoding, Undecodable};

pub(super) use args::EncodingArgs;

use crate::exit::UsageError;
use missing::missing;
#[cfg(not(feature = "zstd"))]
use no_zstd as zstd;

/// First bytes of a file that zstd has compressed.
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";

/// Level of the compression without `--level`, which is that of the program `zstd`.
const LEVEL: i32 = 3;

/// Encodes new backups as the flags say, and decodes existing ones.
#[derive(Debug, Default)]
pub(super) struct Codec {
    level: Option<i32>,
}

impl Codec {
    /// Returns the codec that the flags of a backup describe.
    ///
    /// # Errors
    /// [`UsageError`] if the command was built without the feature that a flag needs.
    pub(super) fn for_backup(args: &EncodingArgs) -> Result<Self, UsageError> {
        if args.compress.is_some() && !cfg!(feature = "zstd") {
            return Err(UsageError(format!("--compress: {}", missing("zstd"))));
        }
        Ok(Self { level: args.compress.map(|_| args.level.unwrap_or(LEVEL)) })
    }
}

impl BackupCodec for Codec {
    fn encoding(&self) -> Encoding {
        Encoding { compression: self.level.map(|_| Compression::Zstd), encryption: None }
    }

    fn encode(&self, contents: &mut dyn Read, target: &mut dyn Write) -> io::Result<()> {
        match self.level {
            Some(level) => zstd::compress(level, contents, target),
            None => io::copy(contents, target).map(drop),
        }
    }

    fn decode<'a>(
        &self,
        mut file: Box<dyn BufRead + 'a>,
    ) -> Result<Box<dyn Read + 'a>, Undecodable> {
        if begins_with(&mut file, ZSTD)? { zstd::decompress(file) } else { Ok(Box::new(file)) }
    }
}

fn begins_with(file: &mut dyn BufRead, magic: &[u8]) -> Result<bool, Undecodable> {
    let head = file.fill_buf().map_err(|cause| Undecodable::Damaged(cause.to_string()))?;
    Ok(head.starts_with(magic))
}
