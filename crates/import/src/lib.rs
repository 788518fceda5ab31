//! Adoption of a database of the former application.
//!
//! 1. Lock the original, if it is to be replaced, and copy it (`source`).
//! 2. Check the copy, under limits of time and size (`guarded`): it may be anybody's file.
//! 3. Build the new database in a hidden directory beside it (`build`): run the
//!    migrations, convert every row by the rules of its columns (`tables`, `rules`, `column_map`,
//!    `conversion`), copy the unknown tables (`unknown_tables`), turn the roles' permissions into
//!    grants (`grants`), and chain the audit log (`audit`).
//! 4. Read both databases again and compare them (`verify`).
//! 5. Retain the copy of the original in the backup directory (`retained_original`), and rename the new
//!    database to the path of the old one (`adoption`).
//!
//! At every moment, the path has a complete database: the old one before the rename, and the new one
//! after it.

mod adoption;
mod attempt;
mod audit;
mod build;
mod cell;
mod column_map;
mod context;
mod conversion;
mod dangling_references;
mod error;
mod grants;
mod guarded;
mod legacy_db;
mod load;
mod options;
mod overflow_values;
mod paths;
mod quarantine;
mod report;
mod retained_original;
mod rules;
mod source;
mod table_writer;
mod tables;
mod unknown_tables;
mod verify;

pub use adoption::adopt;
pub use error::{AdoptionError, Result};
pub use options::AdoptionOptions;
pub use report::{
    AdoptionOutcome, AdoptionReport, ChangeReport, ColumnDigest, GrantReport, PreservedTableReport,
    RejectedRow, TableReport,
};
