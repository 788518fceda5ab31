//! A database that was moved is the same: every column of every table, between all backends.

use std::collections::BTreeSet;

use diesel::connection::SimpleConnection;
use zenith_db_transfer::{TransferOptions, TransferReport};

use crate::support::filled::{EVER_FILLED, EVER_NULL};
use crate::support::place::{Place, transfer};
use crate::support::{rows, text};

fn moved(source: &Place, target: &Place) -> TransferReport {
    transfer(source, target, TransferOptions::default()).expect("a transfer")
}

/// Everything in the file but what is each database's own.
fn written_out(place: &Place) -> Vec<(String, Vec<String>)> {
    let mut contents = rows::contents(&mut place.fixture().raw());
    contents.retain(|table, _| !table.starts_with("__"));
    contents.into_iter().collect()
}

#[test]
fn every_column_of_the_rows_to_move_has_a_value_and_if_it_may_a_null() {
    let place = Place::filled(0);
    let mut connection = place.fixture().raw();
    let columns = rows::lines(
        &mut connection,
        r#"SELECT t.name || ' ' || c.name || ' ' || (c."notnull" = 0) AS line
           FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
           WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE '\_\_%' ESCAPE '\'
               AND t.name <> 'schema_version'"#,
    );
    let tables = columns.iter().filter_map(|column| column.split(' ').next());
    assert_eq!(tables.collect::<BTreeSet<_>>().len(), 20);
    for column in columns {
        let [table, column, nullable] = column.split(' ').collect::<Vec<_>>()[..] else { panic!() };
        let ask = |query: &str| query.replace("{table}", table).replace("{column}", column);
        let rows = format!("the rows of {table} in tests/support/filled.rs");
        let mut ever = |query| text(&mut connection, &ask(query)) == "1";
        assert!(ever(EVER_FILLED), "{rows} have no value of {column}");
        assert!(nullable == "0" || ever(EVER_NULL), "{rows} have no NULL in {column}");
    }
    let subnormal = "SELECT count(*) FROM system_metrics
        WHERE metric_value <> 0 AND abs(metric_value) < 2.2250738585072014e-308";
    assert_eq!(text(&mut connection, subnormal), "3");
    let megabyte = "SELECT octet_length(message_content) > 1000000 FROM chat_history WHERE id = 2";
    assert_eq!(text(&mut connection, megabyte), "1");
}

fn there_and_back(between: &Place) {
    let (source, back) = (Place::filled(0), Place::sqlite());
    let before = between.catalogue();
    let there = moved(&source, between);
    assert_eq!(there.tables.len(), 21);
    assert_eq!(between.catalogue(), before);
    moved(between, &back);
    assert_eq!(between.contents(), source.contents());
    assert_eq!(back.contents(), source.contents());
    // By other means than our own digests.
    assert_eq!(written_out(&back), written_out(&source));
}

#[test]
fn sqlite_to_sqlite_and_back_is_the_same() {
    there_and_back(&Place::sqlite());
}

#[test]
fn sqlite_to_postgres_and_back_is_the_same() {
    let Some(between) = Place::postgres() else { return };
    there_and_back(&between);
}

#[test]
fn postgres_to_postgres_is_the_same() {
    let (Some(first), Some(second)) = (Place::postgres(), Place::postgres()) else { return };
    moved(&Place::filled(0), &first);
    let report = moved(&first, &second);
    let original = first.contents();
    assert_eq!(second.contents(), original);
    for table in report.tables {
        assert_eq!(table.source, table.target);
        assert_eq!(original[table.table], table.target);
    }
}

#[test]
fn a_hundred_thousand_messages_go_there_and_back() {
    let (source, back) = (Place::filled(100_000), Place::sqlite());
    let between = Place::postgres().unwrap_or_else(Place::sqlite);
    let (there, back) = (moved(&source, &between), moved(&between, &back));
    for (there, back) in there.tables.iter().zip(&back.tables) {
        assert_eq!((there.table, there.source), (back.table, back.target));
    }
    let messages = there.tables.iter().find(|table| table.table == "chat_history");
    assert_eq!(messages.expect("a table").target.rows, 100_002);
}

#[test]
fn a_negative_zero_becomes_a_zero_where_there_is_no_other() {
    let Some(source) = Place::postgres() else { return };
    let target = Place::sqlite();
    source.sql(
        "INSERT INTO system_metrics (metric_name, metric_value, metric_type) VALUES
            ('m', '-0', 'gauge')",
    );
    moved(&source, &target);
    assert_eq!(target.fixture().text("SELECT metric_value FROM system_metrics"), "0.0");
}

/// Inserts without giving keys, and tells which they got.
fn next_keys(place: &Place) -> [i64; 3] {
    use crate::support::stored_tables::{backup_jobs, chat_sessions, users};
    use diesel::prelude::*;
    let mut connection = place.connect();
    connection
        .batch_execute(
            "INSERT INTO users (uuid, username, email, password_hash, role_id) VALUES
                ('00000000-0000-7000-8000-00000000000a', 'new', 'n@b', '$x', 1);
             INSERT INTO chat_sessions (session_id, user_id) VALUES
                ('00000000-0000-7000-8000-00000000000a', 1);
             INSERT INTO backup_jobs (job_id) VALUES ('00000000-0000-7000-8000-00000000000a')",
        )
        .expect("rows");
    let keys = zenith_db::dispatch!(&mut connection, |inner| [
        users::table.select(users::id).order(users::id.desc()).first(inner),
        chat_sessions::table.select(chat_sessions::id).order(chat_sessions::id.desc()).first(inner),
        backup_jobs::table.select(backup_jobs::id).order(backup_jobs::id.desc()).first(inner),
    ]);
    keys.map(|key| key.expect("a key"))
}

#[test]
fn a_key_that_was_used_and_deleted_is_not_used_again() {
    let (source, back) = (Place::filled(0), Place::sqlite());
    let between = Place::postgres().unwrap_or_else(Place::sqlite);
    // User 9 is gone already; so are now the backup jobs 1 and 2.
    source.sql("DELETE FROM backup_jobs");
    moved(&source, &between);
    moved(&between, &back);
    assert_eq!(next_keys(&between), [10, 3, 3]);
    assert_eq!(next_keys(&back), [10, 3, 3]);
}

#[test]
fn the_history_keeps_its_times_and_the_checksums_of_its_own_database() {
    let Some(target) = Place::postgres() else { return };
    let source = Place::filled(0);
    let history = |place: &Place| {
        zenith_db::models::SchemaVersion::list(&mut place.connect()).expect("a history")
    };
    let (of_source, before) = (history(&source), history(&target));
    moved(&source, &target);
    let of_target = history(&target);
    assert_eq!(of_target.len(), of_source.len());
    for ((target, source), before) in of_target.iter().zip(&of_source).zip(&before) {
        assert_eq!((target.id, target.version), (source.id, source.version));
        assert_eq!(target.applied_at, source.applied_at);
        assert_eq!(target.checksum, before.checksum);
        assert_ne!(target.checksum, source.checksum);
    }
}
