//! Faults of migrations that their text shows, before they meet a database with rows.
//!
//! Text goes in and findings come out: no database is opened but one of SQLite's in memory, which
//! runs the scripts for SQLite. What each rule asks for is in `migrations/README.md`.
//!
//! A line `-- lint: allow RULE reason` in a script silences the rule in that script.

mod catalogue;
mod comments;
mod directory;
mod loss;
mod parity;
mod rebuild;
mod rebuild_error;
mod rebuild_script;
mod rules;
mod trial;

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use catalogue::Catalogue;
pub use rebuild_error::RebuildError;
pub use rebuild_script::rebuild_script;
use zenith_db::Backend;
use zenith_db::internal::migrations::{Migrations, statements};
use zenith_db::migrations::all;

/// The migrations of one database, oldest first.
#[derive(Clone, Debug)]
pub struct MigrationSet {
    /// The database that they are written for.
    pub backend: Backend,
    /// The migrations.
    pub migrations: Vec<SourceMigration>,
}

/// A migration as its two files.
#[derive(Clone, Debug)]
pub struct SourceMigration {
    /// The directory's name: `<timestamp>_<verb_object>`.
    pub name: String,
    /// What applies it.
    pub up: SourceScript,
    /// What reverts it.
    pub down: SourceScript,
}

/// A file of SQL.
#[derive(Clone, Debug)]
pub struct SourceScript {
    /// The path that findings name.
    pub file: PathBuf,
    /// What it says; empty if there is no such file.
    pub text: String,
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What is asked of a migration.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum LintRule {
            $($(#[$doc])* $name,)*
        }

        impl LintRule {
            /// Every rule.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name, as findings show it and `-- lint: allow` takes it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

rules! {
    /// Rows or columns go and no declaration says so.
    UndeclaredLoss = "undeclared-loss",
    /// Rows are changed and no declaration says so.
    UndeclaredChange = "undeclared-change",
    /// A declaration that cannot be understood.
    MalformedDeclaration = "malformed-declaration",
    /// A declaration about a table that the script leaves alone.
    IdleDeclaration = "idle-declaration",
    /// An index on an existing table stops its writers while it is built (PostgreSQL).
    IndexLocks = "index-locks",
    /// Another type rewrites the table (PostgreSQL).
    TypeRewrites = "type-rewrites",
    /// A constraint reads the whole table under its lock (PostgreSQL).
    ConstraintLocks = "constraint-locks",
    /// `SET NOT NULL` reads the whole table under its lock (PostgreSQL).
    NotNullLocks = "not-null-locks",
    /// A table is rebuilt otherwise than the recipe says (SQLite).
    RebuildOrder = "rebuild-order",
    /// Indexes or triggers of a rebuilt table are not made again (SQLite).
    RebuildForgets = "rebuild-forgets",
    /// A column that must have a value and has none for the rows that are there.
    NotNullWithoutDefault = "not-null-without-default",
    /// The two databases come to have different things.
    BackendsDiffer = "backends-differ",
    /// There is no `up.sql`, or it does nothing.
    EmptyUp = "empty-up",
    /// There is no `down.sql`, or it does nothing.
    EmptyDown = "empty-down",
    /// A statement that has no place in the program's transaction.
    ForbiddenStatement = "forbidden-statement",
    /// A statement whose effect its text does not tell.
    OpaqueStatement = "opaque-statement",
    /// An empty SQLite database refuses the script (SQLite).
    DoesNotRun = "does-not-run",
    /// `down.sql` does not bring back what was there before `up.sql` (SQLite).
    DownIncomplete = "down-incomplete",
    /// An `-- lint: allow` that cannot be understood, or that silences nothing.
    BadAllow = "bad-allow",
}

impl fmt::Display for LintRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One fault of one script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The script.
    pub file: PathBuf,
    /// The line on which the statement or comment begins, from 1.
    pub line: usize,
    /// Which rule it breaks.
    pub rule: LintRule,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub advice: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, rule, problem, advice } = self;
        write!(f, "{}:{line}: {rule}: {problem}; {advice}", file.display())
    }
}

/// Checks migrations, each set with its own rules and the sets against each other. Findings are in
/// the order of the sets, the migrations and the lines.
///
/// Migrations of an application that are not ours are taken to run after ours.
#[must_use]
pub fn lint(sets: &[MigrationSet]) -> Vec<Finding> {
    let mut found = Vec::new();
    for set in sets {
        let mut catalogue = Catalogue::default();
        for migration in &set.migrations {
            let before = catalogue.clone();
            let statements = statements(&migration.up.text, set.backend);
            catalogue.apply(&statements, &migration.up.file);
            found.extend(rules::check(set.backend, &migration.up, Direction::Up, &before));
            found.extend(rules::check(set.backend, &migration.down, Direction::Down, &catalogue));
        }
        if set.backend == Backend::Sqlite {
            found.extend(trial::check(&set.migrations));
        }
    }
    found.extend(parity::check(sets));
    let scripts: Vec<&SourceScript> =
        sets.iter().flat_map(|s| &s.migrations).flat_map(|m| [&m.up, &m.down]).collect();
    let mut found = comments::without_allowed(&scripts, found);
    let place = |finding: &Finding| scripts.iter().position(|script| script.file == finding.file);
    found.sort_by_key(|finding| (place(finding), finding.line, finding.rule));
    found
}

/// The embedded migrations that run before these: an application's own come after ours.
pub(crate) fn before(migrations: &[SourceMigration]) -> Migrations {
    let is_ours = |name: &str| all().iter().any(|embedded| embedded.name() == name);
    if migrations.iter().any(|migration| is_ours(&migration.name)) { &[] } else { all() }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

impl SourceScript {
    fn finding(
        &self,
        line: usize,
        rule: LintRule,
        problem: impl Into<String>,
        advice: impl Into<String>,
    ) -> Finding {
        let (problem, advice) = (problem.into(), advice.into());
        Finding { file: self.file.clone(), line, rule, problem, advice }
    }
}
