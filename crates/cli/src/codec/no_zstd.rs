//! What the command does without the feature `zstd`.

use std::io::{self, BufRead, Read, Write};

use zenith_db::manager::Undecodable;

use super::missing::missing;

pub(super) fn compress(_: i32, _: &mut dyn Read, _: &mut dyn Write) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, missing("zstd")))
}

pub(super) fn decompress<'a>(_: Box<dyn BufRead + 'a>) -> Result<Box<dyn Read + 'a>, Undecodable> {
    let reason = format!("it is compressed with zstd, and {}", missing("zstd"));
    Err(Undecodable::Unsupported(reason))
}
