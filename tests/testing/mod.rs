//! The test kit that applications use.
mod clock;
mod fixtures;
mod template;

use zenith_db::manager::DatabaseManager;
use zenith_db::testing::{Template, TestDatabase};

use crate::support::Fixture;

/// Returns a database of the kit: a file, or with `ZENITH_TEST_POSTGRES` a database on that server.
fn database() -> TestDatabase {
    // The fixture says only where; the template does not open it.
    let manager = DatabaseManager::new(Fixture::empty().config());
    let template = Template::of(&manager).expect("a template");
    template.database().expect("a database")
}
