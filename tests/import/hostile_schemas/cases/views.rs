//! Views and triggers.

use super::Outcome::{Adopted, Either};
use super::{Case, case, each};

pub fn cases() -> Vec<Case> {
    let first = "CREATE VIEW v0 AS SELECT 1 AS a;";
    let terms = vec!["SELECT 1 AS a"; 480].join(" UNION ALL ");
    vec![
        case(
            "nested views",
            Adopted,
            first.to_owned()
                + &each(
                    1..40,
                    "CREATE VIEW v{i} AS SELECT a FROM v{j} UNION ALL SELECT a FROM v{j};",
                ),
        ),
        case(
            "joined views",
            Adopted,
            first.to_owned()
                + &each(
                    1..35,
                    "CREATE VIEW v{i} AS SELECT x.a FROM v{j} AS x, v{j} AS y, v{j} AS z;",
                ),
        ),
        case("a view without its table", Adopted, "CREATE VIEW v AS SELECT * FROM missing;"),
        case("a view of itself", Adopted, "CREATE VIEW v AS SELECT * FROM v;"),
        case("a view of many terms", Adopted, format!("CREATE VIEW v AS {terms};")),
        case("a view with an unknown function", Adopted, "CREATE VIEW v AS SELECT nobody(1);"),
        case(
            "a view that does not end",
            Adopted,
            "CREATE VIEW v AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i FROM n;",
        ),
        case(
            "a view for a known table",
            Adopted,
            first.to_owned()
                + "DROP TABLE user_preferences;"
                + &each(
                    1..40,
                    "CREATE VIEW v{i} AS SELECT a FROM v{j} UNION ALL SELECT a FROM v{j};",
                )
                + "CREATE VIEW user_preferences AS SELECT a FROM v39;",
        ),
        case(
            "a trigger that fires itself",
            Adopted,
            "CREATE TRIGGER t AFTER UPDATE ON users BEGIN UPDATE users SET id = id; END;",
        ),
        case(
            "a trigger with a large value",
            Adopted,
            "CREATE TRIGGER t AFTER INSERT ON roles BEGIN SELECT hex(zeroblob(400000000)); END;",
        ),
        case(
            "a reference to nested views",
            Either,
            first.to_owned()
                + &each(
                    1..40,
                    "CREATE VIEW v{i} AS SELECT a FROM v{j} UNION ALL SELECT a FROM v{j};",
                )
                + "CREATE TABLE r (a REFERENCES v39 (a)); INSERT INTO r VALUES (1);",
        ),
    ]
}
