//! The subcommands: each calls the manager once or twice and prints what comes back.

use std::fmt;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use zenith_db::config::{EnvFile, Key, Loader, Location, Source};
use zenith_db::manager::{Administrator, DatabaseManager, HealthReport, SetupReport};
use zenith_db::{Config, Error, MigrationFault};
use zenith_db_import::AdoptionOptions;
use zenith_db_transfer::{TransferError, TransferOptions, transfer};

use super::args::{Args, Command, MigrationCommand};
use super::output::Output;
use super::{Exit, adopt, ask, lint, migrate, rebuild, render};

/// Flags that cannot be used together or here.
#[derive(Debug)]
pub(super) struct UsageError(pub(super) String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

pub(super) fn exit_of(error: &anyhow::Error) -> Exit {
    if error.downcast_ref::<UsageError>().is_some() {
        return Exit::Usage;
    }
    let of_database = match error.downcast_ref() {
        Some(TransferError::Database(error)) => Some(error),
        _ => error.downcast_ref::<Error>(),
    };
    match of_database {
        Some(
            Error::Config(_)
            | Error::Refused { .. }
            | Error::FormerDatabase { .. }
            | Error::Password(_)
            | Error::Administrator { .. }
            | Error::Migration(MigrationFault::UnknownVersion { .. }),
        ) => Exit::Usage,
        Some(Error::NoDatabase { .. }) => Exit::NoDatabase,
        _ => Exit::Failed,
    }
}

pub(super) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    check_flags(args)?;
    match &args.command {
        Command::Migration(MigrationCommand::Lint { directory, backend }) => {
            return lint::run(output, directory, *backend);
        }
        Command::Migration(MigrationCommand::Rebuild { table, directory }) => {
            return rebuild::run(output, table, directory);
        }
        _ => {}
    }
    let config = load_config(args).map_err(Error::from)?;
    refuse_public_password(&config)?;
    for warning in config.warnings() {
        output.warning(warning);
    }
    let manager = DatabaseManager::new(config);
    match &args.command {
        Command::Create => create(args, output, &manager),
        Command::Migrate { .. } | Command::Rollback { .. } | Command::Redo { .. } => {
            migrate::run(args, output, &manager)
        }
        Command::Adopt { from, plan, quarantine } => {
            let options =
                AdoptionOptions { from: from.clone(), plan: *plan, quarantine: quarantine.clone() };
            adopt::run(args, output, &manager, &options)
        }
        Command::Seed => {
            let report = manager.seed()?;
            output.result(&report, |out, report| render::seed(out, report))?;
            Ok(Exit::Done)
        }
        Command::HealthCheck => {
            let report = output.while_working("checking", || manager.health_check());
            output.result(&report, |out, report| render::health(out, report))?;
            Ok(health_exit(&manager, &report))
        }
        Command::Status => {
            let status = manager.status()?;
            output.result(&status, |out, status| render::status(out, status))?;
            Ok(Exit::Done)
        }
        Command::Backup => {
            let report = output.while_working("backing up", || manager.backup())?;
            output.result(&report, |out, report| render::backup(out, report))?;
            Ok(Exit::Done)
        }
        Command::Transfer { to, resume, leave_other_tables } => {
            let to = Location::from_flag("--to", to).map_err(Error::from)?;
            refuse_password_of(&to, "--to")?;
            let options = TransferOptions {
                resume: *resume,
                leave_other_tables: *leave_other_tables,
                ..TransferOptions::default()
            };
            let record =
                output.with_progress(|progress| transfer(&manager, &to, &options, progress))?;
            output.result(&record, |out, record| render::transfer(out, record))?;
            Ok(Exit::Done)
        }
        Command::Config => {
            let settings = json!({ "settings": manager.config().settings() });
            let table = manager.config().settings();
            output.result(&settings, |out, _| render::config(out, table))?;
            Ok(Exit::Done)
        }
        // Done above, without a configuration.
        Command::Migration(_) => Ok(Exit::Usage),
        Command::Ensure => ensure(args, output, &manager),
    }
}

/// Flags of one command do nothing in another, so they are refused there instead.
fn check_flags(args: &Args) -> Result<(), UsageError> {
    let setup = &args.setup;
    let creates = matches!(args.command, Command::Create | Command::Ensure);
    let given = [
        ("--force", setup.force, args.command == Command::Create),
        ("--adopt", setup.adopt, creates),
        ("--admin-user", setup.admin_user.is_some(), creates),
        ("--admin-email", setup.admin_email.is_some(), creates),
        ("--admin-password-stdin", setup.admin_password_stdin, creates),
    ];
    // Clap lets the later one win, but not across the subcommand's name.
    let database = &args.database;
    let switches = [
        ("--wal-mode and --no-wal-mode", database.wal_mode && database.no_wal_mode),
        ("--backup and --no-backup", database.backup && database.no_backup),
    ];
    if let Some((flags, _)) = switches.iter().find(|(_, both)| *both) {
        return Err(UsageError(format!("{flags} contradict each other; give one of them")));
    }
    match given.iter().find(|(_, given, allowed)| *given && !allowed) {
        None => Ok(()),
        Some((flag, ..)) => Err(UsageError(format!("{flag} has no meaning for this command"))),
    }
}

/// What is among the arguments, every user of the machine can read in the list of processes.
fn refuse_public_password(config: &Config) -> Result<(), UsageError> {
    if config.settings().iter().any(|s| s.source == Source::Flag("--database-url")) {
        refuse_password_of(config.location(), "--database-url")?;
    }
    Ok(())
}

#[cfg_attr(
    not(feature = "postgres"),
    expect(clippy::unnecessary_wraps, reason = "no URL is taken")
)]
fn refuse_password_of(location: &Location, flag: &str) -> Result<(), UsageError> {
    #[cfg(feature = "postgres")]
    if let Location::Postgres(url) = location
        && url.has_password()
    {
        return Err(UsageError(format!(
            "{flag} holds a password, which every user of this machine can read in the list of \
             processes; put the password into PGPASSWORD or ~/.pgpass{}",
            if flag == "--database-url" { ", or the URL into DATABASE_URL or .env" } else { "" }
        )));
    }
    let _ = (location, flag);
    Ok(())
}

fn load_config(args: &Args) -> Result<Config, zenith_db::config::ConfigError> {
    let flags = &args.database;
    let mut loader = Loader::new().process_environment().env_file(match &flags.env_file {
        Some(file) => EnvFile::Required(file.clone()),
        None => EnvFile::IfPresent(".env".into()),
    });
    let values = [
        (Key::Path, "--path", &flags.path),
        (Key::Url, "--database-url", &flags.database_url),
        (Key::BackupDir, "--backup-dir", &flags.backup_dir),
        (Key::MaxConnections, "--max-connections", &flags.max_connections),
        (Key::CacheSize, "--cache-size", &flags.cache_size),
    ];
    for (key, flag, value) in values {
        if let Some(value) = value {
            loader = loader.flag(key, flag, value);
        }
    }
    let switches = [
        (Key::WalMode, "--wal-mode", flags.wal_mode, "true"),
        (Key::WalMode, "--no-wal-mode", flags.no_wal_mode, "false"),
        (Key::AutoBackup, "--backup", flags.backup, "true"),
        (Key::AutoBackup, "--no-backup", flags.no_backup, "false"),
    ];
    for (key, flag, given, value) in switches {
        if given {
            loader = loader.flag(key, flag, value);
        }
    }
    loader.load()
}

fn create(args: &Args, output: Output, manager: &DatabaseManager) -> anyhow::Result<Exit> {
    let path = manager.config().location();
    if args.setup.force && manager.exists()? {
        let kept =
            if manager.config().auto_backup() { "after a backup" } else { "WITHOUT a backup" };
        let question = format!("Delete everything in {path}, {kept}, and set it up again?");
        if !ask::confirm(args, &question)? {
            anyhow::bail!("nothing was changed");
        }
    }
    let adopted = if args.setup.force { None } else { adopt::offer(args, output, manager)? };
    let (report, mut value) = initialize(args, output, manager)?;
    adopt::add_to(&mut value, adopted.as_ref())?;
    output.result(&value, |out, _| {
        adopt::render_first(out, adopted.as_ref())?;
        render::setup(out, &report)
    })?;
    Ok(health_exit(manager, &report.details.health))
}

/// Sets the database up. Returns the report, and its JSON with the generated password in it: the
/// one time that is shown.
fn initialize(
    args: &Args,
    output: Output,
    manager: &DatabaseManager,
) -> anyhow::Result<(SetupReport, Value)> {
    let mut administrator = Administrator::default();
    if let Some(name) = &args.setup.admin_user {
        administrator.username.clone_from(name);
    }
    if let Some(email) = &args.setup.admin_email {
        administrator.email.clone_from(email);
    }
    let needed = args.setup.force || !matches!(manager.has_administrator(), Ok(true));
    if needed {
        administrator.password = ask::password(args)?;
    }
    let report = output
        .while_working("creating", || manager.initialize(&administrator, args.setup.force))?;
    let mut value = serde_json::to_value(&report)?;
    if let Some(password) = &report.details.administrator.generated_password
        && let Some(account) = value.pointer_mut("/details/administrator")
    {
        account["generated_password"] = password.expose_secret().into();
    }
    Ok((report, value))
}

fn health_exit(manager: &DatabaseManager, report: &HealthReport) -> Exit {
    match (report.healthy, manager.exists()) {
        (true, _) => Exit::Done,
        (false, Ok(false)) => Exit::NoDatabase,
        (false, _) => Exit::Unhealthy,
    }
}

fn ensure(args: &Args, output: Output, manager: &DatabaseManager) -> anyhow::Result<Exit> {
    let adopted = adopt::offer(args, output, manager)?;
    let status = match manager.status() {
        Err(Error::NoDatabase { .. }) => None,
        // Damage is for the health check to describe.
        Ok(status) if status.table_count == 0 && status.applied_migrations.is_empty() => None,
        status => Some(status),
    };
    let Some(status) = status else {
        output.note("the database is missing or empty: creating it");
        let (report, setup) = initialize(args, output, manager)?;
        let health = &report.details.health;
        let value =
            json!({ "setup": setup, "migrations": report.details.migrations, "health": health });
        output.result(&value, |out, _| render::setup(out, &report))?;
        return Ok(health_exit(manager, health));
    };
    let mut steps = Vec::new();
    if status.is_ok_and(|status| !status.pending_migrations.is_empty()) {
        output.note("migrations are pending: applying them");
        steps = output.while_working("migrating", || manager.migrate())?.steps;
        manager.seed()?;
    }
    let report = output.while_working("checking", || manager.health_check());
    let mut value = json!({ "setup": null, "migrations": steps, "health": report });
    adopt::add_to(&mut value, adopted.as_ref())?;
    output.result(&value, |out, _| {
        adopt::render_first(out, adopted.as_ref())?;
        render::ensured(out, &steps, &report)
    })?;
    Ok(health_exit(manager, &report))
}
