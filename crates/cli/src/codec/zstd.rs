//! Compression with Zstandard.

use std::io::{self, BufRead, Read, Write};

use zenith_db::manager::Undecodable;
use zstd::stream::{read, write};

pub(super) fn compress(
    level: i32,
    contents: &mut dyn Read,
    target: &mut dyn Write,
) -> io::Result<()> {
    let mut encoder = write::Encoder::new(target, level)?;
    // `zstd --test` then finds what an altered byte does to the contents.
    encoder.include_checksum(true)?;
    io::copy(contents, &mut encoder)?;
    encoder.finish().map(drop)
}

pub(super) fn decompress<'a>(
    file: Box<dyn BufRead + 'a>,
) -> Result<Box<dyn Read + 'a>, Undecodable> {
    let decoder = read::Decoder::with_buffer(file);
    let decoder =
        decoder.map_err(|cause| Undecodable::Damaged(format!("it is damaged: {cause}")))?;
    Ok(Box::new(decoder))
}
