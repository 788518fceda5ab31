//! Secrets that are stored. They do not implement `Serialize`, and `Debug` does not show them.

use std::str::FromStr;

use super::Sha256Hash;

/// Declares types of secrets, whose column has them as its type. What is read is not checked, so that a row that
/// another program wrote can be read.
macro_rules! secrets {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        #[derive(
            Clone,
            PartialEq,
            Eq,
            diesel::expression::AsExpression,
            diesel::deserialize::FromSqlRow,
        )]
        #[diesel(sql_type = $name)]
        pub struct $name(String);

        $crate::types::sql_type::sql_type!($name over Text);

        impl $name {
            /// Returns the secret.
            #[must_use]
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        }

        impl<DB: diesel::backend::Backend> diesel::deserialize::FromSql<$name, DB> for $name
        where
            String: diesel::deserialize::FromSql<diesel::sql_types::Text, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                String::from_sql(value).map(Self)
            }
        }

        impl<DB: diesel::backend::Backend> diesel::serialize::ToSql<$name, DB> for $name
        where
            str: diesel::serialize::ToSql<diesel::sql_types::Text, DB>,
        {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, DB>,
            ) -> diesel::serialize::Result {
                self.0.as_str().to_sql(out)
            }
        }
    )+};
}
pub(super) use secrets;

secrets! {
    /// Secret from which a user's one-time passwords are computed, encrypted by the application.
    TwoFactorSecret,
    /// Hashes of the codes that replace a user's second factor, as JSON.
    BackupCodes,
    /// Encrypted text: `enc:v`, a digit for the version of the encryption, `:`, and the ciphertext. The
    /// application encrypts and decrypts it.
    Ciphertext,
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
