//! Rows that refer to rows that refer to nothing.

use super::Outcome::Adopted;
use super::{Case, case};

pub fn cases() -> Vec<Case> {
    let numbers = |count: u32| {
        format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})")
    };
    let chain = "CREATE TABLE chain (id INTEGER PRIMARY KEY, p INTEGER REFERENCES chain (id));";
    let empty = || vec![("SELECT count(*) FROM chain", "0")];
    let mut cases = vec![
        case(
            "a chain",
            Adopted,
            format!("{chain} {} INSERT INTO chain SELECT i, i + 1 FROM n;", numbers(20_000)),
        ),
        case(
            "a chain backwards",
            Adopted,
            format!("{chain} {} INSERT INTO chain SELECT i, i - 1 FROM n;", numbers(20_000)),
        ),
        case(
            "a star",
            Adopted,
            format!("{chain} {} INSERT INTO chain SELECT i, iif(i = 1, -1, 1) FROM n;", numbers(20_000)),
        ),
        case(
            "a chain of texts",
            Adopted,
            format!(
                "CREATE TABLE chain (k TEXT, l TEXT, p TEXT, q TEXT, PRIMARY KEY (k, l),
                     FOREIGN KEY (p, q) REFERENCES chain (k, l)) WITHOUT ROWID;
                 {} INSERT INTO chain SELECT 'k' || i, 'l', 'k' || (i + 1), 'l' FROM n;",
                numbers(5000)
            ),
        ),
        case(
            "a chain through two tables",
            Adopted,
            format!(
                "CREATE TABLE chain (id INTEGER PRIMARY KEY, p REFERENCES other (id));
                 CREATE TABLE other (id INTEGER PRIMARY KEY, p REFERENCES chain (id));
                 {0} INSERT INTO chain SELECT i, i FROM n; {0} INSERT INTO other SELECT i, i + 1 FROM n;",
                numbers(10_000)
            ),
        ),
    ];
    for case in &mut cases {
        case.then = empty();
    }
    let mut circle = case(
        "a circle",
        Adopted,
        format!("{chain} {} INSERT INTO chain SELECT i, i % 5000 + 1 FROM n;", numbers(5000)),
    );
    circle.then = vec![("SELECT count(*) FROM chain", "5000")];
    cases.push(circle);
    cases
}
