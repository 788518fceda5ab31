//! Parsers of values: each returns the value, or a text that says what is allowed.

use std::ops::RangeInclusive;
use std::time::Duration;

/// SQLite's `PRAGMA synchronous`: how often SQLite waits until data is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronous {
    /// The fastest. With a write-ahead log, a power failure may lose the last commits, but does not damage
    /// the database; with a rollback journal, it may damage the database on an old file system.
    Normal,
    /// The default. With a write-ahead log, every commit survives a power failure.
    Full,
    /// Like `full`, but with a rollback journal also synchronises the directory after deleting the journal,
    /// so that the last commit survives a power failure too.
    Extra,
}

impl Synchronous {
    /// Returns SQLite's name of the value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Full => "full",
            Self::Extra => "extra",
        }
    }

    /// Returns SQLite's number of the value, as `PRAGMA synchronous` returns it.
    #[must_use]
    pub const fn level(self) -> i64 {
        match self {
            Self::Normal => 1,
            Self::Full => 2,
            Self::Extra => 3,
        }
    }
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("write true, false, 1, 0, yes, no, on or off".into()),
    }
}

pub(super) fn synchronous(text: &str) -> Result<Synchronous, String> {
    match text.to_ascii_lowercase().as_str() {
        "normal" => Ok(Synchronous::Normal),
        "full" => Ok(Synchronous::Full),
        "extra" => Ok(Synchronous::Extra),
        "off" => Err("off can corrupt the database on a power failure; write full, normal or \
                      extra"
            .into()),
        _ => Err("write full, normal or extra".into()),
    }
}

pub(super) fn backups(text: &str) -> Result<u32, String> {
    whole(text, 0..=100_000, "backups, or 0 to keep all")
}

pub(super) fn connections(text: &str) -> Result<u32, String> {
    whole(text, 1..=1000, "connections")
}

/// Parses the name of a schema, as it is stored: neither quoted nor folded to lower case.
pub(super) fn schema(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 63 || text.contains(char::is_control) {
        return Err("write the name of a schema, of 1 to 63 bytes".into());
    }
    if text.starts_with("pg_") || text == "information_schema" {
        return Err("schemas of this name belong to PostgreSQL".into());
    }
    if text == "$user" {
        return Err("in a search_path this stands for the name of the user; write that".into());
    }
    if text.contains('"') && text.starts_with('"') && text.ends_with('"') {
        return Err("write the name without the quotes of SQL".into());
    }
    Ok(text.to_owned())
}

/// Parses the size of the page cache: at most 16 GiB, in pages or in KiB.
pub(super) fn cache_size(text: &str) -> Result<i32, String> {
    match whole(text, -16_777_216..=4_194_304, "pages, or of KiB if negative")? {
        0 => Err("0 would disable the cache; the default is 10000 pages".into()),
        size => Ok(size),
    }
}

pub(super) fn milliseconds(text: &str, range: RangeInclusive<u32>) -> Result<Duration, String> {
    whole(text, range, "milliseconds").map(|ms| Duration::from_millis(ms.into()))
}

fn whole<T>(text: &str, range: RangeInclusive<T>, unit: &str) -> Result<T, String>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    // FromStr takes a leading `+`, which no other program that reads the variable may.
    let plain = !text.starts_with('+');
    text.parse().ok().filter(|number| plain && range.contains(number)).ok_or_else(|| {
        format!("write a whole number of {unit} from {} to {}", range.start(), range.end())
    })
}
