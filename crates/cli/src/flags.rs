//! Configuration from the flags, and checks of the flags.

use std::path::Path;

use zenith_db::Config;
use zenith_db::config::{ConfigError, EnvFile, Key, Loader, Location, Source};

use super::args::{Args, Command};
use super::exit::UsageError;
use super::secret;

/// Refuses flags that contradict each other or have no effect on the given subcommand.
pub(super) fn check(args: &Args) -> Result<(), UsageError> {
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
        return Err(UsageError(format!("{flags} contradict each other; use one of them")));
    }
    match given.iter().find(|(_, given, allowed)| *given && !allowed) {
        None => Ok(()),
        Some((flag, ..)) => Err(UsageError(format!("{flag} has no effect on this subcommand"))),
    }
}

/// Refuses a password in `--database-url`: every user of the machine can read the arguments in the
/// list of processes.
pub(super) fn refuse_public_password(config: &Config) -> Result<(), UsageError> {
    if config.settings().iter().any(|s| s.source == Source::Flag("--database-url")) {
        refuse_password_of(config.location(), "--database-url")?;
    }
    Ok(())
}

/// Refuses a FILE that does not exist, and that nobody means as one: an address of a server, or a secret key.
pub(super) fn refuse_secret(file: &Path) -> Result<(), UsageError> {
    let text = file.to_string_lossy();
    if !secret::may_be(&text) || file.exists() {
        return Ok(());
    }
    let reason = "FILE is the path of a backup, and not the URL of a server or a secret key; restore to a server with \
                  --database-url or --to, and name the file of a key with --identity";
    Err(UsageError(reason.to_owned()))
}

#[cfg_attr(
    not(feature = "postgres"),
    expect(clippy::unnecessary_wraps, reason = "no URL is taken")
)]
pub(super) fn refuse_password_of(location: &Location, flag: &str) -> Result<(), UsageError> {
    #[cfg(feature = "postgres")]
    if let Location::Postgres(url) = location
        && url.has_password()
    {
        return Err(UsageError(format!(
            "{flag} contains a password, which every user of this machine can read in the list of \
             processes; set PGPASSWORD, or write the password to ~/.pgpass{}",
            if flag == "--database-url" {
                ", or write the URL to DATABASE_URL or .env"
            } else {
                ""
            }
        )));
    }
    let _ = (location, flag);
    Ok(())
}

pub(super) fn load_config(args: &Args) -> Result<Config, ConfigError> {
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
