use proptest::prelude::*;

use super::*;
use crate::backend::Backend;
use crate::migrations::statement::{Words, definitions, statements};
use crate::migrations::{KnownMigration, Migrations};
use crate::types::MigrationOwner;

fn parsed(sql: &str) -> Option<Expression> {
    Expression::of(&Words::of(sql, Backend::Postgres))
}

fn parsed_index(sql: &str) -> Option<Expression> {
    Expression::of_index(&Words::of(sql, Backend::Postgres))
}

/// What is written, and what PostgreSQL 15 prints of it; the last ones are printed by older servers.
#[test]
fn what_the_server_prints_equals_what_was_written() {
    for (written, printed) in [
        ("n >= 0", "(n >= 0)"),
        ("n > -1", "(n > '-1'::integer)"),
        ("n != 10.50", "(n <> 10.5)"),
        ("n <= 1.7e5", "(n <= (170000)::double precision)"),
        (
            "n - m BETWEEN 0 AND 5000000000",
            "(((n - m) >= 0) AND ((n - m) <= '5000000000'::bigint))",
        ),
        ("n NOT BETWEEN 1 AND 5", "((n < 1) OR (n > 5))"),
        ("a AND n BETWEEN 1 AND 5 AND b", "(a AND ((n >= 1) AND (n <= 5)) AND b)"),
        ("a OR b AND NOT c IS NULL", "(a OR (b AND (NOT (c IS NULL))))"),
        ("t IN ('a', 'it''s')", "(t = ANY (ARRAY['a'::text, 'it''s'::text]))"),
        ("t IN ('a')", "(t = 'a'::text)"),
        ("t NOT IN ('a', 'b')", "(t <> ALL (ARRAY['a'::text, 'b'::text]))"),
        ("t LIKE '_%@_%'", "(t ~~ '_%@_%'::text)"),
        ("t NOT LIKE 'a%'", "(t !~~ 'a%'::text)"),
        (r"t ~ '\.'", r"(t ~ E'\\.'::text)"),
        ("t = lower(trim(t))", "(t = lower(TRIM(BOTH FROM t)))"),
        ("j::json IS NOT NULL", "((j)::json IS NOT NULL)"),
        ("a IS NOT DISTINCT FROM b", "(NOT (a IS DISTINCT FROM b))"),
        (
            "timestamp < '10000-01-01'",
            "(\"timestamp\" < '10000-01-01 00:00:00'::timestamp without time zone)",
        ),
        ("is_read = (read_at IS NOT NULL)", "(is_read = (read_at IS NOT NULL))"),
        (
            "CASE kind WHEN 'a' THEN v::numeric >= -9223372036854775808 ELSE TRUE END",
            "\nCASE kind\n    WHEN 'a'::text THEN ((v)::numeric >= ('-9223372036854775808'::bigint)::numeric)\n    ELSE true\nEND",
        ),
        ("CURRENT_TIMESTAMP AT TIME ZONE 'UTC'", "(CURRENT_TIMESTAMP AT TIME ZONE 'UTC'::text)"),
        ("public.is_json(t)", "\"is_json\"(\"t\")"),
        ("CURRENT_TIMESTAMP AT TIME ZONE 'UTC'", "timezone('UTC'::text, CURRENT_TIMESTAMP)"),
        ("trim(t) <> ''", "(btrim(t) <> ''::text)"),
    ] {
        let expected = parsed(written);
        assert!(expected.is_some(), "{written}");
        assert_eq!(parsed(printed), expected, "{written}");
    }
}

#[test]
fn an_expression_that_says_something_else_differs() {
    for (one, other) in [
        ("n >= 0", "n > 0"),
        ("n >= 0", "n >= 1"),
        ("n >= 1", "n >= 10"),
        ("n >= 1", "n >= -1"),
        ("n <= 1.5", "n <= 15"),
        ("n >= 0", "0 >= n"),
        ("n >= 0", "m >= 0"),
        ("a AND b", "a OR b"),
        ("a AND (b OR c)", "a AND b OR c"),
        ("a IS NULL", "a IS NOT NULL"),
        ("a IS TRUE", "a IS NOT FALSE"),
        ("a", "NOT a"),
        ("t = 'a'", "t = 'b'"),
        ("t = 'a'", "t = a"),
        ("t IN ('a', 'b')", "t NOT IN ('a', 'b')"),
        ("t IN ('a', 'b')", "t IN ('a', 'b', 'c')"),
        ("t = ANY (a)", "t = ALL (a)"),
        ("t LIKE 'a'", "t NOT LIKE 'a'"),
        ("t ~ 'a'", "t ~* 'a'"),
        ("t ~ 'a'", "t !~ 'a'"),
        ("n BETWEEN 1 AND 5", "n > 1 AND n <= 5"),
        ("j::json IS NOT NULL", "j IS NOT NULL"),
        ("lower(t) = t", "upper(t) = t"),
        (
            "CASE k WHEN 'a' THEN b WHEN 'c' THEN d END",
            "CASE k WHEN 'c' THEN d WHEN 'a' THEN b END",
        ),
        ("CASE k WHEN a THEN b ELSE c END", "CASE WHEN k THEN a ELSE c END"),
        ("now AT TIME ZONE 'UTC'", "now AT TIME ZONE 'CET'"),
        ("t < 'a'", "t COLLATE \"C\" < 'a'"),
    ] {
        let [one, other] = [parsed(one), parsed(other)];
        assert!(one.is_some() && other.is_some(), "{one:?} {other:?}");
        assert_ne!(one, other);
    }
}

#[test]
fn an_index_is_its_key_and_its_condition() {
    let written =
        parsed_index("CREATE INDEX i ON t (timestamp, id) WHERE NOT done AND kind <> 'x'");
    let printed = "CREATE INDEX i ON other.t USING btree (\"timestamp\", id) WITH (fillfactor='70') TABLESPACE fast
        WHERE ((NOT done) AND (kind <> 'x'::text))";
    assert!(written.is_some());
    assert_eq!(parsed_index(printed), written);
    let key = parsed_index("CREATE INDEX i ON t (lower(a), b)");
    assert_eq!(parsed_index("CREATE INDEX i ON t USING btree (lower(a), b)"), key);
    for other in [
        "(b, lower(a))",
        "(upper(a), b)",
        "(lower(a), b DESC)",
        "(lower(a) text_pattern_ops, b)",
        "(lower(a), b) INCLUDE (c)",
        "(lower(a), b) NULLS NOT DISTINCT",
        "(lower(a), b) WHERE b",
        "USING hash (lower(a), b)",
    ] {
        let other = parsed_index(&format!("CREATE INDEX i ON t {other}"));
        assert!(other.is_some());
        assert_ne!(other, key);
    }
}

#[test]
fn each_expression_of_the_library_can_be_compared() {
    let migrations = Migrations::default();
    let library = migrations.of_owner(MigrationOwner::Library);
    let scripts =
        library.filter_map(|migration: KnownMigration| migration.script(Backend::Postgres));
    let statements = scripts.flat_map(|script| statements(script.up, Backend::Postgres));
    let all: Vec<_> = statements.flat_map(|statement| definitions(&statement)).collect();
    for kind in ["check", "index", "default"] {
        assert!(all.iter().filter(|it| it.kind == kind).count() > 50, "{kind}");
    }
    for definition in all {
        assert!(definition.expression.is_some(), "{definition:?}");
    }
}

#[test]
fn a_value_by_default_is_that_of_its_column() {
    let script = "CREATE TABLE t (id INT GENERATED BY DEFAULT AS IDENTITY, a INT DEFAULT 3 NOT NULL,
            b INT REFERENCES u (id) ON DELETE SET DEFAULT, CONSTRAINT t_a CHECK (a > 0) NO INHERIT);
        ALTER TABLE t ADD COLUMN IF NOT EXISTS c TEXT DEFAULT 'x' CONSTRAINT t_c CHECK (c <> 'y') NOT NULL,
            ALTER COLUMN a SET DEFAULT 5";
    let found: Vec<_> = statements(script, Backend::Postgres)
        .iter()
        .flat_map(definitions)
        .map(|it| (it.kind, it.name, it.expression))
        .collect();
    let expected = [
        ("default", "a", "3"),
        ("check", "t_a", "a > 0"),
        ("check", "t_c", "c <> 'y'"),
        ("default", "c", "'x'"),
        ("default", "a", "5"),
    ];
    let expected = expected.map(|(kind, name, sql)| (kind, name.to_owned(), parsed(sql)));
    assert_eq!(found, expected);
}

#[test]
fn a_deep_expression_is_not_compared() {
    assert_eq!(parsed(&format!("{}a{}", "(".repeat(99), ")".repeat(99))), parsed("a"));
    assert_eq!(parsed(&format!("{}a{}", "(".repeat(100_000), ")".repeat(100_000))), None);
    assert_eq!(parsed(&"NOT ".repeat(100_000)), None);
}

proptest! {
    #[test]
    fn any_text_ends(text in "([a-b(),'\":=<-]|NOT |AND |CASE |WHEN |BETWEEN |[ 0-9e.]){0,40}") {
        let _ = parsed(&text);
        let _ = parsed_index(&format!("CREATE INDEX i ON t {text}"));
    }
}
