//! SHA-256 hashes of contents.

use std::fmt;
use std::str::FromStr;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::sql_type::sql_type;
use super::stored_text::to_sql_as_text;

/// Text that is not a SHA-256 hash in lower-case hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 hash is 64 lower-case hexadecimal digits")]
pub struct NotSha256;

/// SHA-256 of a content, such as a file, a chunk or an audit entry. Stored as 64 lower-case
/// hexadecimal digits.
///
/// ```
/// # use zenith_db::types::Sha256Hash;
/// let hash = Sha256Hash::of("");
/// assert_eq!(
///     hash.to_string(),
///     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
/// );
/// assert_eq!(hash.to_string().parse(), Ok(hash));
/// ```
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
)]
#[diesel(sql_type = Sha256Hash)]
#[serde(into = "String", try_from = "String")]
pub struct Sha256Hash([u8; 32]);

sql_type!(Sha256Hash over Text);

impl Sha256Hash {
    /// Hash of 64 zeros, to which the first entry of the audit log refers.
    pub const ZERO: Self = Self([0; 32]);

    /// Returns the hash of a content.
    #[must_use]
    pub fn of(content: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(content).into())
    }
}

impl From<[u8; 32]> for Sha256Hash {
    /// Wraps the 32 bytes of a hash that was computed elsewhere, such as while a file was received.
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Sha256Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Through a buffer: `fmt` for each byte is a good part of what a look-up costs.
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or_default();
        let mut text = [0_u8; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Sha256Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256Hash({self})")
    }
}

impl FromStr for Sha256Hash {
    type Err = NotSha256;

    fn from_str(text: &str) -> Result<Self, NotSha256> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(NotSha256),
        };
        let digits: &[u8; 64] = text.as_bytes().try_into().map_err(|_| NotSha256)?;
        let mut bytes = [0_u8; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks().0) {
            let &[high, low] = pair;
            *byte = digit(high)? << 4 | digit(low)?;
        }
        Ok(Self(bytes))
    }
}

impl From<Sha256Hash> for String {
    fn from(hash: Sha256Hash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for Sha256Hash {
    type Error = NotSha256;

    fn try_from(text: String) -> Result<Self, NotSha256> {
        text.parse()
    }
}

impl<DB: Backend> FromSql<Sha256Hash, DB> for Sha256Hash
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(String::from_sql(value)?.parse()?)
    }
}

to_sql_as_text!(Sha256Hash, Text, |hash| hash.to_string());
