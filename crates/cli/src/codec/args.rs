//! Flags for the encoding of backups.

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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Method {
    Zstd,
}
