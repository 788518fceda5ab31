//! What the statements of a migration do, from their text: for plans, which run nothing.

use serde::Serialize;

/// What a statement does to the database, from harmless to grave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Something new: a table, an index, a trigger, a view.
    Creates,
    /// Rows are added or changed.
    WritesRows,
    /// A table or a column is changed in place.
    Alters,
    /// One of the steps in which a table is made again with its rows.
    Rebuilds,
    /// Rows are deleted.
    DeletesRows,
    /// Something goes, with the rows that it holds.
    Drops,
    /// Anything else.
    Other,
}

impl Effect {
    /// The effect in a word or two.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Creates => "creates",
            Self::WritesRows => "writes rows",
            Self::Alters => "alters",
            Self::Rebuilds => "rebuilds",
            Self::DeletesRows => "deletes rows",
            Self::Drops => "drops",
            Self::Other => "other",
        }
    }
}

/// One statement of a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedStatement {
    /// What it does.
    pub effect: Effect,
    /// What it does that to, such as `table users` or `index idx_users_email`.
    pub subject: String,
    /// Its text, without comments.
    pub sql: String,
    /// The line of its script on which it begins, from 1.
    pub line: usize,
}

/// The statements of a script, in order.
pub(super) fn statements(script: &str) -> Vec<PlannedStatement> {
    let mut found: Vec<_> =
        split(script).into_iter().filter_map(|(line, sql)| classify(line, &sql)).collect();
    mark_rebuilds(&mut found);
    found
}

/// The tables that get another name, as (old, new).
pub(super) fn renames(statements: &[PlannedStatement]) -> Vec<(String, String)> {
    let renamed = |statement: &PlannedStatement| {
        let words: Vec<String> = words(&statement.sql).map(unquoted).collect();
        match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            [alter, table, from, rename, to, name]
                if [alter, table, rename, to]
                    .iter()
                    .zip(["ALTER", "TABLE", "RENAME", "TO"])
                    .all(|(word, keyword)| word.eq_ignore_ascii_case(keyword)) =>
            {
                Some(((*from).to_owned(), (*name).to_owned()))
            }
            _ => None,
        }
    };
    statements.iter().filter_map(renamed).collect()
}

/// Whether an `ALTER TABLE` adds something or renames something, and does nothing else.
pub(super) fn adds_or_renames(sql: &str) -> bool {
    let mut words = words(sql).skip(3).map(str::to_ascii_uppercase);
    match words.next().as_deref() {
        Some("RENAME") => true,
        // Further actions may follow.
        Some("ADD") => !words.any(|word| ["ALTER", "DROP", "SET"].contains(&word.as_str())),
        _ => false,
    }
}

/// A table that is dropped and whose name another then takes is rebuilt, and so are the steps there.
fn mark_rebuilds(statements: &mut [PlannedStatement]) {
    let renamed = renames(statements);
    for (from, to) in renamed {
        let (from, to) = (format!("table {from}"), format!("table {to}"));
        if !statements.iter().any(|s| s.effect == Effect::Drops && s.subject == to) {
            continue;
        }
        for statement in statements.iter_mut() {
            let dropped = statement.effect == Effect::Drops && statement.subject == to;
            if dropped || statement.subject == from {
                statement.effect = Effect::Rebuilds;
                statement.subject.clone_from(&to);
            }
        }
    }
}

fn words(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(|c: char| c.is_whitespace() || c == '(' || c == ',').filter(|word| !word.is_empty())
}

fn unquoted(word: &str) -> String {
    word.trim_matches(['"', '`', '[', ']']).to_owned()
}

fn classify(line: usize, sql: &str) -> Option<PlannedStatement> {
    /// Words that may stand before the name and say nothing of it.
    const MODIFIERS: &[&str] = &["TEMP", "TEMPORARY", "UNIQUE", "VIRTUAL", "IF", "NOT", "EXISTS"];
    let mut rest =
        words(sql).filter(|word| !MODIFIERS.iter().any(|m| word.eq_ignore_ascii_case(m)));
    let verb = rest.next()?.to_ascii_uppercase();
    let (effect, kind) = match verb.as_str() {
        "CREATE" => (Effect::Creates, rest.next()),
        "ALTER" => (Effect::Alters, rest.next()),
        "DROP" => (Effect::Drops, rest.next()),
        "INSERT" | "REPLACE" | "UPDATE" => (Effect::WritesRows, None),
        "DELETE" => (Effect::DeletesRows, None),
        _ => (Effect::Other, None),
    };
    let kind = kind.map_or_else(|| "table".to_owned(), str::to_ascii_lowercase);
    // INSERT OR IGNORE INTO, DELETE FROM, UPDATE OR FAIL.
    let skipped = ["INTO", "FROM", "OR", "IGNORE", "REPLACE", "ABORT", "FAIL", "ROLLBACK"];
    let mut names = rest.skip_while(|word| skipped.iter().any(|s| word.eq_ignore_ascii_case(s)));
    let name = names.next().map(unquoted).unwrap_or_default();
    let mut next_is = |keyword| names.next().is_some_and(|word| word.eq_ignore_ascii_case(keyword));
    // A constraint holds no rows.
    let drops_column = effect == Effect::Alters && next_is("DROP") && !next_is("CONSTRAINT");
    Some(PlannedStatement {
        effect: if drops_column { Effect::Drops } else { effect },
        subject: match effect {
            Effect::Other => verb.to_ascii_lowercase(),
            _ if drops_column => format!("a column of table {name}"),
            _ => format!("{kind} {name}"),
        },
        sql: sql.to_owned(),
        line,
    })
}

/// Cuts a script at the semicolons that end statements, and leaves comments out. Each statement has
/// the number of the line on which it begins.
fn split(script: &str) -> Vec<(usize, String)> {
    let (mut found, mut current) = (Vec::new(), String::new());
    let mut begins = 0;
    // Within BEGIN … END of a trigger, and within CASE … END, a semicolon ends nothing.
    let mut depth = 0_usize;
    let mut rest = script;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '-' if rest.starts_with("--") => {
                rest = rest.split_once('\n').map_or("", |(_, after)| after);
                current.push(' ');
                continue;
            }
            '/' if rest.starts_with("/*") => {
                rest = rest.split_once("*/").map_or("", |(_, after)| after);
                current.push(' ');
                continue;
            }
            '\'' | '"' | '`' => quoted(rest, next),
            '[' => rest.find(']').map_or(rest.len(), |end| end + 1),
            '$' => dollar_quoted(rest),
            _ if next.is_alphanumeric() || next == '_' => {
                let word = |c: char| !(c.is_alphanumeric() || c == '_');
                let length = rest.find(word).unwrap_or(rest.len());
                match rest.get(..length).map(str::to_ascii_uppercase).as_deref() {
                    // At the beginning of a statement, BEGIN opens a transaction.
                    Some("BEGIN" | "CASE") if !current.trim().is_empty() => depth += 1,
                    Some("END") => depth = depth.saturating_sub(1),
                    _ => {}
                }
                length
            }
            _ => next.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        if current.trim().is_empty() {
            begins = script.len() - rest.len();
        }
        rest = after;
        if token == ";" && depth == 0 {
            found.push((begins, std::mem::take(&mut current)));
        } else {
            current.push_str(token);
        }
    }
    found.push((begins, current));
    let line = |at: usize| script.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
    found
        .iter()
        .map(|(at, sql)| (line(*at), sql.trim().to_owned()))
        .filter(|(_, sql)| !sql.is_empty())
        .collect()
}

/// The length of what is quoted at the beginning of the text; a doubled quote is part of it.
fn quoted(text: &str, quote: char) -> usize {
    let mut from = 1;
    while let Some(end) = text.get(from..).and_then(|rest| rest.find(quote)) {
        from += end + 1;
        if !text.get(from..).is_some_and(|rest| rest.starts_with(quote)) {
            return from;
        }
        from += 1;
    }
    text.len()
}

/// The length of PostgreSQL's `$tag$ … $tag$` at the beginning of the text, or of the dollar alone.
fn dollar_quoted(text: &str) -> usize {
    let tag = text.get(1..).and_then(|rest| rest.split_once('$')).map(|(tag, _)| tag);
    match tag {
        Some(tag) if tag.chars().all(|c| c.is_alphanumeric() || c == '_') => {
            let length = tag.len() + 2;
            let (mark, rest) = text.split_at(length);
            rest.find(mark).map_or(text.len(), |end| end + 2 * length)
        }
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effects(script: &str) -> Vec<(Effect, String)> {
        statements(script).into_iter().map(|s| (s.effect, s.subject)).collect()
    }

    #[test]
    fn each_kind_of_statement_has_its_effect_and_subject() {
        use Effect::*;
        for (sql, effect, subject) in [
            ("CREATE TABLE IF NOT EXISTS \"a\" (id)", Creates, "table a"),
            ("CREATE UNIQUE INDEX i ON a (id)", Creates, "index i"),
            ("create view v as select 1", Creates, "view v"),
            ("ALTER TABLE a ADD COLUMN b", Alters, "table a"),
            ("ALTER TABLE a DROP COLUMN b", Drops, "a column of table a"),
            ("ALTER TABLE a RENAME TO b", Alters, "table a"),
            ("ALTER TABLE a DROP CONSTRAINT b", Alters, "table a"),
            ("DROP TABLE IF EXISTS `a`", Drops, "table a"),
            ("DROP INDEX i", Drops, "index i"),
            ("INSERT OR IGNORE INTO a(id) VALUES (1)", WritesRows, "table a"),
            ("UPDATE a SET b = 1", WritesRows, "table a"),
            ("DELETE FROM a WHERE b", DeletesRows, "table a"),
            ("PRAGMA foreign_keys = OFF", Other, "pragma"),
        ] {
            assert_eq!(effects(sql), [(effect, subject.to_owned())], "{sql}");
        }
    }

    #[test]
    fn a_semicolon_in_a_string_a_comment_or_a_trigger_ends_nothing() {
        let script = "-- first; not\nINSERT INTO a VALUES ('it''s; one', \"x;\"); /* ; */\n\
            CREATE TRIGGER t AFTER UPDATE ON a BEGIN\n\
                UPDATE a SET b = CASE WHEN c THEN 1 ELSE 2 END; DELETE FROM d;\nEND;\n;DROP VIEW v";
        let expected = [
            (Effect::WritesRows, "table a".to_owned()),
            (Effect::Creates, "trigger t".to_owned()),
            (Effect::Drops, "view v".to_owned()),
        ];
        assert_eq!(effects(script), expected);
        let split = |script| split(script).into_iter().map(|(_, sql)| sql).collect::<Vec<_>>();
        assert_eq!(split("DROP TABLE [a;b]; SELECT 'open"), ["DROP TABLE [a;b]", "SELECT 'open"]);
        let function = "CREATE FUNCTION f() AS $$ BEGIN; END; $$; SELECT $a$ ; $$ ; $a$, $1";
        let parts = ["CREATE FUNCTION f() AS $$ BEGIN; END; $$", "SELECT $a$ ; $$ ; $a$, $1"];
        assert_eq!(split(function), parts);
        assert_eq!(split(" ; -- nothing\n/* open"), Vec::<String>::new());
    }

    #[test]
    fn a_statement_begins_on_the_line_of_its_first_word() {
        let script = "-- x\nBEGIN; DROP\nTABLE a;\n/* b\n */ -- c\n\n DROP VIEW v;\r\nCOMMIT";
        let found: Vec<_> = statements(script).into_iter().map(|s| (s.line, s.subject)).collect();
        let expected = [(2, "begin"), (2, "table a"), (7, "view v"), (8, "commit")];
        assert_eq!(found, expected.map(|(line, subject)| (line, subject.to_owned())));
    }

    #[test]
    fn a_table_that_is_made_again_is_rebuilt() {
        let script = "CREATE TABLE things_new (id); INSERT INTO things_new SELECT id FROM things;
            DROP TABLE things; ALTER TABLE things_new RENAME TO things; CREATE INDEX i ON things (id);
            ALTER TABLE others RENAME TO moved";
        let rebuilt = (Effect::Rebuilds, "table things".to_owned());
        let [a, b, c, d, index, renamed] = effects(script).try_into().expect("six statements");
        assert_eq!([a, b, c, d], [(); 4].map(|()| rebuilt.clone()));
        assert_eq!(index, (Effect::Creates, "index i".to_owned()));
        assert_eq!(renamed, (Effect::Alters, "table others".to_owned()));
    }

    #[test]
    fn every_embedded_migration_is_understood() {
        use crate::connection::Backend;
        for (migration, backend) in
            crate::migrations::all().iter().flat_map(|m| Backend::ALL.map(|backend| (m, backend)))
        {
            let (up, down) =
                (statements(migration.up(backend)), statements(migration.down(backend)));
            // PostgreSQL adds references to tables that are made later.
            let adds = |s: &PlannedStatement| s.sql.contains(" ADD CONSTRAINT ");
            assert!(up.iter().all(|s| s.effect == Effect::Creates || adds(s)), "{up:#?}");
            let undoes =
                |s: &PlannedStatement| s.effect == Effect::Drops || s.effect == Effect::Alters;
            assert!(down.iter().all(undoes), "{down:#?}");
            let count = |statements: &[PlannedStatement]| {
                let tables = |s: &&PlannedStatement| {
                    s.subject.starts_with("table ") && s.effect != Effect::Alters
                };
                statements.iter().filter(tables).count()
            };
            assert_eq!(count(&up), count(&down), "{migration} on {backend}");
        }
    }
}
