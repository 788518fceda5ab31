//! Transfer of a whole database to another, between SQLite and PostgreSQL or within either.
//!
//! 1. The source is read in one snapshot. Nothing is written to it.
//! 2. The target has the same migrations and no rows, or the part that an interrupted transfer copied.
//! 3. The rows are copied table by table, in batches. Each batch and its record in `zenith_transfer` are
//!    one transaction, so an interruption loses no more than a batch.
//! 4. The last transaction copies the history of migrations, sets the sequences, adds the foreign keys,
//!    and reads every row of the target again to compare it. It also drops the record: a target without
//!    one is empty or has been compared.

mod active;
mod between;
mod digest;
mod error;
mod kind;
mod managed;
mod own;
mod preconditions;
mod report;
mod rows;
mod sequence;
mod source;
mod state;
mod table;
mod target;
mod value;

pub use between::{table_contents, transfer_between};
pub use digest::{ContentDigest, TableContents};
pub use error::{Result, TransferError};
pub use managed::{TransferRecord, transfer};
pub use report::{
    TransferOptions, TransferPhase, TransferProgress, TransferReport, TransferredTable,
};
