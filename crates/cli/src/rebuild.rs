//! The subcommand `migration rebuild`, which needs neither a database nor a configuration.

use std::path::Path;

use serde_json::json;
use zenith_db::Backend;
use zenith_db_lint::MigrationSet;
use zenith_db_lint::rebuild_script;

use super::exit::{Exit, UsageError};
use super::output::Output;

pub(super) fn run(output: Output, table: &str, directory: &Path) -> anyhow::Result<Exit> {
    let below = directory.join("sqlite");
    let directory = if below.is_dir() { &below } else { directory };
    let set = MigrationSet::read(directory, Backend::Sqlite)
        .map_err(|error| UsageError(error.to_string()))?;
    let script = rebuild_script(&set.migrations, table)?;
    output.script(&json!({ "table": table, "script": script }), &script)?;
    Ok(Exit::Done)
}
