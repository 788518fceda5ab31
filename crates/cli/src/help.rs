//! Texts that follow the flags in the help.

pub(super) const AFTER_HELP: &str = "\
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
  4  the database does not exist
  129, 130, 143
     the command was ended by SIGHUP, SIGINT (Ctrl-C) or SIGTERM; it has removed its temporary files,
     and an open transaction is rolled back";

pub(super) const CREATE_HELP: &str = "\
An existing database keeps its rows: pending migrations are applied, and missing roles, permissions
and settings are inserted.

The administrator's password is read from standard input (--admin-password-stdin), else from
ZENITH_ADMIN_PASSWORD, else from the terminal. Without these, a password is generated and printed
once, before anything is committed: if standard output cannot be written, nothing is changed. It must
be changed at the first sign-in.

--admin-password-stdin takes one line of UTF-8, at most 4096 bytes; a byte order mark and the line end
are not part of the password.

Examples:
  zenith-db create
  zenith-db create --admin-user root --admin-password-stdin < password.txt
  zenith-db create --force              delete all tables and rows first, after a backup";

pub(super) const MIGRATE_HELP: &str = "\
The migrations of zenith-db run first, and then those of an application. All run in one transaction. It
is rolled back if a migration fails, or if it deletes or changes rows without declaring that it does.

Examples:
  zenith-db migrate --plan              list the statements that would run
  zenith-db migrate
  zenith-db migrate --to 20261123000004";

pub(super) const REDO_HELP: &str = "\
Asks for confirmation. The tables and columns that the migration added lose their data; the backup
has a copy, unless backups are off (--no-backup).

Examples:
  zenith-db redo --plan
  zenith-db redo --yes";

pub(super) const ROLLBACK_HELP: &str = "\
Asks for confirmation. The tables and columns that the migrations added are dropped with their data;
the backup has a copy, unless backups are off (--no-backup).

A version is later or earlier than another of its owner only: zenith-db, or an application with migrations of its
own. Migrations are not reverted as long as those of the application that require them are applied, or if objects of
the application depend on what would be dropped.

Examples:
  zenith-db rollback                    revert the migration that was applied last
  zenith-db rollback --to 20261123000004 --plan
  zenith-db rollback --steps 2 --yes";

pub(super) const ADOPT_HELP: &str = "\
Rows that violate a constraint of the new schema stop the adoption; --quarantine leaves them out.

Examples:
  zenith-db adopt --plan                show each change, and each row that violates a constraint
  zenith-db adopt --from old.db --path new.db
  zenith-db adopt --quarantine rejected.jsonl";

pub(super) const SEED_HELP: &str = "\
Existing rows keep their values, except read-only settings that the program maintains, such as
SCHEMA_VERSION. All migrations must have been applied.

Example:
  zenith-db seed";

pub(super) const PURGE_HELP: &str = "\
Deletes oldest first, in small transactions with pauses, so that others can write meanwhile. If it is
interrupted, run it again. Rows to which another table refers are kept, with a warning. Entries of the
audit log are never deleted. Take a backup before.

Examples:
  zenith-db purge --conversations 365
  zenith-db purge --metrics 30 --sessions 0 --notifications 7 --yes";

pub(super) const HEALTH_CHECK_HELP: &str = "\
Exits with 3 if a critical check fails. Other failed checks are warnings.

Examples:
  zenith-db health-check
  zenith-db health-check --deep
  zenith-db health-check --format json";

pub(super) const STATUS_HELP: &str = "\
Examples:
  zenith-db status
  zenith-db status --format json";

pub(super) const BACKUP_HELP: &str = "\
SQLite is copied page by page, PostgreSQL with pg_dump. Each backup has a manifest beside it, with its
SHA-256 and the row count of each table. A backup that is written to standard output has none.

A compressed backup (.zst) and one that is encrypted with a passphrase (.age) are decoded again and
compared before they get their names; one for age recipients only with --identity. The other subcommands
and `zenith-db restore` read them. Encryption needs the feature `age`:
`cargo install --path crates/cli --features age`.

Examples:
  zenith-db backup
  zenith-db backup --backup-dir /mnt/backups
  zenith-db backup --compress zstd --encrypt age1…
  zenith-db backup verify --all --identity key.txt
  zenith-db backup --compress zstd --to - | ssh host 'cat > zenith.db.zst'
  zenith-db backup list
  zenith-db backup verify --all
  zenith-db backup prune --keep-daily 14 --keep-weekly 8 --yes";

pub(super) const PRUNE_HELP: &str = "\
Asks for confirmation before it removes anything. Days and weeks are those of UTC. The newest backup that
passes its verification, a backup that the last failed migration names, and the files of the former
application are always kept.

Examples:
  zenith-db backup prune --keep-daily 14 --keep-weekly 8 --dry-run
  zenith-db backup prune --keep-last 10 --max-age 365 --yes";

pub(super) const RESTORE_HELP: &str = "\
Asks for confirmation if the database exists. It must not be in use: stop the application first. The
backup is verified, copied, brought up to date by its missing migrations and checked before anything is
replaced. The existing database becomes a backup; if it is damaged, its pages or bytes are kept in the
backup directory. If the restore fails before that, the existing database stays in place.

On a server, the backup is restored to a new database, which then gets the name of the existing one; that
one is kept under another name. --to may name an empty database.

--drill is for cron and timers: its result is recorded, and the health check reports it.

Examples:
  zenith-db restore --latest
  zenith-db restore backups/zenith-20261128T030000.000000Z.db --to other.db
  zenith-db restore zenith.dump --to postgres://zenith@db.example/zenith_copy
  ssh host 'cat zenith.db.zst.age' | zenith-db restore - --identity key.txt --yes
  zenith-db restore --latest --identity key.txt
  zenith-db restore --drill --passphrase-file passphrase.txt";

pub(super) const TRANSFER_HELP: &str = "\
Reads one snapshot of the source and compares the row count and digest of each table on both sides.
The source is not changed.

Examples:
  zenith-db transfer --to postgres://zenith@host/zenith
  zenith-db transfer --to postgres://zenith@host/zenith --resume
  zenith-db transfer --database-url postgres://zenith@host/zenith --to zenith.db";

pub(super) const ROLES_HELP: &str = "\
Five roles instead of one that owns and does everything:

  zenith_owner    owns the schema and its tables, and runs migrations
  zenith_app      reads and writes rows; of the audit log, reads and adds entries only
  zenith_auditor  reads the audit log and the security events, and who a user is
  zenith_reader   reads the tables of zenith-db, without credentials
  zenith_backup   reads everything in the schema, for `zenith-db backup`

The SQL changes nothing when it runs again, and holds no password: set those in psql with \\password.
Nobody else may connect to the database afterwards, except its owner and superusers. Run it as one of
these, and again after migrations; docs/postgresql-roles.md describes each right.

Examples:
  zenith-db roles > roles.sql           print the SQL, to read it, and to run it with psql
  zenith-db roles --apply               show it, ask, and run it
  zenith-db roles --prefix billing --apply --yes";

pub(super) const CONFIG_HELP: &str = "\
Examples:
  zenith-db config
  zenith-db config --env-file production.env";

pub(super) const ENSURE_HELP: &str = "\
Creates a missing database, applies pending migrations, inserts missing roles, permissions and
settings, and creates an administrator if no active one exists. Then checks the
database, and exits with 3 if it is unhealthy. For the administrator's password, see
`zenith-db create --help`.

Examples:
  zenith-db ensure && my-application
  zenith-db ensure --adopt";

pub(super) const LINT_HELP: &str = "\
Exits with 1 if it finds a fault.

Examples:
  zenith-db migration lint
  zenith-db migration lint path/to/migrations --backend sqlite";

pub(super) const REBUILD_HELP: &str = "\
SQLite cannot alter most properties of a column. The script creates the table again with its rows,
indexes, triggers and views; edit the new table's definition before running it.

Example:
  zenith-db migration rebuild documents > up.sql";

pub(super) const RESET_PASSWORD_HELP: &str = "\
The password is read from standard input (--password-stdin), else from the terminal. Without a
terminal, or with --generate, a password is generated and printed once, before it is committed; it
must be changed at the next login. The account's lock ends and its sessions are revoked; its API keys
and its second factor stay as they are. The audit log gets an entry.

Examples:
  zenith-db user reset-password admin
  zenith-db user reset-password admin --generate
  zenith-db user reset-password admin --password-stdin < password.txt";
