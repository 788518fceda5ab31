//! Rules of the lint, by name.

use std::fmt;

use serde::Serialize;

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Rule for the scripts of a migration.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum LintRule {
            $($(#[$doc])* $name,)*
        }

        impl LintRule {
            /// Every rule.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the name of the rule, as findings show it and `-- lint: allow` takes it.
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
    /// Rows or columns are lost without a declaration.
    UndeclaredLoss = "undeclared-loss",
    /// Rows are changed without a declaration.
    UndeclaredChange = "undeclared-change",
    /// A declaration is malformed.
    MalformedDeclaration = "malformed-declaration",
    /// A declaration names a table that the script does not touch.
    IdleDeclaration = "idle-declaration",
    /// A migration of an application requires a version that Zenith DB does not have.
    UnknownRequirement = "unknown-requirement",
    /// A migration of an application changes a table of Zenith DB.
    ChangesLibrary = "changes-library",
    /// Building an index blocks writes to an existing table (PostgreSQL).
    IndexLocks = "index-locks",
    /// A change of a column's type rewrites the table (PostgreSQL).
    TypeRewrites = "type-rewrites",
    /// A new constraint scans the whole table while it is locked (PostgreSQL).
    ConstraintLocks = "constraint-locks",
    /// `SET NOT NULL` scans the whole table while it is locked (PostgreSQL).
    NotNullLocks = "not-null-locks",
    /// The steps that rebuild a table are not those of the recipe in `migrations/README.md` (SQLite).
    RebuildOrder = "rebuild-order",
    /// The rebuild of a table does not create its indexes or triggers again (SQLite).
    RebuildForgets = "rebuild-forgets",
    /// A new `NOT NULL` column has no value for existing rows.
    NotNullWithoutDefault = "not-null-without-default",
    /// The migrations of the two databases create different objects.
    BackendsDiffer = "backends-differ",
    /// `up.sql` is missing or contains no statement.
    EmptyUp = "empty-up",
    /// `down.sql` is missing or contains no statement.
    EmptyDown = "empty-down",
    /// Two migrations have the same version, so that only one of them would run.
    SameVersion = "same-version",
    /// The name of a migration's directory does not begin with a version.
    NoVersion = "no-version",
    /// The name of a script is not `up.sql` or `down.sql`, in lower case.
    ScriptName = "script-name",
    /// A script begins with a UTF-8 byte order mark.
    ByteOrderMark = "byte-order-mark",
    /// A statement is not allowed in the transaction of a migration.
    ForbiddenStatement = "forbidden-statement",
    /// The text of a statement does not show its effect.
    OpaqueStatement = "opaque-statement",
    /// The script does not run on an empty database (SQLite).
    DoesNotRun = "does-not-run",
    /// `down.sql` does not restore the schema that existed before `up.sql` (SQLite).
    DownIncomplete = "down-incomplete",
    /// A comment `-- lint: allow` is malformed, or permits breaking a rule that no statement breaks.
    BadAllow = "bad-allow",
}

impl fmt::Display for LintRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
