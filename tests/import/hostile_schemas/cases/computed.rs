//! Computed columns, constraints and indexes on expressions.

use super::Outcome::{Adopted, Either, Refused};
use super::{Case, case, each, edit};

#[expect(clippy::too_many_lines, reason = "a table of cases")]
pub fn cases() -> Vec<Case> {
    let column = |expression: &str| format!("ALTER TABLE users ADD COLUMN zz {expression};");
    let doubled = each(1..30, ", c{i} TEXT NOT NULL AS (hex(c{j}))");
    let table = "CREATE TABLE g (a); INSERT INTO g VALUES (1);";
    let stored = "CREATE TABLE g (a, b AS (a) STORED); INSERT INTO g VALUES (1);";
    let large = "hex(zeroblob(400000000))";
    vec![
        case("a virtual BLOB", Adopted, column("BLOB AS (zeroblob(900000000))")),
        case("a virtual text", Either, column("TEXT AS (hex(zeroblob(400000000)))")),
        case(
            "a virtual text that is required",
            Refused("exceeds the limit"),
            format!(
                "{table}{}",
                edit("g", &format!("CREATE TABLE g (a, b TEXT NOT NULL AS ({large}))"))
            ),
        ),
        case(
            "a stored BLOB",
            Refused("exceeds the limit"),
            format!(
                "{stored}{}",
                edit("g", "CREATE TABLE g (a, b AS (zeroblob(900000000)) STORED)")
            ),
        ),
        case(
            "a value that doubles",
            Refused("exceeds the limit"),
            format!(
                "{table}{}",
                edit("g", &format!("CREATE TABLE g (a, c0 TEXT NOT NULL AS (hex(a)){doubled})"))
            ),
        ),
        case(
            "a wide format",
            Refused("exceeds the limit"),
            format!(
                "{table}{}",
                edit("g", "CREATE TABLE g (a, b TEXT NOT NULL AS (printf('%900000000d', 1)))")
            ),
        ),
        case(
            "a replacement that grows",
            Refused("exceeds the limit"),
            format!(
                "{table}{}",
                edit(
                    "g",
                    "CREATE TABLE g (a, b TEXT NOT NULL AS
                         (replace(hex(zeroblob(20000)), '0', hex(zeroblob(20000)))))"
                )
            ),
        ),
        case(
            "a search that takes hours",
            Refused("took longer than"),
            format!(
                "{table}{}",
                edit(
                    "g",
                    "CREATE TABLE g (a, b INT NOT NULL AS
                         (instr(hex(zeroblob(30000000)), hex(zeroblob(15000000)) || '1')))"
                )
            ),
        ),
        case(
            "a known column",
            Refused("has no stored values"),
            "ALTER TABLE users DROP COLUMN full_name;
             ALTER TABLE users ADD COLUMN full_name AS (username);",
        ),
        case(
            "many columns",
            Adopted,
            format!(
                "CREATE TABLE g (a{}); INSERT INTO g VALUES (1);",
                each(0..900, ", c{i} AS (a + {i})")
            ),
        ),
        case("a default", Adopted, "CREATE TABLE g (a, b DEFAULT (hex(zeroblob(400000000))));"),
        case(
            "a check",
            Either,
            format!("{table}{}", edit("g", &format!("CREATE TABLE g (a CHECK ({large} <> a))"))),
        ),
        case(
            "a check that is broken",
            Either,
            "CREATE TABLE g (a CHECK (a > 1)); PRAGMA ignore_check_constraints = ON;
             INSERT INTO g VALUES (1);",
        ),
        case(
            "a check with a long pattern",
            Either,
            format!(
                "CREATE TABLE g (a TEXT CHECK (a NOT LIKE '{}b')); INSERT INTO g VALUES ('{}');",
                "%a".repeat(4000),
                "a".repeat(100_000)
            ),
        ),
        case(
            "a deep check",
            Either,
            format!("CREATE TABLE g (a CHECK ({}a{} > 0));", "(".repeat(90), "+1)".repeat(90)),
        ),
        case(
            "an unknown function",
            Either,
            format!("{table}{}", edit("g", "CREATE TABLE g (a CHECK (nobody(a)))")),
        ),
        case(
            "an index on an expression",
            Refused("exceeds the limit"),
            format!(
                "{table}CREATE INDEX i ON g (a + 1);{}",
                edit("i", &format!("CREATE INDEX i ON g ({large})"))
            ),
        ),
        case(
            "a partial index",
            Refused("exceeds the limit"),
            format!(
                "{table}CREATE INDEX i ON g (a) WHERE a > 0;{}",
                edit("i", &format!("CREATE INDEX i ON g (a) WHERE length({large}) > 0"))
            ),
        ),
    ]
}
