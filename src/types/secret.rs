//! Secrets that are stored. They do not implement `Serialize`, and `Debug` does not show them.

use std::fmt;
use std::str::FromStr;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;
use uuid::Uuid;

use super::Sha256Hash;
use super::sql_type::sql_type;

macro_rules! secrets {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, AsExpression, FromSqlRow)]
        #[diesel(sql_type = $name)]
        pub struct $name(String);

        sql_type!($name over Text);

        impl $name {
            /// Returns the secret.
            #[must_use]
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        }

        impl<DB: Backend> FromSql<$name, DB> for $name
        where
            String: FromSql<Text, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
                String::from_sql(value).map(Self)
            }
        }

        impl<DB: Backend> ToSql<$name, DB> for $name
        where
            str: ToSql<Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                self.0.as_str().to_sql(out)
            }
        }
    )+};
}

secrets! {
    /// Hash of a password as a PHC string, such as `$argon2id$v=19$…`, or in the form of bcrypt.
    ///
    /// ```compile_fail
    /// # fn leaves_the_process<T: serde::Serialize>() {}
    /// leaves_the_process::<zenith_db::types::PasswordHash>();
    /// ```
    PasswordHash,
    /// Secret from which a user's one-time passwords are computed, encrypted by the application.
    TwoFactorSecret,
    /// Hashes of the codes that replace a user's second factor, as JSON.
    BackupCodes,
    /// Token with which anybody can read a shared conversation. The database contains only its hash.
    ShareToken,
    /// Encrypted text: `enc:v`, a digit for the version of the encryption, `:`, and the ciphertext. The
    /// application encrypts and decrypts it.
    Ciphertext,
}

impl PasswordHash {
    /// Wraps a hash. The database refuses one that does not begin with `$`.
    #[must_use]
    pub const fn new(phc: String) -> Self {
        Self(phc)
    }
}

impl TwoFactorSecret {
    /// Wraps a secret that the application has encrypted, 1 to 255 characters.
    #[must_use]
    pub const fn new(encrypted: String) -> Self {
        Self(encrypted)
    }
}

impl BackupCodes {
    /// Returns the backup codes with these hashes.
    #[must_use]
    pub fn from_hashes(hashes: &[Sha256Hash]) -> Self {
        let quoted: Vec<String> = hashes.iter().map(|hash| format!("\"{hash}\"")).collect();
        Self(format!("[{}]", quoted.join(",")))
    }
}

impl ShareToken {
    /// Returns a new token: 64 hexadecimal digits with 244 random bits.
    #[must_use]
    pub fn generate() -> Self {
        Self(format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()))
    }
}

impl From<String> for ShareToken {
    /// Wraps a token as a client presents it.
    fn from(token: String) -> Self {
        Self(token)
    }
}

/// Text that is not in the form of a [`Ciphertext`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("encrypted text has the form enc:v<digit>:<text>")]
pub struct NotCiphertext;

impl FromStr for Ciphertext {
    type Err = NotCiphertext;

    fn from_str(text: &str) -> Result<Self, NotCiphertext> {
        let rest = text.strip_prefix("enc:v").and_then(|rest| rest.split_once(':'));
        match rest {
            Some((version, secret))
                if version.len() == 1
                    && version.bytes().all(|digit| digit.is_ascii_digit())
                    && !secret.is_empty() =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(NotCiphertext),
        }
    }
}
