//! Names of backup files: `STEM-TIME.db` for SQLite, `STEM-TIME.dump` for PostgreSQL; those of the former
//! application, and of the originals that an adoption keeps. The name of an encoded backup also has the ending of its
//! [encoding](super::Encoding). A stem of more than 200 bytes is shortened.

use chrono::NaiveDateTime;

use super::codec::without_suffix;
use crate::config::{Config, Location};
#[cfg(feature = "postgres")]
use crate::types::Sha256Hash;
use crate::types::UtcTime;

/// Time format in UTC, with microseconds so that names differ and sort by time.
const TIME: &str = "%Y%m%dT%H%M%S%.6fZ";

/// Pattern of the names of one database's backups.
pub(super) struct BackupName {
    stem: String,
    extension: &'static str,
}

impl BackupName {
    /// Returns the pattern of the configured database, on a server with the schema, if that is configured: several may
    /// share a database.
    pub(super) fn of(config: &Config) -> Self {
        match config.location() {
            Location::Sqlite(path) => Self { stem: path.stem_in_names(), extension: "db" },
            // The name of a database may contain characters that a file name must not.
            #[cfg(feature = "postgres")]
            Location::Postgres(url) => {
                let plain = |c: char| if c.is_alphanumeric() || "-_".contains(c) { c } else { '_' };
                let name = url.database().unwrap_or_else(|| "zenith".into());
                let mut stem: String = name.chars().map(plain).collect();
                if let Some(schema) = &config.server().schema {
                    let shown: String = schema.chars().map(plain).collect();
                    stem = format!("{stem}.{shown}");
                    if shown != *schema {
                        let digest = Sha256Hash::of(schema).to_string();
                        stem.push('.');
                        stem.extend(digest.chars().take(8));
                    }
                }
                Self { stem, extension: "dump" }
            }
        }
    }

    /// Returns the name of a backup taken at this time, which is not encoded.
    pub(super) fn at(&self, time: UtcTime) -> String {
        format!("{}-{}.{}", self.stem, time.as_datetime().format(TIME), self.extension)
    }

    /// Returns the time in a file name; `None` if it is not the name of a backup of this database.
    pub(super) fn time_of(&self, name: &str) -> Option<UtcTime> {
        let name = without_suffix(name);
        let rest = name.strip_prefix(&self.stem)?.strip_prefix('-')?;
        let time = rest.strip_suffix(self.extension)?.strip_suffix('.')?;
        let time = UtcTime::from(NaiveDateTime::parse_from_str(time, TIME).ok()?.and_utc());
        // The parser accepts more forms than `at` writes.
        (self.at(time) == name).then_some(time)
    }

    /// Whether this is the name of an original that an adoption of this database has kept.
    pub(super) fn is_retained_original(&self, name: &str) -> bool {
        let rest = name.strip_prefix(&self.stem).and_then(|rest| rest.strip_prefix("-legacy-"));
        rest.is_some_and(|rest| rest.strip_suffix(".db").is_some())
    }
}

/// Whether this is the name of a backup that the former application took.
pub(super) fn is_former(name: &str) -> bool {
    let is = |start: &str, end: &str| {
        name.strip_prefix(start).is_some_and(|rest| rest.strip_suffix(end).is_some())
    };
    is("zenith_backup_", ".db") || is("zenith_db_backup_", "_pre_migration.db")
}
