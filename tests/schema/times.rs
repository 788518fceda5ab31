//! A time that a server takes is one that the program reads and SQLite could hold.
#![cfg(feature = "postgres")]

use diesel::connection::SimpleConnection;

use crate::support::Fixture;
use crate::support::rows::{fill, lines, refusal};

/// Times that PostgreSQL's type has, and the program's has not.
const REFUSED: &[&str] = &[
    "infinity",
    "-infinity",
    "10000-01-01 00:00:00",
    "294276-12-31 23:59:59.999999",
    "0002-12-31 23:59:59.999999 BC",
    "4713-01-01 00:00:00 BC",
];

#[test]
fn a_time_on_a_server_is_within_the_years_that_the_program_reads() {
    let Some(fixture) = Fixture::on_a_server(Fixture::created) else { return };
    let mut connection = fixture.raw();
    fill(&mut connection);
    let columns = lines(
        &mut connection,
        "SELECT table_name || ' ' || column_name AS line FROM information_schema.columns
         WHERE table_schema = current_schema() AND data_type = 'timestamp without time zone'
             AND table_name NOT LIKE '\\_\\_%'",
    );
    assert!(columns.len() >= 50, "{columns:?}");
    for (table, column) in columns.iter().filter_map(|line| line.split_once(' ')) {
        // They would set another time, or refuse every change.
        let alone = format!("ALTER TABLE {table} DISABLE TRIGGER USER");
        connection.batch_execute(&alone).expect(&alone);
        for time in REFUSED {
            let statement = format!("UPDATE {table} SET {column} = '{time}'");
            let refused = refusal(&mut connection, &statement);
            let constraint = format!("CHECK constraint failed: {table}_");
            assert!(refused.contains(&constraint), "{statement}: {refused}");
        }
    }
}
