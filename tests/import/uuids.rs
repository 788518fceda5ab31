//! UUIDs of the former application are written in canonical form. A row with a value that is not a UUID
//! is skipped and listed.

use zenith_db_import::{AdoptionOptions, AdoptionOutcome};

use crate::support::legacy::{Shape, former_with};

/// Each column, with a row to which no other row refers.
const COLUMNS: &[(&str, &str, i64)] = &[
    ("users", "uuid", 7),
    ("api_keys", "key_id", 1),
    ("chat_sessions", "session_id", 5),
    ("chat_history", "message_id", 2),
    ("chat_history", "parent_message_id", 2),
    ("documents", "document_id", 2),
    ("document_chunks", "chunk_id", 2),
    ("audit_log", "event_id", 8),
    ("security_events", "event_id", 1),
];

/// Other forms of this UUID. The former schema has no rule against any.
const UUID: &str = "abcdef01-2345-4678-89ab-cdef01234567";
const FORMS: &[&str] = &[
    "'ABCDEF01-2345-4678-89AB-CDEF01234567'",
    "'{abcdef01-2345-4678-89ab-cdef01234567}'",
    "'abcdef012345467889abcdef01234567'",
    "'urn:uuid:ABCDEF01-2345-4678-89ab-cdef01234567'",
    "' abcdef01-2345-4678-89ab-cdef01234567\n'",
    "CAST('abcdef01-2345-4678-89ab-cdef01234567' AS BLOB)",
];

/// Values that are not a UUID in any form.
const NONE: &[&str] = &[
    "'no UUID'",
    "'abcdef01-2345-4678-89ab-cdef0123456g'",
    "'abcdef01-2345-4678-89ab-cdef0123456'",
    "'abcdef01-2345-4678-89ab-cdef01234567' || char(0)",
    "CAST(x'abcdef01ff' AS TEXT)",
    "x'abcdef0123454678ff00cdef01234567'",
    "17",
];

fn set(table: &str, column: &str, row: i64, value: &str) -> String {
    format!("UPDATE {table} SET {column} = {value} WHERE id = {row};")
}

#[test]
fn a_uuid_in_another_form_is_written_in_its_one_form() {
    for form in FORMS {
        let statements: String =
            COLUMNS.iter().map(|(table, column, row)| set(table, column, *row, form)).collect();
        // A message names its parent in another form.
        let question = set("chat_history", "message_id", 1, "upper(message_id)");
        let answer =
            "UPDATE chat_history SET parent_message_id = '{20000000-0000-4000-8000-000000000001}'
                      WHERE id = 2;";
        let fixture = former_with(Shape::Plain, &[&statements, &*question, answer].concat());
        let report = zenith_db_import::adopt(&fixture.manager(), &AdoptionOptions::default())
            .expect("an adoption");
        assert_eq!(report.outcome, AdoptionOutcome::Adopted);
        for (table, column, row) in COLUMNS {
            let found = fixture.text(&format!("SELECT {column} FROM {table} WHERE id = {row}"));
            let expected = match *column {
                "parent_message_id" => "20000000-0000-4000-8000-000000000001",
                _ => UUID,
            };
            assert_eq!(found, expected, "{table}.{column} = {form}");
        }
        assert!(fixture.manager().health_check().healthy);
    }
}

#[test]
fn a_row_without_a_uuid_is_left_out_and_named_and_the_others_are_adopted() {
    for (number, none) in NONE.iter().enumerate() {
        for (table, column, row) in COLUMNS {
            // Every column is tested with at least one value, and every value with at least one column.
            if number > 0 && (number + table.len() + column.len()) % 4 > 0 {
                continue;
            }
            let fixture = former_with(Shape::Plain, &set(table, column, *row, none));
            let file = fixture.directory.path().join("quarantine.jsonl");
            let options =
                AdoptionOptions { quarantine: Some(file.clone()), ..AdoptionOptions::default() };
            let report =
                zenith_db_import::adopt(&fixture.manager(), &options).expect("an adoption");
            assert_eq!(report.outcome, AdoptionOutcome::Adopted);
            let place = format!("{table}.{column} = {none}");
            let named = report.rejected.iter().find(|b| b.table == *table && b.id == *row);
            let named = named.unwrap_or_else(|| panic!("{place}: {:?}", report.rejected));
            assert_eq!(named.column, *column, "{place}: {}", named.reason);
            let kept = format!("SELECT count(*) FROM {table} WHERE id = {row}");
            assert_eq!(fixture.text(&kept), "0", "{place}");
            let lines = std::fs::read_to_string(&file).expect("the rows left out");
            assert!(lines.contains(&format!("\"id\":{row}")), "{place}: {lines}");
            assert!(fixture.manager().health_check().healthy, "{place}");
        }
    }
}
