//! Secrets that are read as one line, or given in the wrong place.

use std::io::{self, Read};

use secrecy::SecretString;
use zenith_db::internal::config::{has_secret_key, masked};

/// Largest input that is read, in bytes.
const LONGEST: u64 = 4096;

/// Returns the part of the input that can hold a secret, and enough of the rest to see that it is too long.
pub(super) fn limited<R: Read>(input: R) -> io::Take<R> {
    input.take(LONGEST + 1)
}

/// Returns the line without a byte order mark and its end, or why it cannot be a password.
pub(super) fn line_in(bytes: &[u8]) -> Result<SecretString, &'static str> {
    if bytes.len() as u64 > LONGEST {
        return Err("has more than 4096 bytes, and must be one line with the password");
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    let text = text.ok_or("is not a text in UTF-8, and must be one line with the password")?;
    let line = text.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    match line.unwrap_or(text) {
        "" => Err("is empty"),
        line if line.contains(['\n', '\r']) => {
            Err("has several lines, and must be one line with the password")
        }
        line => Ok(line.into()),
    }
}

/// Whether a text that was given may be a secret: the URL of a server with its password, or a secret key.
pub(super) fn may_be(text: &str) -> bool {
    masked(text) != text || has_secret_key(text)
}
