//! The subcommand that writes the script of a rebuild; it needs no database and no configuration.

use std::path::Path;

use serde_json::json;

use super::Exit;
use super::commands::UsageError;
use super::output::Output;
use crate::connection::Backend;
use crate::migrations::lint::MigrationSet;
use crate::migrations::rebuild_script;

pub(super) fn run(output: Output, table: &str, directory: &Path) -> anyhow::Result<Exit> {
    let below = directory.join("sqlite");
    let directory = if below.is_dir() { &below } else { directory };
    let set = MigrationSet::read(directory, Backend::Sqlite)
        .map_err(|error| UsageError(error.to_string()))?;
    let script = rebuild_script(&set.migrations, table)?;
    output
        .result(&json!({ "table": table, "script": script }), |out, _| write!(out, "{script}"))?;
    Ok(Exit::Done)
}
