//! Many objects, and long values.

use super::Outcome::{Adopted, Either, Refused};
use super::{Case, case, each};

pub fn cases() -> Vec<Case> {
    let wide = |count: u32| {
        let columns: Vec<String> = (0..count).map(|i| format!("c{i}")).collect();
        columns.join(", ")
    };
    vec![
        case(
            "many tables",
            Refused("tables, indexes, views and triggers"),
            format!("BEGIN; {} COMMIT;", each(0..20_000, "CREATE TABLE t{i}(a);")),
        ),
        case(
            "many views",
            Refused("tables, indexes, views and triggers"),
            format!("BEGIN; {} COMMIT;", each(0..3000, "CREATE VIEW v{i} AS SELECT 1;")),
        ),
        case(
            "many indexes",
            Refused("tables, indexes, views and triggers"),
            format!("BEGIN; CREATE TABLE t(a); {} COMMIT;", each(0..3000, "CREATE INDEX i{i} ON t(a);")),
        ),
        case(
            "some tables",
            Adopted,
            format!("BEGIN; {} COMMIT;", each(0..300, "CREATE TABLE t{i}(a); INSERT INTO t{i} VALUES(1);")),
        ),
        case("a wide table", Adopted, format!("CREATE TABLE t ({});", wide(1900))),
        case(
            "wide tables",
            Refused("20000 columns"),
            each(0..30, "CREATE TABLE t{i} ($);").replace('$', &wide(1000)),
        ),
        case(
            "many references",
            Refused("columns in foreign keys"),
            each(0..6, "CREATE TABLE t{i} (a $);")
                .replace('$', &"REFERENCES users (id) ".repeat(1000)),
        ),
        case("a long name", Either, format!("CREATE TABLE {} (a);", "n".repeat(200_000))),
        case("a long statement", Either, format!("CREATE TABLE t (a /* {} */);", "n".repeat(950_000))),
        case(
            "a long message",
            Refused("exceeds the limit"),
            "UPDATE chat_history SET message_content = hex(zeroblob(20000000)) WHERE id = 1;",
        ),
        case(
            "a message that fits",
            Adopted,
            "UPDATE chat_history SET message_content = hex(zeroblob(8000000)) WHERE id = 1;",
        ),
        case(
            "a list in metadata",
            Adopted,
            "UPDATE users SET metadata = '{\"a\":[' || replace(hex(zeroblob(1000000)), '0', '1,') || '1]}'
             WHERE id = 1;",
        ),
        case(
            "deep metadata",
            Adopted,
            format!("UPDATE users SET metadata = '{}' WHERE id = 1;", "[".repeat(100_000)),
        ),
        case("a BLOB", Adopted, "CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(50000000));"),
        case(
            "a longer BLOB",
            Refused("exceeds the limit"),
            "CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(140000000));",
        ),
        case(
            "odd names",
            Adopted,
            "CREATE TABLE \"a\"\"b'c\n\u{1b}[2J\u{202e}\" (\"\", \" key\", \"; DROP\");
             INSERT INTO \"a\"\"b'c\n\u{1b}[2J\u{202e}\" VALUES (1, 2, 3);",
        ),
    ]
}
