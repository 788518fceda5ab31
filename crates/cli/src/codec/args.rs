//! Flags for the encoding of backups.

use std::path::PathBuf;

use clap::ValueEnum;

/// How to encode a backup.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct EncodingArgs {
    /// Compress the backup
    #[arg(long, value_enum, value_name = "METHOD")]
    pub(super) compress: Option<Method>,
    /// Level of the compression, 1 (fast) to 19 (small) [default: 3]
    #[arg(long, value_name = "N", requires = "compress", value_parser = clap::value_parser!(i32).range(1..=19))]
    pub(super) level: Option<i32>,
    /// Encrypt the backup for an age recipient (age1…); may be repeated
    #[arg(long, value_name = "RECIPIENT")]
    pub(super) encrypt: Vec<String>,
    /// Encrypt the backup for the age recipients in a file, one on each line
    #[arg(long, value_name = "FILE")]
    pub(super) encrypt_file: Option<PathBuf>,
    /// Decrypt the backup again, with an age identity in this file, before it counts; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) identity: Vec<PathBuf>,
    /// Encrypt the backup with the passphrase in a file, which has one line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["encrypt", "encrypt_file", "identity"])]
    pub(super) passphrase_file: Option<PathBuf>,
}

/// How to decode backups.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct KeyArgs {
    /// Decrypt backups with the age identities in a file; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) identity: Vec<PathBuf>,
    /// Decrypt backups with the passphrase in a file, which has one line
    #[arg(long, value_name = "FILE")]
    pub(super) passphrase_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Method {
    Zstd,
}
