//! The queries of `tests/consumer/src/right.rs`, run on each database.

#[path = "../consumer/src/right.rs"]
mod queries;

use crate::support::Fixture;

#[test]
fn every_query_that_is_right_runs() {
    let fixture = Fixture::created();
    let database = fixture.database();
    database.write(queries::run).expect("every query");
}
