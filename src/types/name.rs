//! Names that an application chooses: an open vocabulary, declared as constants.

use std::fmt;

use diesel::backend::Backend;
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;
use serde::Serialize;

/// Whether the name has 1 to `longest` bytes, none of which is NUL.
pub(crate) const fn is_storable(name: &str, longest: usize) -> bool {
    let mut rest = name.as_bytes();
    while let [first, others @ ..] = rest {
        if *first == 0 {
            return false;
        }
        rest = others;
    }
    !name.is_empty() && name.len() <= longest
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident of $longest:literal { $($(#[$about:meta])* $constant:ident = $text:literal,)* })+) => {$(
        $(#[$doc])*
        ///
        /// An application declares those of its own as constants, so that what is written and what is looked for cannot
        /// differ by a slip of the pen:
        ///
        /// ```
        #[doc = concat!("# use zenith_db::types::", stringify!($name), ";")]
        #[doc = concat!("const MINE: ", stringify!($name), "<'_> = ", stringify!($name), "::new(\"mine\");")]
        /// assert_eq!(MINE.as_str(), "mine");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, AsExpression)]
        #[diesel(sql_type = Text)]
        #[serde(transparent)]
        pub struct $name<'a>(&'a str);

        impl $name<'static> {
            $(
                $(#[$about])*
                pub const $constant: Self = Self::new($text);
            )*

            #[doc = concat!("Returns a name of 1 to ", stringify!($longest), " bytes, for a constant.")]
            ///
            /// # Panics
            /// If the name is empty, too long or has a NUL; in a constant, that is an error of the compiler.
            #[must_use]
            pub const fn new(name: &'static str) -> Self {
                assert!(is_storable(name, $longest), "the name is empty, too long, or has a NUL");
                Self(name)
            }
        }

        impl<'a> $name<'a> {
            /// Returns a name that is not known when the program is compiled, such as one that a row has or a user has
            #[doc = concat!("entered. The database refuses to store one that has not 1 to ", stringify!($longest), " characters.")]
            #[must_use]
            pub const fn undeclared(name: &'a str) -> Self {
                Self(name)
            }

            /// Returns the name, as it is stored.
            #[must_use]
            pub const fn as_str(self) -> &'a str {
                self.0
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.0)
            }
        }

        impl<DB: Backend> ToSql<Text, DB> for $name<'_>
        where
            str: ToSql<Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                self.0.to_sql(out)
            }
        }
    )+};
}

names! {
    /// Type of an event in the audit log, or of a security incident, such as [`EventType::LOGIN`].
    EventType of 50 {
        /// A user signs in: `login`.
        LOGIN = "login",
        /// A user signs out: `logout`.
        LOGOUT = "logout",
        /// A password is replaced, as `zenith-db user reset-password` does: `password_reset`.
        PASSWORD_RESET = "password_reset",
        /// Somebody tries many passwords: `brute_force`.
        BRUTE_FORCE = "brute_force",
    }
    /// Category of an event in the audit log, such as [`EventCategory::AUTHENTICATION`].
    EventCategory of 50 {
        /// Who somebody is: `authentication`.
        AUTHENTICATION = "authentication",
        /// What somebody may do: `authorization`.
        AUTHORIZATION = "authorization",
    }
    /// Component of the system, whose health and metrics are recorded, such as [`Component::MIGRATIONS`].
    Component of 100 {
        /// The migrations, whose failures the manager records: `migrations`.
        MIGRATIONS = "migrations",
        /// The trial restore of the newest backup, which the manager records: `backup_drill`.
        BACKUP_DRILL = "backup_drill",
    }
    /// Name of a metric.
    MetricName of 100 {}
    /// Kind of content of a document's chunk, such as [`ChunkType::TEXT`].
    ChunkType of 50 {
        /// Running text: `text`.
        TEXT = "text",
        /// A table: `table`.
        TABLE = "table",
    }
}
