//! The `file:` URI of a path.

use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::config::LONGEST_PATH;
use crate::error::{Error, Result};

/// Returns the `file:` URI of exactly this path. SQLite offers modes only through URIs; every byte
/// with a meaning in a URI is escaped.
///
/// # Errors
/// [`Error::Io`] if the working directory is unknown; [`Error::Refused`] if the path is too long.
pub fn literal_uri(path: &Path) -> Result<String> {
    let absolute = std::path::absolute(path).map_err(Error::io("resolve the path", path))?;
    if absolute.as_os_str().len() > LONGEST_PATH {
        let reason =
            format!("its absolute path has more than {LONGEST_PATH} bytes, SQLite's limit");
        return Err(Error::Refused { database: path.display().to_string(), reason });
    }
    #[cfg(unix)]
    let bytes = std::os::unix::ffi::OsStrExt::as_bytes(absolute.as_os_str());
    #[cfg(not(unix))]
    let text = format!("/{}", absolute.to_string_lossy().replace('\\', "/"));
    #[cfg(not(unix))]
    let bytes = text.as_bytes();
    Ok(format!("file://{}", percent_encode(bytes, PLAIN_IN_A_PATH)))
}

/// Characters that stand for themselves in the path of a URI.
const PLAIN_IN_A_PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b':');
