//! A UUID is stored in its one form on both databases, whoever writes: what is looked up by its text
//! must be found, and what is read must be one.

use diesel::connection::SimpleConnection;
use zenith_db::Backend;
use zenith_db::DbConnection;
use zenith_db::Error;
use zenith_db::prelude::*;
use zenith_db::schema::notifications;

use crate::support::rows::{drop_trigger, fill, refusal};
use crate::support::{Fixture, uuids};

/// Values that are no UUID, or one in another form.
const REFUSED: &[&str] = &[
    "''",
    "'00000000-0000-7000-8000-00000000ABCD'",
    "'{00000000-0000-7000-8000-0000000001}'",
    "'000000000000700080000000000000000001'",
    "'00000000000070008000000000000001'",
    "'urn:uuid:00000000-0000-7000-8000-000000000001'",
    "'00000000-0000-7000-8000-00000000000g'",
    "'00000000-0000-7000-8000-00000000000é'",
    "'00000000-0000-7000-8000-00000000001'",
    "'00000000-0000-7000-8000-0000000000001'",
    "' 00000000-0000-7000-8000-000000000001'",
    "'00000000-0000-7000-8000-000000000001 '",
    "'00000000-0000-7000-8000-000000000001\n'",
    "'\n00000000-0000-7000-8000-000000000001'",
    "'00000000-0000-7000-8000-00000000000\n'",
    "'0000000-00000-7000-8000-000000000001'",
    "'0000000--0000-7000-8000-000000000001'",
    "'00000000-0000-7000-8000-00000000000-'",
    "'------------------------------------'",
    "'????????-????-????-????-????????????'",
    "'not a UUID, but of 36 characters too'",
    "'0'",
];

/// What only SQLite can be given in a column of text.
const REFUSED_BY_SQLITE: &[&str] = &[
    "'00000000-0000-7000-8000-000000000001' || char(0)",
    "'00000000-0000-7000-8000-000000000001' || char(0) || 'x'",
    "'00000000-0000-7000-8000-' || char(0) || '00000000001'",
    "CAST('00000000-0000-7000-8000-000000000001' AS BLOB)",
    "zeroblob(36)",
    "7",
    "1.5",
];

fn filled() -> (Fixture, DbConnection) {
    let fixture = Fixture::created();
    let mut connection = fixture.raw();
    fill(&mut connection);
    drop_trigger(&mut connection, "audit_log", "audit_log_no_update");
    (fixture, connection)
}

#[test]
fn a_uuid_has_one_form_in_every_column() {
    let (_fixture, mut connection) = filled();
    let sqlite = connection.backend() == Backend::Sqlite;
    for (table, column) in uuids::columns() {
        for value in REFUSED.iter().chain(REFUSED_BY_SQLITE.iter().filter(|_| sqlite)) {
            let set = format!(
                "UPDATE {table} SET {column} = {value} WHERE id = (SELECT max(id) FROM {table})"
            );
            let refused = refusal(&mut connection, &set);
            let rule = format!("{table}_{column}_uuid");
            assert!(refused.contains(&rule), "{table}.{column} = {value}: {refused}");
        }
    }
}

#[test]
fn a_uuid_of_any_version_is_taken() {
    let (_fixture, mut connection) = filled();
    for value in [
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "01234567-89ab-4def-8123-456789abcdef",
    ] {
        let set = format!("UPDATE notifications SET notification_id = '{value}' WHERE id = 100");
        connection.batch_execute(&set).expect(&set);
        let parsed: UserPublicId = value.parse().expect("a UUID");
        assert_eq!(parsed.to_string(), value);
    }
    // An answer needs no question.
    connection.batch_execute("UPDATE chat_history SET parent_message_id = NULL").expect("NULL");
}

#[test]
fn the_rule_is_named_to_the_program() {
    use diesel::prelude::*;

    let (_fixture, mut connection) = filled();
    let statement = "UPDATE notifications SET notification_id = 'x'";
    let error = zenith_db::dispatch!(&mut connection, |c| diesel::sql_query(statement).execute(c))
        .expect_err("it is no UUID");
    let error = Error::from(error);
    let violation = error.violation().unwrap_or_else(|| panic!("no violation: {error:?}"));
    assert_eq!(violation.rule(), Rule::Uuid);
    assert!(violation.concerns(notifications::notification_id));
    assert_eq!(violation.constraint(), Some("notifications_notification_id_uuid"));
    let said = "notifications.notification_id is not a UUID in lower case with hyphens \
                (rule notifications_notification_id_uuid)";
    assert_eq!(violation.to_string(), said);
}
