use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use proptest::prelude::*;

use super::*;
use Backend::{Postgres, Sqlite};
use Effect::{Alters, Creates, DeletesRows, Drops, Other, Rebuilds, WritesRows};

fn effects(script: &str, backend: Backend) -> Vec<(Effect, String)> {
    statements(script, backend).into_iter().map(|s| (s.effect, s.subject)).collect()
}

fn texts(script: &str, backend: Backend) -> Vec<String> {
    split(script, backend).into_iter().map(|(_, sql)| sql).collect()
}

/// What a plan says, and whether the rows are compared, for each statement alone.
fn assert_each(backend: Backend, cases: &[(&str, Effect, &str, bool)]) {
    for (sql, effect, subject, writes) in cases {
        let found = statements(sql, backend);
        let said: Vec<_> =
            found.iter().map(|s| (s.effect, s.subject.as_str(), may_write_rows(s))).collect();
        assert_eq!(said, [(*effect, *subject, *writes)], "{sql}");
    }
}

#[test]
fn each_kind_of_statement_has_its_effect_and_subject() {
    let both = [
        ("CREATE TABLE IF NOT EXISTS \"a\" (id)", Creates, "table a", false),
        ("CREATE TABLE a (x INTEGER GENERATED ALWAYS AS (y))", Creates, "table a", false),
        ("CREATE TEMPORARY TABLE a (begin INTEGER)", Creates, "table a", false),
        ("CREATE TABLE a AS SELECT * FROM b", WritesRows, "table a", true),
        ("CREATE UNIQUE INDEX i ON a (id)", Creates, "index i", false),
        ("create view v as select 1", Creates, "view v", false),
        ("ALTER TABLE a ADD COLUMN b", Alters, "table a", false),
        ("ALTER TABLE \"x RENAME y\" DROP COLUMN b", Drops, "a column of table x RENAME y", true),
        ("ALTER TABLE a DROP b", Drops, "a column of table a", true),
        ("ALTER TABLE a RENAME TO b", Alters, "table a", false),
        ("ALTER TABLE a RENAME COLUMN b TO c", Alters, "table a", false),
        ("ALTER TABLE a DROP CONSTRAINT b", Alters, "table a", true),
        ("DROP TABLE IF EXISTS \"a\"\"b\"", Drops, "table a\"b", false),
        ("DROP INDEX i", Drops, "index i", false),
        ("DROP VIEW v", Drops, "view v", false),
        ("INSERT INTO a(id) VALUES (1)", WritesRows, "table a", true),
        (
            "INSERT INTO a VALUES (1) ON CONFLICT (id) DO UPDATE SET b = 1",
            WritesRows,
            "table a",
            true,
        ),
        ("UPDATE a SET b = 1", WritesRows, "table a", true),
        ("DELETE FROM \"a\" WHERE b", DeletesRows, "table a", true),
        ("WITH x AS (SELECT 1) UPDATE a SET b = 1", WritesRows, "table a", true),
        ("WITH x AS (SELECT 1) DELETE FROM a", DeletesRows, "table a", true),
        ("WITH x AS (SELECT 1) SELECT * FROM x", Other, "with", true),
        ("SELECT writes_rows()", Other, "select", true),
        ("ŝanĝi tabelon", Other, "ŝanĝi", true),
        ("'", Other, "'", true),
    ];
    assert_each(Sqlite, &both);
    assert_each(Postgres, &both);
}

#[test]
fn what_only_one_database_knows_is_no_weaker_than_the_truth() {
    assert_each(
        Sqlite,
        &[
            ("INSERT OR IGNORE INTO a(id) VALUES (1)", WritesRows, "table a", true),
            ("INSERT OR REPLACE INTO a(id) VALUES (1)", DeletesRows, "table a", true),
            ("REPLACE INTO `a` VALUES (1)", DeletesRows, "table a", true),
            ("UPDATE OR REPLACE a SET b = 1", DeletesRows, "table a", true),
            ("DROP TABLE main.[a b]", Drops, "table a b", false),
            ("CREATE TABLE temp.a (id)", Creates, "table temp.a", false),
            ("CREATE VIRTUAL TABLE f USING fts5(x)", Creates, "table f", false),
            ("PRAGMA foreign_keys = OFF", Other, "pragma", true),
        ],
    );
    assert_each(
        Postgres,
        &[
            ("TRUNCATE a, b", DeletesRows, "table a, b", true),
            ("TRUNCATE TABLE ONLY public.a RESTART IDENTITY CASCADE", DeletesRows, "table a", true),
            ("DROP TABLE a, other.b CASCADE", Drops, "table a, other.b", true),
            ("DROP SCHEMA s CASCADE", Drops, "schema s", true),
            ("DROP MATERIALIZED VIEW v", Drops, "view v", false),
            ("DROP TYPE t CASCADE", Drops, "type t", true),
            ("DROP FUNCTION f()", Drops, "function f", false),
            ("ALTER TYPE t RENAME VALUE 'a' TO 'b'", Alters, "type t", true),
            ("ALTER TYPE t DROP ATTRIBUTE b", Drops, "a part of type t", true),
            ("ALTER TABLE IF EXISTS ONLY \"public\".\"A\" ADD x INT", Alters, "table A", false),
            ("ALTER TABLE A ADD x INT, DROP COLUMN y", Drops, "a column of table a", true),
            ("ALTER TABLE a ADD x INT, ALTER y TYPE INT", Alters, "table a", true),
            ("ALTER TABLE a ADD x NUMERIC(1, 2), ADD y INT", Alters, "table a", false),
            (
                "CREATE OR REPLACE FUNCTION f() RETURNS INT AS $$ DELETE $$",
                Alters,
                "function f",
                false,
            ),
            (
                "CREATE FUNCTION f() RETURNS INT AS $$ DELETE FROM a; $$",
                Creates,
                "function f",
                false,
            ),
            ("CREATE MATERIALIZED VIEW v AS SELECT f()", WritesRows, "view v", true),
            ("CREATE EXTENSION e", Other, "extension e", true),
            (
                "CREATE TABLE a AS WITH d AS (DELETE FROM b RETURNING *) SELECT * FROM d",
                DeletesRows,
                "table a",
                true,
            ),
            (
                "WITH d AS (DELETE FROM b RETURNING *) INSERT INTO a SELECT * FROM d",
                DeletesRows,
                "table a, b",
                true,
            ),
            (
                "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE",
                DeletesRows,
                "table a",
                true,
            ),
            (
                "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN UPDATE SET c = 1",
                WritesRows,
                "table a",
                true,
            ),
            ("COPY public.a (id) FROM '/tmp/x'", WritesRows, "table a", true),
            ("COPY (SELECT * FROM a) TO '/tmp/x'", Other, "copy", true),
            ("SELECT * INTO a FROM b", Other, "select", true),
            ("SELECT 1 FROM a FOR UPDATE", Other, "select", true),
            ("EXPLAIN ANALYZE DELETE FROM a", DeletesRows, "table a", true),
            ("DO $$ BEGIN DELETE FROM a; END $$", Other, "do", true),
            ("CALL f()", Other, "call", true),
        ],
    );
}

#[test]
fn a_statement_ends_where_each_database_says() {
    let both = |script, expected: &[&str]| {
        assert_eq!(texts(script, Sqlite), expected, "{script}");
        assert_eq!(texts(script, Postgres), expected, "{script}");
    };
    both("", &[]);
    both(" ; -- nothing\n/* open", &[]);
    both("\u{feff}SELECT 1;\r\nSELECT 2", &["SELECT 1", "SELECT 2"]);
    both(
        "SELECT 'it''s; one', \"x;\"\"\";SELECT 'open",
        &["SELECT 'it''s; one', \"x;\"\"\"", "SELECT 'open"],
    );
    both("/*/ ' */ DELETE FROM a; -- '", &["DELETE FROM a"]);
    both(
        "CREATE TABLE a (begin, cases); DROP TABLE b",
        &["CREATE TABLE a (begin, cases)", "DROP TABLE b"],
    );
    both("SELECT CASE WHEN a THEN b END; SELECT 2", &["SELECT CASE WHEN a THEN b END", "SELECT 2"]);
    both("SELECT '\0;'; \0;", &["SELECT '\0;'", "\0"]);
    let each = |script, sqlite: &[&str], postgres: &[&str]| {
        assert_eq!(texts(script, Sqlite), sqlite, "{script}");
        assert_eq!(texts(script, Postgres), postgres, "{script}");
    };
    each("/* /* */ ; */ DROP TABLE a", &["*/ DROP TABLE a"], &["DROP TABLE a"]);
    each("SELECT E'\\';'; --'", &["SELECT E'\\'", "'; --'"], &["SELECT E'\\';'"]);
    each(
        "SELECT '\\'; DROP TABLE a",
        &["SELECT '\\'", "DROP TABLE a"],
        &["SELECT '\\'", "DROP TABLE a"],
    );
    each("SELECT [a;b]; X", &["SELECT [a;b]", "X"], &["SELECT [a", "b]", "X"]);
    each("-- x\rDROP TABLE a", &[], &["DROP TABLE a"]);
    each(
        "X $a$ ; $$ ; $a$, $1; Y",
        &["X $a$", "$$", "$a$, $1", "Y"],
        &["X $a$ ; $$ ; $a$, $1", "Y"],
    );
    each("X a$b$; Y $1$; Z", &["X a$b$", "Y $1$", "Z"], &["X a$b$", "Y $1$", "Z"]);
}

#[test]
fn the_body_of_a_trigger_a_function_or_a_rule_is_part_of_it() {
    let trigger = "CREATE TEMP TRIGGER t AFTER UPDATE ON a BEGIN\n\
        UPDATE a SET b = CASE WHEN c THEN 1 ELSE 2 END; DELETE FROM d; END";
    assert_eq!(texts(&format!("{trigger};DROP VIEW v"), Sqlite), [trigger, "DROP VIEW v"]);
    let bodies = [
        "CREATE FUNCTION f() RETURNS INT AS $$ BEGIN; END; $$",
        "CREATE OR REPLACE FUNCTION f() RETURNS INT BEGIN ATOMIC SELECT CASE 1 WHEN 1 THEN 2 END; SELECT 1; END",
        "CREATE PROCEDURE f(begin INT) BEGIN ATOMIC SELECT 1; END",
        "CREATE RULE r AS ON INSERT TO a DO ALSO (DELETE FROM b; DELETE FROM c)",
        "DO $x$ BEGIN DELETE FROM a; END $x$",
    ];
    for body in bodies {
        assert_eq!(texts(&format!("{body}; SELECT 1"), Postgres), [body, "SELECT 1"]);
    }
}

#[test]
fn a_statement_begins_on_the_line_of_its_first_word() {
    let script = "-- x\nBEGIN; DROP\nTABLE a;\n/* b\n */ -- c\n\n DROP VIEW v;\r\nCOMMIT";
    for backend in Backend::ALL {
        let found: Vec<_> =
            statements(script, backend).into_iter().map(|s| (s.line, s.subject)).collect();
        let expected = [(2, "begin"), (2, "table a"), (7, "view v"), (8, "commit")];
        assert_eq!(found, expected.map(|(line, subject)| (line, subject.to_owned())));
    }
}

#[test]
fn a_table_that_is_made_again_is_rebuilt() {
    let script = "CREATE TABLE things_new (id); INSERT INTO things_new SELECT id FROM main.things;
        DROP TABLE things; ALTER TABLE things_new RENAME TO things; CREATE INDEX i ON things (id);
        ALTER TABLE others RENAME TO moved";
    let rebuilt = (Rebuilds, "table things".to_owned());
    let [a, b, c, d, index, renamed] = effects(script, Sqlite).try_into().expect("six statements");
    assert_eq!([a, b, c, d], [(); 4].map(|()| rebuilt.clone()));
    assert_eq!(index, (Creates, "index i".to_owned()));
    assert_eq!(renamed, (Alters, "table others".to_owned()));
    // Nothing is copied, so that the rows go.
    let empty = "CREATE TABLE b (id); DROP TABLE a; INSERT INTO b SELECT 1 FROM a; ALTER TABLE b RENAME TO a";
    assert!(effects(empty, Sqlite).contains(&(Drops, "table a".to_owned())));
    let early = "CREATE TABLE b (id); INSERT INTO b SELECT 1 FROM a; ALTER TABLE b RENAME TO a; DROP TABLE a";
    assert!(effects(early, Sqlite).contains(&(Drops, "table a".to_owned())));
}

#[test]
fn every_embedded_migration_is_understood() {
    for (migration, backend) in
        crate::migrations::all().iter().flat_map(|m| Backend::ALL.map(|backend| (m, backend)))
    {
        let script = migration.script(backend).expect("scripts");
        let (up, down) = (statements(script.up, backend), statements(script.down, backend));
        // PostgreSQL adds references to tables that are made later.
        let adds = |s: &PlannedStatement| s.sql.contains(" ADD CONSTRAINT ");
        // And it sets the `search_path` of its functions, by a name that a script does not know.
        let pins =
            |s: &PlannedStatement| s.effect == Other && s.sql.contains("SET search_path = %I");
        assert!(up.iter().all(|s| s.effect == Creates || adds(s) || pins(s)), "{up:#?}");
        assert!(down.iter().all(|s| s.effect == Drops || s.effect == Alters), "{down:#?}");
        let count = |statements: &[PlannedStatement]| {
            let tables =
                |s: &&PlannedStatement| s.subject.starts_with("table ") && s.effect != Alters;
            statements.iter().filter(tables).count()
        };
        assert_eq!(count(&up), count(&down), "{migration} on {backend}");
    }
}

#[test]
fn a_script_of_a_megabyte_is_read() {
    let script = "INSERT INTO a VALUES ('x', $$);\n".repeat(35_000);
    assert_eq!(statements(&script, Sqlite).len(), 35_000);
    assert_eq!(texts(&"/*".repeat(500_000), Postgres).len(), 0);
}

/// Pieces of scripts that are hard to take apart, and what SQLite runs.
fn fragment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        ";",
        ";",
        ";\n",
        " ",
        "\n",
        "\r\n",
        "\u{feff}",
        "--",
        "-- x\n",
        "/*",
        "*/",
        "/*/",
        "/* ; */",
        "'",
        "''",
        "';'",
        "\"",
        "\"a;\"",
        "`",
        "`b`",
        "[",
        "]",
        "[c;]",
        "$$",
        "$a$",
        "E'\\''",
        "\\",
        "(",
        ")",
        "begin",
        "END",
        "end;",
        "CASE",
        "é",
        "\u{a0}",
        "CREATE TABLE t1 (begin, \"x;\")",
        "CREATE TABLE [t;2] (id)",
        "INSERT INTO t1 VALUES (1, ';')",
        "DELETE FROM t1",
        "DROP TABLE t1",
        "SELECT CASE 1 WHEN 1 THEN 2 END",
        "CREATE TRIGGER g AFTER INSERT ON t1 BEGIN DELETE FROM t1; SELECT CASE 1 WHEN 1 THEN 2 END; END",
        "CREATE TRIGGER h AFTER DELETE ON t1 BEGIN SELECT ';'; /* end; */ SELECT 1; END;",
        "ALTER TABLE t1 ADD COLUMN \"é;\" DEFAULT '--'",
        "CREATE VIEW v AS SELECT 1",
    ])
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// What SQLite has after these scripts, up to one that it refuses.
fn after<'a>(scripts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut memory = SqliteConnection::establish(":memory:").expect("memory");
    let refused = scripts.map(|sql| memory.batch_execute(sql)).any(|result| result.is_err());
    let query = "SELECT type || ' ' || name || ' ' || coalesce(sql, '') AS line FROM sqlite_schema
                 UNION ALL SELECT 'changes ' || total_changes()";
    let found: Vec<Line> = diesel::sql_query(query).load(&mut memory).expect("the schema");
    std::iter::once(refused.to_string()).chain(found.into_iter().map(|l| l.line)).collect()
}

/// Without comments in the text of what is made, which are left out, and without white space.
fn bare(lines: &[String]) -> Vec<String> {
    let words = |line: &String| Words::of(line, Sqlite).joined();
    lines.iter().map(words).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_text_is_lost(parts in prop::collection::vec(fragment(), 0..24), rest in ".{0,40}") {
        let script = parts.concat() + &rest;
        for backend in Backend::ALL {
            let pieces: Vec<_> = lexer::tokens(&script, backend).collect();
            let all: String = pieces.iter().map(|(_, piece)| *piece).collect();
            prop_assert_eq!(&all, &script);
            let blank = |kind| matches!(kind, TokenKind::Space | TokenKind::LineComment | TokenKind::BlockComment);
            let said = pieces.iter().filter(|(kind, piece)| !blank(*kind) && *piece != ";");
            let kept: String = texts(&script, backend).join("");
            let dense = |text: String| text.replace(|c: char| c.is_whitespace() || c == ';', "");
            prop_assert_eq!(dense(said.map(|(_, piece)| *piece).collect()), dense(kept));
            let _ = statements(&script, backend);
        }
    }

    #[test]
    fn sqlite_makes_the_same_of_a_script_as_of_its_statements(
        parts in prop::collection::vec(fragment(), 0..12)
    ) {
        let script = parts.concat();
        let statements = texts(&script, Sqlite);
        let whole = after(std::iter::once(script.as_str()));
        let each = after(statements.iter().map(String::as_str));
        prop_assert_eq!(bare(&whole), bare(&each), "{:?}", statements);
    }
}
