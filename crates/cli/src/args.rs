//! Flags and subcommands.

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
  zenith-db create                         create ./data/enterprise/zenith.db
  zenith-db migrate --path /srv/zenith.db  apply pending migrations, after a backup
  zenith-db health-check --format json     check the database, for a monitoring system
  zenith-db ensure                         prepare the database in a start script

Settings come from flags, the environment, .env and defaults, in this order of precedence;
`zenith-db config` shows each setting and its source. The administrator's password is read from
standard input, ZENITH_ADMIN_PASSWORD or the terminal, never from a flag: every user of the machine
can read flags in the list of processes.

Exit codes:
  0  the command succeeded; if it checked the database, the database is healthy
  1  the command failed, and its changes were rolled back unless the error says otherwise
  2  the flags, the configuration or the database that they name cannot be used
  3  the database is unhealthy
  4  the database does not exist";

const CREATE_HELP: &str = "\
An existing database keeps its rows: pending migrations are applied, and what is missing is inserted.

The administrator's password is read from standard input (--admin-password-stdin), else from
ZENITH_ADMIN_PASSWORD, else from the terminal. Without these, a password is generated and printed
once; it must be changed at the first login.

Examples:
  zenith-db create
  zenith-db create --admin-user root --admin-password-stdin < password.txt
  zenith-db create --force              delete all tables and rows first, after a backup";

const MIGRATE_HELP: &str = "\
All migrations run in one transaction. It is rolled back if a migration fails, or deletes or changes
rows without declaring it.

Examples:
  zenith-db migrate --plan              list the statements that would run
  zenith-db migrate
  zenith-db migrate --to 20261123000004";

const REDO_HELP: &str = "\
Asks for confirmation. The tables and columns that the migration added lose their data; the backup
has a copy.

Examples:
  zenith-db redo --plan
  zenith-db redo --yes";

const ROLLBACK_HELP: &str = "\
Asks for confirmation. The tables and columns that the migrations added are dropped with their data;
the backup has a copy.

Examples:
  zenith-db rollback                    revert the last migration
  zenith-db rollback --to 20261123000004 --plan
  zenith-db rollback --steps 2 --yes";

const ADOPT_HELP: &str = "\
Rows that violate a constraint of the new schema stop the adoption; --quarantine leaves them out.

Examples:
  zenith-db adopt --plan                show each change, and each row that violates a constraint
  zenith-db adopt --from old.db --path new.db
  zenith-db adopt --quarantine rejected.jsonl";

const SEED_HELP: &str = "\
Existing rows keep their values, except read-only settings that the program maintains, such as
SCHEMA_VERSION. All migrations must have been applied.

Example:
  zenith-db seed";

const HEALTH_CHECK_HELP: &str = "\
Exits with 3 if a critical check fails. Other failed checks are warnings.

Examples:
  zenith-db health-check
  zenith-db health-check --deep
  zenith-db health-check --format json";

const STATUS_HELP: &str = "\
Examples:
  zenith-db status
  zenith-db status --format json";

const BACKUP_HELP: &str = "\
SQLite is copied page by page, PostgreSQL with pg_dump. This program never deletes backups.

Examples:
  zenith-db backup
  zenith-db backup --backup-dir /mnt/backups";

const TRANSFER_HELP: &str = "\
Reads one snapshot of the source and compares the row count and digest of each table on both sides.
The source is not changed.

Examples:
  zenith-db transfer --to postgres://zenith@host/zenith
  zenith-db transfer --to postgres://zenith@host/zenith --resume
  zenith-db transfer --database-url postgres://zenith@host/zenith --to zenith.db";

const CONFIG_HELP: &str = "\
Examples:
  zenith-db config
  zenith-db config --env-file production.env";

const ENSURE_HELP: &str = "\
Creates a missing database, applies pending migrations, inserts missing seeds, and creates an
administrator if no active one exists. Then checks the database; exits with 3 if it is unhealthy.
For the administrator's password, see `zenith-db create --help`.

Examples:
  zenith-db ensure && my-application
  zenith-db ensure --adopt";

const LINT_HELP: &str = "\
Exits with 1 if a fault is found.

Examples:
  zenith-db migration lint
  zenith-db migration lint path/to/migrations --backend sqlite";

const REBUILD_HELP: &str = "\
SQLite cannot alter most properties of a column. The script creates the table again with its rows,
indexes, triggers and views; edit the new table's definition before running it.

Example:
  zenith-db migration rebuild documents > up.sql";

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
        /// Last version to apply [default: the newest]
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
    /// Revert migrations, newest first, after a backup
    #[command(after_help = ROLLBACK_HELP)]
    Rollback {
        /// Number of migrations to revert
        #[arg(long, value_name = "N", default_value = "1", conflicts_with = "to")]
        steps: NonZeroUsize,
        /// Version to roll back to, which stays applied; 0 reverts all
        #[arg(long, value_name = "VERSION")]
        to: Option<String>,
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
    #[command(after_help = BACKUP_HELP)]
    Backup,
    /// Copy all rows to another database and compare both
    #[command(after_help = TRANSFER_HELP)]
    Transfer {
        /// Target: a file or the URL of a server; created if it does not exist
        #[arg(long, value_name = "DATABASE")]
        to: String,
        /// Resume a transfer that was interrupted
        #[arg(long)]
        resume: bool,
        /// Skip tables that are not part of the schema; without this flag they stop the transfer
        #[arg(long)]
        leave_other_tables: bool,
    },
    /// Check migration files, or generate one
    #[command(subcommand)]
    Migration(MigrationCommand),
    /// Show the settings and their sources
    #[command(after_help = CONFIG_HELP)]
    Config,
    /// Create or update the database if needed, and fail if it is unhealthy
    #[command(after_help = ENSURE_HELP)]
    Ensure,
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
    /// Database as a URL or a path, instead of --path
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

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Setup (create and ensure only)")]
pub(super) struct SetupArgs {
    /// Delete all tables and rows, after a backup, and create the schema again (create only)
    #[arg(long, global = true)]
    pub(super) force: bool,
    /// Adopt the database first if the former application created it
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
