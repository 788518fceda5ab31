//! Rust types of the columns' values: ids, closed vocabularies, JSON, UTC time, names of accounts, hashes, secrets and
//! tokens.

pub(crate) mod account_name;
mod clock;
mod hash;
mod id;
mod json;
mod json_input;
mod lossy_text;
mod name;
mod password_hash;
mod secret;
mod sql_type;
mod stored_text;
mod time;
mod token;
mod vocabulary;

/// What the test kit sets.
#[cfg(feature = "testing")]
pub(crate) mod testing {
    pub use super::clock::testing::{Clock, EnteredClock};
    pub(crate) use super::password_hash::testing::fast_hash;
    pub use super::password_hash::testing::use_fast_passwords;
}

pub use account_name::{EmailAddress, NotEmailAddress, NotUsername, Username};
pub use hash::{NotSha256, Sha256Hash};
pub use id::*;
pub use json::{JsonColumn, JsonFault, JsonText};
pub(crate) use lossy_text::{LossyText, OptionalLossyText};
pub(crate) use name::is_storable;
pub use name::{ChunkType, Component, EventCategory, EventType, MetricName};
pub use password_hash::{HashingFailed, NotPasswordHash, NotVerified, PasswordHash};
pub use secret::{BackupCodes, Ciphertext, NotCiphertext, TwoFactorSecret};
pub use time::{NotUtcTime, UtcTime};
pub use token::{ApiKeySecret, SessionToken, ShareToken, TokenHash};
pub use vocabulary::*;
