//! Broken rules of an application's own tables, and what a handler answers with.

use diesel::prelude::*;
use serde_json::json;
use zenith_db::dispatch;
use zenith_db::prelude::*;
use zenith_db::schema::users;

use crate::support::Fixture;

diesel::table! {
    /// A table of the application, with every kind of rule.
    notes (id) {
        id -> BigInt,
        user_id -> BigInt,
        title -> Text,
        slug -> Text,
        stars -> Integer,
        starts -> Integer,
        ends -> Integer,
    }
}

diesel::table! {
    /// A table of the application whose name begins with that of one of ours.
    users_notes (id) {
        id -> BigInt,
        title -> Text,
    }
}

mod elsewhere {
    diesel::table! {
        /// The notes as Diesel describes a table in a schema.
        app.notes (id) {
            id -> BigInt,
            title -> Text,
        }
    }
}

const TABLES: &str = "
    CREATE TABLE notes (
        id BIGINT PRIMARY KEY,
        user_id BIGINT NOT NULL CONSTRAINT notes_user_id_fkey REFERENCES users (id),
        title TEXT NOT NULL CONSTRAINT notes_title_length CHECK (length(title) BETWEEN 3 AND 20),
        slug TEXT NOT NULL,
        stars INTEGER NOT NULL CHECK (stars < 6),
        starts INTEGER NOT NULL DEFAULT 0,
        ends INTEGER NOT NULL DEFAULT 0,
        CONSTRAINT notes_slug_key UNIQUE (user_id, slug),
        CONSTRAINT notes_opening_order CHECK (ends >= starts)
    );
    CREATE UNIQUE INDEX idx_notes_title ON notes (lower(title));
    CREATE TABLE users_notes (
        id BIGINT PRIMARY KEY,
        title TEXT NOT NULL CONSTRAINT users_notes_title_length CHECK (length(title) > 2)
    );
    INSERT INTO notes (id, user_id, title, slug, stars) SELECT 1, min(id), 'First', 'first', 5 FROM users;";

/// A database with the tables.
struct Own(Fixture);

impl Own {
    fn new() -> Self {
        let fixture = Fixture::created();
        fixture.sql(TABLES);
        Self(fixture)
    }

    /// Runs a statement that must break a rule, and passes that on.
    fn breaks(&self, statement: &str, check: impl FnOnce(&Violation)) {
        let database = self.0.database();
        let done = database
            .write(|conn| Ok(dispatch!(conn, |c| diesel::sql_query(statement).execute(c))?));
        let error = done.expect_err(statement);
        check(error.violation().unwrap_or_else(|| panic!("no violation: {error:?}")));
    }

    /// Inserts a note, with `value` in place of the value of one column.
    fn note(&self, column: &str, value: &str, check: impl FnOnce(&Violation)) {
        let mut cells = [
            ("id", "2"),
            ("user_id", "(SELECT min(id) FROM users)"),
            ("title", "'Second'"),
            ("slug", "'second'"),
            ("stars", "0"),
            ("ends", "0"),
        ];
        let cell = cells.iter_mut().find(|(name, _)| *name == column).expect("a column");
        cell.1 = value;
        let (names, values): (Vec<_>, Vec<_>) = cells.into_iter().unzip();
        let insert = format!("({}) VALUES ({})", names.join(", "), values.join(", "));
        self.breaks(&format!("INSERT INTO notes {insert}"), check);
    }
}

#[test]
fn a_duplicate_in_an_own_table_names_table_and_columns() {
    let own = Own::new();
    own.note("slug", "'first'", |broken| {
        assert_eq!((broken.rule(), broken.table()), (Rule::Duplicate, Some("notes")));
        assert_eq!(broken.columns(), ["user_id", "slug"]);
        assert!(broken.concerns(notes::slug) && broken.concerns(notes::user_id));
        assert!(!broken.concerns(notes::title) && !broken.concerns(users::id));
        assert_eq!(broken.constraint(), own.0.either(None, Some("notes_slug_key")));
        let answer = serde_json::to_value(broken).expect("JSON");
        let expected = json!({
            "rule": "duplicate",
            "table": "notes",
            "columns": ["user_id", "slug"],
            "constraint": own.0.either(None, Some("notes_slug_key")),
            "message": "is already taken",
        });
        assert_eq!(answer, expected);
    });
    // The primary key.
    own.note("id", "1", |broken| {
        assert!(broken.rule() == Rule::Duplicate && broken.concerns(notes::id), "{broken}");
    });
}

#[test]
fn a_duplicate_in_an_index_of_expressions_is_known_by_its_name() {
    let own = Own::new();
    own.note("title", "'FIRST'", |broken| {
        assert_eq!(broken.rule(), Rule::Duplicate);
        assert_eq!(broken.constraint(), Some("idx_notes_title"));
        assert_eq!(broken.table(), own.0.either(None, Some("notes")));
        assert!(broken.concerns(notes::title), "{broken}");
        assert!(!broken.concerns(notes::slug) && !broken.concerns(users_notes::title), "{broken}");
        assert!(!broken.to_string().contains("FIRST"), "{broken}");
    });
}

#[test]
fn a_missing_value_in_an_own_table_names_table_and_column() {
    let own = Own::new();
    own.note("title", "NULL", |broken| {
        assert_eq!((broken.rule(), broken.table()), (Rule::Required, Some("notes")));
        assert!(broken.concerns(notes::title) && !broken.concerns(users_notes::title));
        assert_eq!(broken.message(), "must have a value");
    });
}

#[test]
fn a_check_of_an_own_table_is_known_by_its_name() {
    let own = Own::new();
    own.note("title", "'no'", |broken| {
        assert_eq!(broken.rule(), Rule::Length);
        assert_eq!(broken.constraint(), Some("notes_title_length"));
        // SQLite names nothing else.
        assert_eq!(broken.table(), own.0.either(None, Some("notes")));
        assert_eq!(broken.columns(), own.0.either(&[][..], &["title".to_owned()]));
        assert!(broken.concerns(notes::title), "{broken}");
        assert!(!broken.concerns(notes::slug) && !broken.concerns(users_notes::title), "{broken}");
    });
    // Named after none of its columns.
    own.note("ends", "-1", |broken| {
        assert_eq!((broken.rule(), broken.columns()), (Rule::Order, &[][..]));
        assert_eq!(broken.constraint(), Some("notes_opening_order"));
    });
}

#[test]
fn a_check_without_a_name_is_named_by_postgresql_only() {
    let own = Own::new();
    own.note("stars", "6", |broken| {
        assert_eq!(broken.rule(), Rule::Check);
        assert_eq!(broken.constraint(), own.0.either(None, Some("notes_stars_check")));
        assert_eq!(broken.concerns(notes::stars), own.0.either(false, true));
    });
}

#[test]
fn a_table_whose_name_begins_with_one_of_ours_is_not_taken_for_it() {
    let own = Own::new();
    own.breaks("INSERT INTO users_notes VALUES (1, 'no')", |broken| {
        assert_eq!(broken.table(), own.0.either(None, Some("users_notes")));
        assert_eq!(broken.rule(), Rule::Length);
        assert!(broken.concerns(users_notes::title) && !broken.concerns(notes::title), "{broken}");
    });
}

#[test]
fn a_broken_reference_of_an_own_table_is_named_by_postgresql_only() {
    let own = Own::new();
    own.note("user_id", "999", |broken| {
        assert_eq!(broken.rule(), Rule::UnknownReference);
        assert_eq!(broken.table(), own.0.either(None, Some("notes")));
        assert_eq!(broken.constraint(), own.0.either(None, Some("notes_user_id_fkey")));
        assert_eq!(broken.concerns(notes::user_id), own.0.either(false, true));
        assert!(!broken.concerns(notes::id));
    });
    own.breaks("DELETE FROM users", |broken| {
        let rule = own.0.either(Rule::UnknownReference, Rule::StillReferenced);
        assert_eq!((broken.rule(), broken.table()), (rule, own.0.either(None, Some("notes"))));
    });
}

#[test]
fn a_column_of_a_table_in_a_schema_is_known_by_its_table() {
    Own::new().note("title", "NULL", |broken| {
        assert!(broken.concerns(elsewhere::notes::title), "{broken}");
        assert!(!broken.concerns(elsewhere::notes::id), "{broken}");
    });
}

#[test]
fn no_message_for_people_names_a_column_or_a_value() {
    let rules = [
        Rule::Duplicate,
        Rule::UnknownReference,
        Rule::StillReferenced,
        Rule::Required,
        Rule::Length,
        Rule::Text,
        Rule::Count,
        Rule::Range,
        Rule::Order,
        Rule::Canonical,
        Rule::Invisible,
        Rule::Uuid,
        Rule::AppendOnly,
        Rule::Check,
    ];
    let verbs = ["is ", "must ", "refers ", "contains ", "ends ", "cannot "];
    for (index, rule) in rules.into_iter().enumerate() {
        let message = rule.message();
        assert!(verbs.iter().any(|verb| message.starts_with(verb)), "{rule:?} {message}");
        assert!(!rules[..index].iter().any(|other| other.message() == message), "{message}");
    }
    assert_eq!(serde_json::to_value(Rule::UnknownReference).expect("JSON"), "unknown_reference");
}
