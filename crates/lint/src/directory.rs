//! Reading migrations from a directory.

use std::io::{Error, ErrorKind, Result};
use std::path::Path;

use zenith_db::Backend;

use super::{MigrationSet, SourceMigration, SourceScript};

impl MigrationSet {
    /// The migrations below a directory: each in one of its own with `up.sql` and `down.sql`. Other
    /// files and directories are passed over.
    ///
    /// # Errors
    /// An error that names the path, if it cannot be read or holds no migration.
    pub fn read(directory: &Path, backend: Backend) -> Result<Self> {
        let named = |path: &Path, cause: &Error| {
            Error::new(cause.kind(), format!("cannot read {}: {cause}", path.display()))
        };
        let mut migrations = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(|cause| named(directory, &cause))? {
            let path = entry.map_err(|cause| named(directory, &cause))?.path();
            let script = |name: &str| {
                let file = path.join(name);
                match std::fs::read_to_string(&file) {
                    Ok(text) => Ok(Some(SourceScript { file, text })),
                    Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
                    Err(cause) => Err(named(&file, &cause)),
                }
            };
            if !path.is_dir() {
                continue;
            }
            let (up, down) = (script("up.sql")?, script("down.sql")?);
            if up.is_none() && down.is_none() {
                continue;
            }
            let or_empty = |script: Option<SourceScript>, name: &str| {
                script
                    .unwrap_or_else(|| SourceScript { file: path.join(name), text: String::new() })
            };
            let (up, down) = (or_empty(up, "up.sql"), or_empty(down, "down.sql"));
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            migrations.push(SourceMigration { name, up, down });
        }
        migrations.sort_by(|a, b| a.name.cmp(&b.name));
        if migrations.is_empty() {
            let problem = format!("there are no migrations in {}", directory.display());
            return Err(Error::new(ErrorKind::NotFound, problem));
        }
        Ok(Self { backend, migrations })
    }
}
