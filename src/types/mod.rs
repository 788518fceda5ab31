//! Rust types of the columns' values: ids, closed vocabularies, JSON, UTC time, hashes and secrets.

mod hash;
mod id;
mod json;
mod lossy_text;
mod name;
mod secret;
mod sql_type;
mod stored_text;
mod time;
mod vocabulary;

pub use hash::{NotSha256, Sha256Hash, TokenHash};
pub use id::*;
pub use json::{JsonColumn, JsonFault, JsonText};
pub(crate) use lossy_text::{LossyText, OptionalLossyText};
pub use name::{ChunkType, Component, EventCategory, EventType, MetricName};
pub use secret::{
    BackupCodes, Ciphertext, NotCiphertext, PasswordHash, ShareToken, TwoFactorSecret,
};
pub use time::{NotUtcTime, UtcTime};
pub use vocabulary::*;
