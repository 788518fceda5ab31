//! Flags and subcommands.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, Subcommand, ValueEnum};
use zenith_db::Backend;

use super::codec::{EncodingArgs, KeyArgs};
use super::help::{
    ADOPT_HELP, AFTER_HELP, BACKUP_HELP, CONFIG_HELP, CREATE_HELP, ENSURE_HELP, HEALTH_CHECK_HELP,
    LINT_HELP, MIGRATE_HELP, PRUNE_HELP, PURGE_HELP, REBUILD_HELP, REDO_HELP, RESET_PASSWORD_HELP,
    RESTORE_HELP, ROLES_HELP, ROLLBACK_HELP, SEED_HELP, STATUS_HELP, TRANSFER_HELP,
};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold());

/// Create, migrate, check and back up a Zenith database.
#[derive(Debug, Parser)]
#[command(name = "zenith-db", version, after_help = AFTER_HELP, styles = STYLES)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) database: DatabaseArgs,
    #[command(flatten)]
    pub(super) setup: SetupArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(super) enum Command {
    /// Create the database with an administrator, or bring an existing one up to date
    #[command(visible_alias = "init", after_help = CREATE_HELP)]
    Create,
    /// Apply pending migrations, after a backup
    #[command(after_help = MIGRATE_HELP)]
    Migrate {
        /// List the statements that would run, and change nothing
        #[arg(long)]
        plan: bool,
        /// Last version to apply, of its owner [default: the newest of both owners]
        #[arg(long, value_name = "VERSION")]
        to: Option<String>,
        /// List migrations that were edited after they ran, and accept them after a confirmation
        #[arg(long, conflicts_with = "to")]
        repair: bool,
    },
    /// Revert the last migration and apply it again, after a backup
    #[command(after_help = REDO_HELP)]
    Redo {
        /// List the statements that would run, and change nothing
        #[arg(long)]
        plan: bool,
    },
    /// Revert migrations, the last applied first, after a backup
    #[command(after_help = ROLLBACK_HELP)]
    Rollback {
        /// Number of migrations to revert, of any owner: those that were applied last
        #[arg(long, value_name = "N", default_value = "1", conflicts_with_all = ["to", "own"])]
        steps: NonZeroUsize,
        /// Version to roll back to, which stays applied, as do all of another owner; 0 reverts all
        #[arg(long, value_name = "VERSION", conflicts_with = "own")]
        to: Option<String>,
        /// Revert all migrations of the application
        #[arg(long)]
        own: bool,
        /// List the statements that would run, and change nothing
        #[arg(long)]
        plan: bool,
    },
    /// Convert a database of the former application, and keep the original
    #[command(after_help = ADOPT_HELP)]
    Adopt {
        /// Database to convert, which is not changed [default: the configured database, which is
        /// replaced; the original is kept with the backups]
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// Show what would change and which rows violate a constraint, and change nothing
        #[arg(long)]
        plan: bool,
        /// File for the rows that violate a constraint, as JSON Lines; the adoption skips them
        #[arg(long, value_name = "FILE", conflicts_with = "plan")]
        quarantine: Option<PathBuf>,
    },
    /// Insert the roles, permissions and settings that are missing
    #[command(after_help = SEED_HELP)]
    Seed,
    /// Delete conversations, metrics, sessions and notifications that are old enough
    #[command(after_help = PURGE_HELP)]
    Purge(PurgeArgs),
    /// Check the database without writing to it
    #[command(visible_alias = "health", after_help = HEALTH_CHECK_HELP)]
    HealthCheck {
        /// Run SQLite's full integrity check, whatever the size of the file
        #[arg(long)]
        deep: bool,
    },
    /// Show the version, the tables with their row counts, and the last backup
    #[command(after_help = STATUS_HELP)]
    Status,
    /// Copy the database while it is in use, verify the copy and record it
    #[command(after_help = BACKUP_HELP, args_conflicts_with_subcommands = true)]
    Backup {
        #[command(subcommand)]
        command: Option<BackupCommand>,
        /// Write the backup to standard output (--to -), and do not keep it in the backup directory
        #[arg(long, value_name = "-", value_parser = ["-"])]
        to: Option<String>,
        #[command(flatten)]
        encoding: EncodingArgs,
    },
    /// Replace the database with a backup, and keep the existing one
    #[command(after_help = RESTORE_HELP)]
    Restore(RestoreArgs),
    /// Copy all rows to another database and compare both
    #[command(after_help = TRANSFER_HELP)]
    Transfer {
        /// Target database: a file, or the URL of a server; created if it does not exist
        #[arg(long, value_name = "DATABASE")]
        to: String,
        /// Resume an interrupted transfer; it compares the rows that were copied, and copies the others
        #[arg(long)]
        resume: bool,
        /// Skip tables that are not part of the schema; without this flag they stop the transfer
        #[arg(long)]
        leave_other_tables: bool,
    },
    /// Check migrations, or print a script as a template for one
    #[command(subcommand)]
    Migration(MigrationCommand),
    /// Manage accounts
    #[command(subcommand)]
    User(UserCommand),
    /// Print the SQL that creates roles with the least rights on a PostgreSQL server, or run it
    #[command(after_help = ROLES_HELP)]
    Roles {
        /// What the names begin with, before `_owner`, `_app` and so on; at most 55 bytes
        #[arg(long, value_name = "PREFIX", default_value = "zenith")]
        prefix: String,
        /// Run the SQL in one transaction, after showing it and asking for confirmation
        #[arg(long)]
        apply: bool,
    },
    /// Show the settings and their sources
    #[command(after_help = CONFIG_HELP)]
    Config,
    /// Create or update the database if needed, and fail if it is unhealthy
    #[command(after_help = ENSURE_HELP)]
    Ensure,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(super) enum BackupCommand {
    /// List the backups of this database in the backup directory
    List,
    /// Compare backups with their manifests, and check them for damage [default: the newest]
    Verify {
        /// Backup to check
        file: Option<PathBuf>,
        /// Check every backup of this database; exit with 1 if one fails
        #[arg(long, conflicts_with = "file")]
        all: bool,
        #[command(flatten)]
        keys: KeyArgs,
    },
    /// Remove the backups that no rule keeps
    #[command(after_help = PRUNE_HELP)]
    Prune {
        /// Keep the N newest
        #[arg(long, value_name = "N")]
        keep_last: Option<NonZeroUsize>,
        /// Keep the newest of each of the last N days with backups
        #[arg(long, value_name = "N")]
        keep_daily: Option<NonZeroUsize>,
        /// Keep the newest of each of the last N weeks with backups
        #[arg(long, value_name = "N")]
        keep_weekly: Option<NonZeroUsize>,
        /// Remove those of at least this many days, even if another rule keeps them
        #[arg(long, value_name = "DAYS")]
        max_age: Option<NonZeroUsize>,
        /// Show what would be removed, and remove nothing
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub(super) struct RestoreArgs {
    /// Backup to restore; - reads it from standard input
    #[arg(required_unless_present_any = ["latest", "drill"])]
    pub(super) file: Option<PathBuf>,
    /// Restore the newest backup, without the databases that earlier restores replaced
    #[arg(long, conflicts_with = "file")]
    pub(super) latest: bool,
    /// Restore the newest backup to a temporary file, check that file, and remove it
    #[arg(long, conflicts_with_all = ["file", "latest", "to"])]
    pub(super) drill: bool,
    /// Do not apply the migrations that the backup lacks, for an earlier version of the program
    #[arg(long, conflicts_with = "drill")]
    pub(super) no_migrate: bool,
    /// Create this database from the backup, instead of replacing the configured one
    #[arg(long, value_name = "DATABASE")]
    pub(super) to: Option<String>,
    #[command(flatten)]
    pub(super) keys: KeyArgs,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(super) enum UserCommand {
    /// Set a new password for an account, and revoke its sessions
    #[command(after_help = RESET_PASSWORD_HELP)]
    ResetPassword {
        /// User name of the account
        #[arg(value_name = "NAME")]
        name: String,
        /// Read the new password from standard input
        #[arg(long)]
        password_stdin: bool,
        /// Generate the new password instead of asking for it
        #[arg(long, conflicts_with = "password_stdin")]
        generate: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(super) enum MigrationCommand {
    /// Check the SQL of migrations for faults, without a database
    #[command(after_help = LINT_HELP)]
    Lint {
        /// Directory that contains sqlite/ and postgres/, or the migrations of one database
        #[arg(value_name = "DIRECTORY", default_value = "migrations")]
        directory: PathBuf,
        /// Database of the migrations in DIRECTORY [default: the name of DIRECTORY]
        #[arg(long, value_enum)]
        backend: Option<Dialect>,
    },
    /// Print a script that rebuilds an SQLite table, as a template for a migration
    #[command(after_help = REBUILD_HELP)]
    Rebuild {
        /// Name of the table
        table: String,
        /// Directory that contains sqlite/, or the migrations for SQLite
        #[arg(value_name = "DIRECTORY", default_value = "migrations")]
        directory: PathBuf,
    },
}

/// Database whose SQL dialect a script uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    pub(super) const fn backend(self) -> Backend {
        match self {
            Self::Sqlite => Backend::Sqlite,
            Self::Postgres => Backend::Postgres,
        }
    }
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Database")]
pub(super) struct DatabaseArgs {
    /// Database file [default: ./data/enterprise/zenith.db]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) path: Option<String>,
    /// Database as a URL or a path; use this or --path
    #[arg(long, global = true, value_name = "URL")]
    pub(super) database_url: Option<String>,
    /// Directory for backups [default: backups beside the database]
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) backup_dir: Option<String>,
    /// Settings file to read instead of .env
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) env_file: Option<PathBuf>,
    /// Use a write-ahead log for SQLite (default)
    #[arg(long, global = true, overrides_with = "no_wal_mode")]
    pub(super) wal_mode: bool,
    /// Use a rollback journal for SQLite
    #[arg(long, global = true)]
    pub(super) no_wal_mode: bool,
    /// Take a backup before changing the schema (default)
    #[arg(long, global = true, overrides_with = "no_backup")]
    pub(super) backup: bool,
    /// Take no backup before changing the schema
    #[arg(long, global = true)]
    pub(super) no_backup: bool,
    /// Maximum number of connections in a pool, 1 to 1000 [default: 10]
    #[arg(long, global = true, value_name = "N", allow_hyphen_values = true)]
    pub(super) max_connections: Option<String>,
    /// Page cache of each connection, in pages, or in KiB if negative [default: 10000]
    #[arg(long, global = true, value_name = "N", allow_hyphen_values = true)]
    pub(super) cache_size: Option<String>,
}

/// Ages of what is deleted, in days.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
#[group(required = true, multiple = true)]
pub(super) struct PurgeArgs {
    /// Delete conversations, with their messages, whose last activity was so many days ago
    #[arg(long, value_name = "DAYS")]
    pub(super) conversations: Option<u32>,
    /// Delete metrics that were measured so many days ago
    #[arg(long, value_name = "DAYS")]
    pub(super) metrics: Option<u32>,
    /// Delete sessions that expired so many days ago
    #[arg(long, value_name = "DAYS")]
    pub(super) sessions: Option<u32>,
    /// Delete notifications that expired so many days ago
    #[arg(long, value_name = "DAYS")]
    pub(super) notifications: Option<u32>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Setup (create and ensure only)")]
pub(super) struct SetupArgs {
    /// Delete all tables and rows, after a backup, and create the schema again (create only)
    #[arg(long, global = true)]
    pub(super) force: bool,
    /// Adopt the database first, without asking, if the former application created it
    #[arg(long, global = true)]
    pub(super) adopt: bool,
    /// User name of the administrator [default: admin]
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) admin_user: Option<String>,
    /// Email address of the administrator [default: admin@zenith.local]
    #[arg(long, global = true, value_name = "EMAIL")]
    pub(super) admin_email: Option<String>,
    /// Read the administrator's password from standard input
    #[arg(long, global = true)]
    pub(super) admin_password_stdin: bool,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Format of the result: text, or one JSON object
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// Print only the result and errors
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Log each step to standard error
    #[arg(long, short, global = true)]
    pub(super) verbose: bool,
    /// When to use colours; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub(super) color: Color,
    /// Answer yes to every question
    #[arg(long, short, global = true)]
    pub(super) yes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}
