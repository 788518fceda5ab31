//! The integrity check of the former database.

use std::path::Path;

use zenith_db::Error;
use zenith_db::internal::catalog::{PAGES, ROOTLESS, is_of_value, lines_in, pages_as_json};
use zenith_db::internal::connection::sqlite::free_pages;

use super::budget::Budget;
use super::connection::open_to_read;
use super::fault::fault;
use crate::error::Result;

/// Most faults that SQLite lists.
const MOST: u32 = 1_000_000;
/// Faults that the error repeats.
const SHOWN: usize = 5;

/// Refuses a damaged database, whose rows a copy could lose. `copy` has every page of the database
/// `name`.
///
/// Values that break a rule of their column are no damage: they can be read.
pub(crate) fn ensure_intact(copy: &Path, name: &Path) -> Result<()> {
    let budget = Budget::for_file(copy)?;
    let (copy, name) = (copy.to_owned(), name.display().to_string());
    let object = format!("the integrity check of {name}");
    let check = object.clone();
    budget.run(&object, move || {
        let faults = faults(&copy, budget, &check)?;
        if faults.is_empty() {
            return Ok(());
        }
        Err(Error::IntegrityFaults { database: name, faults: faults.join("; ") }.into())
    })
}

fn faults(copy: &Path, budget: Budget, object: &str) -> Result<Vec<String>> {
    let failed = |cause| fault(object, Some(budget), cause);
    let connection = open_to_read(copy, Some(budget))?;
    let mut faults = Vec::new();
    // SQLite's check may skip the list of free pages, and pages that nothing uses.
    let mut rootless = connection.prepare(ROOTLESS).map_err(failed)?;
    if rootless.exists([]).map_err(failed)? {
        let mut pages = connection.prepare(PAGES).map_err(failed)?;
        let free = pages_as_json(&free_pages(copy)?);
        let mut rows = pages.query([free]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            faults.push(row.get(0).map_err(failed)?);
        }
    }
    let mut check =
        connection.prepare(&format!("PRAGMA integrity_check({MOST})")).map_err(failed)?;
    let mut rows = check.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let found: String = row.get(0).map_err(failed)?;
        if !is_of_value(&found) {
            faults.extend(lines_in(&found));
        }
        if faults.len() >= SHOWN {
            break;
        }
    }
    faults.truncate(SHOWN);
    Ok(faults)
}
