//! Dispatch of the subcommands: each calls the library and prints the report.

use std::sync::Arc;

use serde_json::json;
use zenith_db::Error;
use zenith_db::config::Location;
use zenith_db::manager::DatabaseManager;
use zenith_db::migrations::EmbeddedMigration;
use zenith_db_import::AdoptionOptions;
use zenith_db_transfer::{TransferOptions, transfer};

use super::args::{Args, BackupCommand, Command, MigrationCommand};
use super::codec::Codec;
use super::exit::{Exit, of_database};
use super::output::Output;
use super::{
    adopt, backup, create, flags, lint, migrate, purge, rebuild, render, restore, roles, user,
};

pub(super) fn run(
    args: &Args,
    output: Output,
    own: &'static [EmbeddedMigration],
) -> anyhow::Result<Exit> {
    flags::check(args)?;
    match &args.command {
        Command::Migration(MigrationCommand::Lint { directory, backend }) => {
            return lint::run(output, directory, *backend);
        }
        Command::Migration(MigrationCommand::Rebuild { table, directory }) => {
            return rebuild::run(output, table, directory);
        }
        _ => {}
    }
    let config = flags::load_config(args).map_err(Error::from)?;
    flags::refuse_public_password(&config)?;
    for warning in config.warnings() {
        output.warning(warning);
    }
    let manager = DatabaseManager::with_own(config, own)?;
    with_manager(args, output, &manager).map_err(|error| {
        // A transfer knows which of its two servers has refused something.
        if matches!(args.command, Command::Transfer { .. }) {
            return error;
        }
        let manager = match &args.command {
            Command::Restore(restore) => restore::target(&manager, restore).unwrap_or(manager),
            _ => manager,
        };
        match of_database(&error).and_then(|error| manager.refused_role(error)) {
            Some(role) => error.context(role),
            None => error,
        }
    })
}

fn with_manager(args: &Args, output: Output, manager: &DatabaseManager) -> anyhow::Result<Exit> {
    match &args.command {
        Command::Create => create::create(args, output, manager),
        Command::Migrate { .. } | Command::Rollback { .. } | Command::Redo { .. } => {
            migrate::run(args, output, manager)
        }
        Command::Adopt { from, plan, quarantine } => {
            let options =
                AdoptionOptions { from: from.clone(), plan: *plan, quarantine: quarantine.clone() };
            adopt::run(args, output, manager, &options)
        }
        Command::Seed => {
            let report = manager.seed()?;
            output.result(&report, |out, report| render::seed(out, report))?;
            Ok(Exit::Done)
        }
        Command::Purge(ages) => purge::run(args, output, manager, ages),
        Command::HealthCheck { deep } => {
            let report = if *deep {
                output.while_checking(|progress| manager.deep_health_check(progress))
            } else {
                output.while_working("checking", || manager.health_check())
            };
            output.result(&report, |out, report| render::health(out, report))?;
            Ok(create::health_exit(manager, &report))
        }
        Command::Status => {
            let status = manager.status()?;
            output.result(&status, |out, status| render::status(out, status))?;
            Ok(Exit::Done)
        }
        Command::Backup { command, to, encoding } => {
            let codec = match command {
                Some(BackupCommand::Verify { keys, .. }) => Codec::for_reading(keys)?,
                _ => Codec::for_backup(encoding)?,
            };
            let manager = manager.clone().with_codec(Arc::new(codec));
            backup::run(args, output, &manager, command.as_ref(), to.is_some())
        }
        Command::Restore(restore) => {
            let manager = manager.clone().with_codec(Arc::new(Codec::for_reading(&restore.keys)?));
            restore::run(args, output, &manager, restore)
        }
        Command::Transfer { to, resume, leave_other_tables } => {
            let to = Location::from_flag("--to", to).map_err(Error::from)?;
            flags::refuse_password_of(&to, "--to")?;
            let options = TransferOptions {
                resume: *resume,
                leave_other_tables: *leave_other_tables,
                ..TransferOptions::default()
            };
            let record =
                output.while_transferring(|progress| transfer(manager, &to, &options, progress))?;
            output.result(&record, |out, record| render::transfer(out, record))?;
            Ok(Exit::Done)
        }
        Command::User(command) => user::run(output, manager, command),
        Command::Roles { prefix, apply } => roles::run(args, output, manager, prefix, *apply),
        Command::Config => {
            let settings = json!({ "settings": manager.config().settings() });
            let table = manager.config().settings();
            output.result(&settings, |out, _| render::config(out, table))?;
            Ok(Exit::Done)
        }
        // Handled above, because they need no configuration.
        Command::Migration(_) => Ok(Exit::Usage),
        Command::Ensure => create::ensure(args, output, manager),
    }
}
