//! Ledger of the migrations that have run, read without writing anything.

#[cfg(feature = "postgres")]
use diesel::dsl::sql;
use diesel::prelude::*;
#[cfg(feature = "postgres")]
use diesel::sql_types::Bool;

use super::known::{KnownMigration, Migrations};
use super::recorded::{RecordedMigration, recorded};
use crate::backend::DbConnection;
use crate::catalog::{names, table_exists};
use crate::dispatch;
use crate::error::{Error, MigrationFault, Result};
use crate::types::{MigrationOwner, SchemaVersionId};

diesel::table! {
    /// Diesel's own ledger. `Ledger::read` checks first that it exists: Diesel would create it.
    __diesel_schema_migrations (version) {
        /// Digits of the migration's timestamp.
        version -> Text,
    }
}

/// Migrations that have run and migrations that are pending, by Diesel's ledger, the table
/// `__diesel_schema_migrations`, in which the versions of all owners are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Migrations that the program knows.
    known: Migrations,
    /// Versions that have run, in ascending order.
    applied: Vec<String>,
    /// The same versions, as they are recorded; empty if the program knows each of them by its only owner.
    recorded: Vec<RecordedMigration>,
}

impl Ledger {
    /// Reads Diesel's ledger, for a program without migrations of its own. If the table does not exist, no
    /// migration has run.
    ///
    /// # Errors
    /// [`Error::Query`] if the database cannot be read.
    pub fn read(connection: &mut DbConnection) -> Result<Self> {
        Self::read_for(connection, Migrations::default())
    }

    /// Reads Diesel's ledger for a program that knows these migrations.
    ///
    /// # Errors
    /// [`MigrationFault::NoScript`] if a migration of the application has no scripts for this database.
    pub(crate) fn read_for(connection: &mut DbConnection, known: Migrations) -> Result<Self> {
        known.ensure_scripts_for(connection.backend())?;
        if !table_exists(connection, "__diesel_schema_migrations")? {
            return Ok(Self { known, ..Self::default() });
        }
        if !has_stored_versions(connection)? {
            let unknown = RecordedMigration::unrecorded(NO_LEDGER.to_owned());
            return Ok(Self {
                known,
                applied: vec![NO_LEDGER.to_owned()],
                recorded: vec![unknown],
            });
        }
        let applied: Vec<String> =
            dispatch!(connection, |connection| __diesel_schema_migrations::table
                .select(__diesel_schema_migrations::version)
                .order(__diesel_schema_migrations::version)
                .load(connection))?;
        let is_known = |version: &String| known.find(version).is_some();
        let recorded = if !applied.iter().any(is_known) {
            // The history of another program may have any columns.
            applied.iter().cloned().map(RecordedMigration::unrecorded).collect()
        } else if known.has_own() || !applied.iter().all(is_known) {
            recorded(connection, &applied)?
        } else {
            Vec::new()
        };
        Ok(Self { known, applied, recorded })
    }

    /// Returns how a database of another program was recognised: migrations have run and the program knows none of
    /// them, or the table is no ledger. `None` if it is not one.
    pub(crate) fn foreign_because(&self) -> Option<&'static str> {
        match self.applied.as_slice() {
            [only] if only == NO_LEDGER => Some(
                "its table __diesel_schema_migrations has no stored column version with texts, so that it is not the \
                 ledger of a program that uses Diesel: another program created it",
            ),
            [_, ..] if self.ran().next().is_none() => Some(
                "its table __diesel_schema_migrations lists none of this program's migrations: another program that \
                 uses Diesel created it",
            ),
            _ => None,
        }
    }

    /// Returns the migrations that the program knows.
    pub(crate) const fn known(&self) -> Migrations {
        self.known
    }

    fn has_run(&self, migration: KnownMigration) -> bool {
        self.applied.contains(&migration.version())
    }

    /// Returns the migrations that have run and that the program knows: the library's first, those of each owner
    /// oldest first.
    pub(crate) fn ran(&self) -> impl DoubleEndedIterator<Item = KnownMigration> {
        self.known.iter().filter(|migration| self.has_run(*migration))
    }

    /// Returns the migrations of an owner that have run, oldest first.
    pub(super) fn ran_of(
        &self,
        owner: MigrationOwner,
    ) -> impl DoubleEndedIterator<Item = KnownMigration> {
        self.ran().filter(move |migration| migration.owner() == owner)
    }

    /// Returns the migrations that have run, the last applied first. Those of each owner are in descending order of
    /// their versions, and the history says which owner's was applied last.
    pub(super) fn newest_first(&self) -> Vec<KnownMigration> {
        let key = |migration: Option<&KnownMigration>| {
            let version = migration?.version();
            let row = self.recorded.iter().find(|recorded| recorded.version == version);
            // What is not recorded yet was applied by another program, after the last run of this one.
            Some(row.and_then(|row| row.key).unwrap_or(SchemaVersionId(i64::MAX)))
        };
        let mut library = self.ran_of(MigrationOwner::Library).rev().peekable();
        let mut own = self.ran_of(MigrationOwner::Application).rev().peekable();
        let mut found = Vec::new();
        loop {
            let next =
                if key(own.peek()) >= key(library.peek()) { own.next() } else { library.next() };
            match next {
                Some(migration) => found.push(migration),
                None => return found,
            }
        }
    }

    /// Returns the newest version of the library that has run; `None` if none has.
    #[must_use]
    pub fn current(&self) -> Option<&str> {
        self.newest(MigrationOwner::Library)
    }

    /// Returns the newest version of an owner that has run; `None` if none has. A version that the program does
    /// not know is of the owner that the history records, and of the library if it records none.
    #[must_use]
    pub fn newest(&self, owner: MigrationOwner) -> Option<&str> {
        self.applied.iter().map(String::as_str).rfind(|version| self.owner_of(version) == owner)
    }

    fn owner_of(&self, version: &str) -> MigrationOwner {
        let row = || self.recorded.iter().find(|recorded| recorded.version == version);
        let known = self.known.find(version).map(KnownMigration::owner);
        known.or_else(|| row().map(|row| row.owner)).unwrap_or(MigrationOwner::Library)
    }

    /// Returns the versions that have run, of all owners, in ascending order.
    #[must_use]
    pub fn applied(&self) -> &[String] {
        &self.applied
    }

    /// Returns the migrations of the program that have not run, in the order in which they are applied: the
    /// library's first, those of each owner oldest first.
    pub fn pending(&self) -> impl Iterator<Item = KnownMigration> {
        self.known.iter().filter(|migration| !self.has_run(*migration))
    }

    /// Returns an error if migrations are pending, so that tables may be missing.
    pub(crate) fn ensure_current(&self) -> Result<()> {
        match self.pending().count() {
            0 => Ok(()),
            count => Err(Error::Migration(MigrationFault::Pending { count })),
        }
    }

    /// Returns the migrations that have run and are not among those of the program.
    fn strangers(&self) -> impl Iterator<Item = &RecordedMigration> {
        self.recorded.iter().filter(|recorded| self.known.find(&recorded.version).is_none())
    }

    /// Returns the versions that have run and are not among the program's migrations.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.strangers().map(|recorded| recorded.version.as_str())
    }

    /// Returns the migrations of an application that have run, for a program that is not the application and knows
    /// none of them: each with its recorded name.
    pub(crate) fn of_application(&self) -> Vec<String> {
        let is_own = |recorded: &&RecordedMigration| recorded.owner == MigrationOwner::Application;
        let found = self.strangers().filter(is_own).map(RecordedMigration::to_string);
        if self.known.has_own() { Vec::new() } else { found.collect() }
    }

    /// Returns an error if another program than this one has migrated the database: a newer one, or an application
    /// with migrations of its own.
    ///
    /// # Errors
    /// [`MigrationFault::NewerDatabase`] or [`MigrationFault::OfApplication`] if the database has migrations that
    /// this program does not know.
    pub fn ensure_known(&self) -> Result<()> {
        self.ensure_own_part_known()?;
        self.ensure_application_known()
    }

    /// Returns an error if an application has migrated the database whose migrations this program does not know.
    pub(crate) fn ensure_application_known(&self) -> Result<()> {
        match self.of_application() {
            found if found.is_empty() => Ok(()),
            found => Err(MigrationFault::OfApplication { versions: found.join("; ") }.into()),
        }
    }

    /// As [`Ledger::ensure_known`], but allows the migrations of an application that this program does not know.
    pub(crate) fn ensure_own_part_known(&self) -> Result<()> {
        let of_application = self.of_application();
        let versions: Vec<String> = self
            .strangers()
            .map(RecordedMigration::to_string)
            .filter(|found| !of_application.contains(found))
            .collect();
        if versions.is_empty() {
            return Ok(());
        }
        Err(MigrationFault::NewerDatabase { versions: versions.join("; ") }.into())
    }

    /// Returns an error if a migration would be applied after a later one of its owner.
    ///
    /// # Errors
    /// [`MigrationFault::LateMigration`] if a pending migration is older than one of its owner that has run.
    pub fn ensure_in_order(&self) -> Result<()> {
        let is_late = |migration: &KnownMigration| self.is_late(*migration);
        let Some(late) = self.pending().find(is_late) else { return Ok(()) };
        let newest = self.newest(late.owner()).unwrap_or_default().to_owned();
        let version = late.version();
        let earlier = self.known.of_owner(late.owner()).rfind(|known| known.version() < version);
        let before = earlier.map(|known| known.version());
        let back = back_to(late.owner(), before.as_deref());
        Err(Error::Migration(MigrationFault::LateMigration { late: version, newest, back }))
    }

    /// Whether a pending migration is older than one of its owner that has run.
    pub(super) fn is_late(&self, pending: KnownMigration) -> bool {
        self.newest(pending.owner()).is_some_and(|newest| pending.version().as_str() < newest)
    }
}

/// Returns the flags of `zenith-db rollback` that revert the migrations of an owner after a version; `None` stands
/// for all of them.
pub(crate) fn back_to(owner: MigrationOwner, version: Option<&str>) -> String {
    match (owner, version) {
        (_, Some(version)) => format!("--to {version}"),
        (MigrationOwner::Library, None) => "--to 0".into(),
        (MigrationOwner::Application, None) => "--own".into(),
    }
}

/// Version that stands for a ledger that is none.
const NO_LEDGER: &str = "unreadable";

/// Whether the ledger is a table with a stored column `version`. A file of another program may compute
/// the column, at any cost.
fn has_stored_versions(connection: &mut DbConnection) -> Result<bool> {
    #[cfg(feature = "postgres")]
    if let DbConnection::Postgres(connection) = connection {
        return Ok(diesel::select(sql::<Bool>(HAS_TEXTS)).get_result(connection)?);
    }
    let query = "SELECT name FROM temp.pragma_table_xinfo('__diesel_schema_migrations')
                 WHERE name = 'version' COLLATE NOCASE AND hidden = 0";
    Ok(!names(connection.sqlite()?, query)?.is_empty())
}

/// Whether the column is there and has texts: a server does not turn a number into one by itself.
#[cfg(feature = "postgres")]
const HAS_TEXTS: &str = "
    EXISTS (SELECT FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
        WHERE attrelid = to_regclass(pg_catalog.format('%I.__diesel_schema_migrations', current_schema()))
            AND attname = 'version' AND NOT attisdropped AND typcategory = 'S')";
