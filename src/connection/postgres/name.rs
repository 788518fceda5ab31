//! The name of the database in a URL.

use crate::config::ServerUrl;
use crate::error::{Error, Result};

/// Returns the name of the database at `url`, for statements that name it. What libpq takes otherwise, from `PGDATABASE`,
/// a service file or the name of the user, is not guessed.
///
/// # Errors
/// [`Error::Refused`] if the URL has none.
pub(crate) fn name_of(url: &ServerUrl) -> Result<String> {
    url.database().ok_or_else(|| {
        let reason = "the URL names no database, which this has to create, rename or drop; write the name after the \
                      host, even if PGDATABASE or a service file gives it: postgres://USER@HOST/NAME";
        Error::Refused { database: url.to_string(), reason: reason.into() }
    })
}
