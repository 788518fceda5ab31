//! Tokens that a client presents, each with a type of its own, and the hash under which the database knows them.

use std::fmt;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use uuid::Uuid;

use super::Sha256Hash;
use super::sql_type::sql_type;
use super::stored_text::to_sql_as_text;

macro_rules! tokens {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        ///
        /// `Debug` does not show it, and it cannot be serialised.
        #[derive(Clone)]
        pub struct $name(String);

        impl $name {
            /// Returns a new token, to be issued: 64 hexadecimal digits with 244 random bits.
            #[must_use]
            pub fn generate() -> Self {
                Self(format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()))
            }

            /// Returns the token, to be handed to the client.
            #[must_use]
            pub fn expose(&self) -> &str {
                &self.0
            }

            /// Returns the hash that the database holds.
            #[must_use]
            pub fn hash(&self) -> TokenHash {
                TokenHash(Sha256Hash::of(&self.0))
            }
        }

        impl From<String> for $name {
            /// Wraps a token as a client presents it, to look it up. Only `generate` makes one to be issued: one that a client
            /// has chosen may be known to others.
            fn from(presented: String) -> Self {
                Self(presented)
            }
        }

        impl From<&str> for $name {
            /// Wraps a token as a client presents it, to look it up. Only `generate` makes one to be issued: one that a client
            /// has chosen may be known to others.
            fn from(presented: &str) -> Self {
                Self(presented.to_owned())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        }
    )+};
}

tokens! {
    /// Token with which a signed-in user's client opens its session. The database contains only its hash.
    SessionToken,
    /// API key, with which a program acts for a user. The database contains only its hash, and its first characters.
    ApiKeySecret,
    /// Token with which anybody can read a shared conversation. The database contains only its hash.
    ShareToken,
}

/// SHA-256 of a [`SessionToken`], an [`ApiKeySecret`] or a [`ShareToken`], which [`SessionToken::hash`] and its
/// likes return. The database never holds the token itself.
///
/// The hash does not serve as the token; nevertheless it is not serialised.
///
/// ```compile_fail
/// # fn leaves_the_process<T: serde::Serialize>() {}
/// leaves_the_process::<zenith_db::types::TokenHash>();
/// ```
#[derive(Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = TokenHash)]
pub struct TokenHash(Sha256Hash);

sql_type!(TokenHash over Text);

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(***)")
    }
}

impl<DB: Backend> FromSql<TokenHash, DB> for TokenHash
where
    Sha256Hash: FromSql<Sha256Hash, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Sha256Hash::from_sql(value).map(Self)
    }
}

to_sql_as_text!(TokenHash, Text, |hash| hash.0.to_string());
