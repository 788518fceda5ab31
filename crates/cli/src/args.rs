//! The flags and subcommands.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, Subcommand, ValueEnum};
use zenith_db::Backend;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold());

const AFTER_HELP: &str = "\
Examples:
  zenith-db create                         a database with an administrator, in ./data/enterprise
  zenith-db create --admin-user root --admin-password-stdin < password.txt
  zenith-db migrate --path /srv/zenith.db  apply what is pending, after a backup
  zenith-db migrate --plan                 show what that would do, and write nothing
  zenith-db rollback --steps 1 --yes       revert the last migration, after a backup
  zenith-db adopt --plan                   what taking over an old database would change
  zenith-db health-check --format json     every check, for a monitoring system
  zenith-db transfer --to postgres://host/zenith  move the database to a server
  zenith-db ensure                         what a start script needs

Settings come from flags, then the environment, then .env, then defaults; `zenith-db config` shows
each with its source. Passwords are read from standard input, ZENITH_ADMIN_PASSWORD or the terminal,
never from flags, which other users of the machine can see.

Exit codes:
  0  done and healthy
  1  the operation failed; the database is as it was, unless the error says that this is not known
  2  the flags or the configuration cannot be used
  3  the database is unhealthy
  4  there is no database at the configured path";

/// Creates, migrates, checks and backs up a Zenith database.
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
    /// Create the database with its seeds and an administrator; bring an existing one up to date
    #[command(visible_alias = "init")]
    Create,
    /// Apply the pending migrations, after a backup
    Migrate {
        /// Show what would run, and write nothing
        #[arg(long)]
        plan: bool,
        /// Stop at this version
        #[arg(long, value_name = "VERSION")]
        to: Option<String>,
        /// Accept that migrations were changed after they ran, after showing which
        #[arg(long, conflicts_with = "to")]
        repair: bool,
    },
    /// Revert the last migration and apply it again, after a backup
    Redo {
        /// Show what would run, and write nothing
        #[arg(long)]
        plan: bool,
    },
    /// Revert migrations, newest first, after a backup
    Rollback {
        /// How many migrations to revert
        #[arg(long, value_name = "N", default_value = "1", conflicts_with = "to")]
        steps: NonZeroUsize,
        /// The version to go back to, which stays applied; 0 is an empty schema
        #[arg(long, value_name = "VERSION")]
        to: Option<String>,
        /// Show what would run, and write nothing
        #[arg(long)]
        plan: bool,
    },
    /// Take over a database of the former application, and keep the original
    Adopt {
        /// The former database, left as it is; without it, the one at the configured path is replaced
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// Show what would change and which rows break a rule, and change nothing
        #[arg(long)]
        plan: bool,
        /// Write the rows that break a rule to FILE, as JSON Lines, and go on without them
        #[arg(long, value_name = "FILE", conflicts_with = "plan")]
        quarantine: Option<PathBuf>,
    },
    /// Write the roles, permissions and settings that are missing
    Seed,
    /// Check everything, without writing
    #[command(visible_alias = "health")]
    HealthCheck {
        /// Check every page, row and index of an SQLite file, whatever its size
        #[arg(long)]
        deep: bool,
    },
    /// Show what the database holds and where it stands, without writing
    Status,
    /// Take a backup, check it and record it
    Backup,
    /// Move every row to another database, and prove it; the source stays as it is
    Transfer {
        /// Where to: a file or the URL of a server; created if it is not there
        #[arg(long, value_name = "DATABASE")]
        to: String,
        /// Go on with a transfer that was stopped
        #[arg(long)]
        resume: bool,
        /// Leave behind tables that are not of the schema, such as those an adopted database carries
        #[arg(long)]
        leave_other_tables: bool,
    },
    /// Work on migrations as files
    #[command(subcommand)]
    Migration(MigrationCommand),
    /// Show the settings in force and where each comes from
    Config,
    /// Create the database if it is missing, migrate it if that is what is wrong, and fail if it is
    /// still unhealthy
    Ensure,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(super) enum MigrationCommand {
    /// Find faults in the SQL of migrations, without a database
    Lint {
        /// Where sqlite/ and postgres/ lie, or the migrations of one database
        #[arg(value_name = "DIRECTORY", default_value = "migrations")]
        directory: PathBuf,
        /// The database that the migrations in DIRECTORY are for [default: its last part says it]
        #[arg(long, value_enum)]
        backend: Option<Dialect>,
    },
    /// Write the script that makes an SQLite table again, to be changed into a migration
    Rebuild {
        /// The table
        table: String,
        /// Where sqlite/ lies, or SQLite's migrations
        #[arg(value_name = "DIRECTORY", default_value = "migrations")]
        directory: PathBuf,
    },
}

/// The database that SQL is written for.
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
    /// The database file [default: ./data/enterprise/zenith.db]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) path: Option<String>,
    /// The database as a URL or a path, instead of --path
    #[arg(long, global = true, value_name = "URL")]
    pub(super) database_url: Option<String>,
    /// Where backups go [default: backups beside the database]
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) backup_dir: Option<String>,
    /// Read settings from this file instead of .env
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) env_file: Option<PathBuf>,
    /// Let readers and one writer work at once (default)
    #[arg(long, global = true, overrides_with = "no_wal_mode")]
    pub(super) wal_mode: bool,
    /// Use a rollback journal instead
    #[arg(long, global = true)]
    pub(super) no_wal_mode: bool,
    /// Take a backup before anything that changes the schema (default)
    #[arg(long, global = true, overrides_with = "no_backup")]
    pub(super) backup: bool,
    /// Take no backup before
    #[arg(long, global = true)]
    pub(super) no_backup: bool,
    /// The most connections of a pool, 1 to 1000 [default: 10]
    #[arg(long, global = true, value_name = "N", allow_hyphen_values = true)]
    pub(super) max_connections: Option<String>,
    /// The page cache of a connection, in pages, or in KiB if negative [default: 10000]
    #[arg(long, global = true, value_name = "N", allow_hyphen_values = true)]
    pub(super) cache_size: Option<String>,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Creating (create and ensure)")]
pub(super) struct SetupArgs {
    /// Empty an existing database, after a backup, and set it up again (create only)
    #[arg(long, global = true)]
    pub(super) force: bool,
    /// If the former application made the database, adopt it first
    #[arg(long, global = true)]
    pub(super) adopt: bool,
    /// The administrator's name [default: admin]
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) admin_user: Option<String>,
    /// The administrator's address [default: admin@zenith.local]
    #[arg(long, global = true, value_name = "EMAIL")]
    pub(super) admin_email: Option<String>,
    /// Read the administrator's password from standard input
    #[arg(long, global = true)]
    pub(super) admin_password_stdin: bool,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Text for people, or one JSON object on standard output
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// Print only errors and what was asked for
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Say on standard error what is being done
    #[arg(long, short, global = true)]
    pub(super) verbose: bool,
    /// Colours: on a terminal unless NO_COLOR is set, always, or never
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
