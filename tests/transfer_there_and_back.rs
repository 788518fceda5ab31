//! A database that was moved is the same: every column of every table, between all backends.

use std::collections::BTreeSet;

use diesel::connection::SimpleConnection;
use zenith_db::DbConnection;
use zenith_db::manager::{TransferOptions, TransferReport, table_contents, transfer_between};

use crate::support::filled::{EVER_FILLED, EVER_NULL, FILLED};
use crate::support::place::Place;
use crate::support::{Fixture, rows, text};

/// Moves, and gives the report.
fn transfer(source: &Place, target: &Place) -> TransferReport {
    let (mut source, mut target) = (source.connect(), target.connect());
    let options = TransferOptions::default();
    transfer_between(&mut source, &mut target, &options, &mut |_| ()).expect("a transfer")
}

fn filled() -> Place {
    let place = Place::sqlite();
    fixture(&place).sql(FILLED);
    place
}

fn fixture(place: &Place) -> &Fixture {
    match place {
        Place::Sqlite(fixture) => fixture,
        #[cfg(feature = "postgres")]
        Place::Postgres(_) => panic!("this is not SQLite"),
    }
}

/// Everything in the file but what is each database's own.
fn written_out(place: &Place) -> Vec<(String, Vec<String>)> {
    let mut contents = rows::contents(&mut fixture(place).raw());
    contents.retain(|table, _| !table.starts_with("__"));
    contents.into_iter().collect()
}

#[test]
fn every_column_of_the_rows_to_move_has_a_value_and_if_it_may_a_null() {
    let place = filled();
    let mut connection = fixture(&place).raw();
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
        assert_eq!(text(&mut connection, &ask(EVER_FILLED)), "1", "{table}.{column} has no value");
        if nullable == "1" {
            assert_eq!(text(&mut connection, &ask(EVER_NULL)), "1", "{table}.{column} has no NULL");
        }
    }
    let subnormal = "SELECT count(*) FROM system_metrics
        WHERE metric_value <> 0 AND abs(metric_value) < 2.2250738585072014e-308";
    assert_eq!(text(&mut connection, subnormal), "3");
}

fn there_and_back(between: &Place) {
    let (source, back) = (filled(), Place::sqlite());
    let there = transfer(&source, between);
    assert_eq!(there.tables.len(), 21);
    transfer(between, &back);
    let original = table_contents(&mut source.connect()).expect("contents");
    assert_eq!(table_contents(&mut between.connect()).expect("contents"), original);
    assert_eq!(table_contents(&mut back.connect()).expect("contents"), original);
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
    transfer(&filled(), &first);
    there_and_back_from(&first, &second);
}

fn there_and_back_from(first: &Place, second: &Place) {
    let report = transfer(first, second);
    let original = table_contents(&mut first.connect()).expect("contents");
    assert_eq!(table_contents(&mut second.connect()).expect("contents"), original);
    for table in report.tables {
        assert_eq!(table.source, table.target);
        assert_eq!(original[table.table], table.target);
    }
}

#[test]
fn a_hundred_thousand_messages_go_there_and_back() {
    let source = filled();
    fixture(&source).sql(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100000)
         INSERT INTO chat_history (chat_session_id, user_id, message_id, message_content, message_type)
         SELECT 1, 1, printf('00000000-0000-7000-9000-%012d', n),
             substr('Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich 🦀', 1, n % 67),
             iif(n % 2, 'user', 'assistant') FROM n",
    );
    let between = Place::postgres().unwrap_or_else(Place::sqlite);
    let back = Place::sqlite();
    let there = transfer(&source, &between);
    assert_eq!(
        there.tables.iter().find(|t| t.table == "chat_history").expect("it").target.rows,
        100_002
    );
    transfer(&between, &back);
    let original = table_contents(&mut source.connect()).expect("contents");
    assert_eq!(table_contents(&mut back.connect()).expect("contents"), original);
}

/// The next key of users, roles (never more than one) and backup jobs.
fn next_keys(connection: &mut DbConnection) -> Vec<i64> {
    use diesel::prelude::*;
    use zenith_db::schema::{backup_jobs, chat_sessions, users};
    connection
        .batch_execute(
            "INSERT INTO users (uuid, username, email, password_hash, role_id) VALUES
                ('00000000-0000-7000-8000-00000000000a', 'new', 'n@b', '$x', 1);
             INSERT INTO chat_sessions (session_id, user_id) VALUES
                ('00000000-0000-7000-8000-00000000000a', 1);
             INSERT INTO backup_jobs (job_id) VALUES ('00000000-0000-7000-8000-00000000000a')",
        )
        .expect("rows");
    zenith_db::dispatch!(connection, |inner| {
        let users: Option<i64> =
            users::table.select(diesel::dsl::max(users::id)).get_result(inner).expect("a key");
        let sessions: Option<i64> = chat_sessions::table
            .select(diesel::dsl::max(chat_sessions::id))
            .get_result(inner)
            .expect("a key");
        let jobs: Option<i64> = backup_jobs::table
            .select(diesel::dsl::max(backup_jobs::id))
            .get_result(inner)
            .expect("a key");
        [users, sessions, jobs].into_iter().flatten().collect()
    })
}

#[test]
fn a_key_that_was_used_and_deleted_is_not_used_again() {
    let between = Place::postgres().unwrap_or_else(Place::sqlite);
    let (source, back) = (filled(), Place::sqlite());
    // User 9 is gone; so are all backup jobs.
    fixture(&source).sql("DELETE FROM backup_jobs");
    transfer(&source, &between);
    transfer(&between, &back);
    assert_eq!(next_keys(&mut between.connect()), [10, 3, 3]);
    assert_eq!(next_keys(&mut back.connect()), [10, 3, 3]);
}
