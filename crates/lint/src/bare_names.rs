//! Identifiers that need no quotes in SQL.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zenith_db::Error;
use zenith_db::internal::catalog::{self, quoted};

use super::rebuild_error::RebuildError;

/// Decides which names need quotes. SQLite itself says what is a keyword where: a blank database in memory
/// runs the statements of a rebuild with the name.
pub(super) struct BareNames {
    blank: SqliteConnection,
}

impl BareNames {
    pub(super) fn new() -> Result<Self, RebuildError> {
        let blank = SqliteConnection::establish(":memory:")
            .map_err(|source| Error::Open { path: ":memory:".into(), source })?;
        Ok(Self { blank })
    }

    /// Returns the name for SQL: in quotes where it needs them.
    pub(super) fn quoted_if_needed(&mut self, name: &str) -> Result<String, RebuildError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let begins = |c: char| c.is_ascii_alphabetic() || c == '_';
        let is_word = name.starts_with(begins) && name.chars().all(plain);
        Ok(if is_word && self.is_name(name)? { name.to_owned() } else { quoted(name) })
    }

    /// Whether SQLite takes this word for a name in each statement of a rebuild.
    fn is_name(&mut self, word: &str) -> Result<bool, RebuildError> {
        self.blank.batch_execute("BEGIN")?;
        let used = self.blank.batch_execute(&format!(
            r#"CREATE TABLE "other one" ("a b");
               CREATE VIEW {word} AS SELECT 1;
               DROP VIEW {word};
               CREATE TRIGGER {word} AFTER INSERT ON "other one" BEGIN SELECT 1; END;
               DROP TRIGGER {word};
               CREATE TABLE {word} ({word}, "a b");
               INSERT INTO {word} ({word}, "a b") VALUES ('the', 'value');
               CREATE TABLE "new one" ({word}, "a b");
               INSERT INTO "new one" ({word}, "a b") SELECT {word}, "a b" FROM {word};
               INSERT INTO {word} ("a b", {word}) SELECT "a b", {word} FROM "new one";
               DROP TABLE {word};
               ALTER TABLE "new one" RENAME TO {word}"#
        ));
        // Some keywords are names in a definition and values in a query, such as current_date.
        let query = format!("SELECT {word} AS name FROM {word}");
        let is_name = used.is_ok()
            && catalog::names(&mut self.blank, &query).is_ok_and(|found| found == ["the"]);
        self.blank.batch_execute("ROLLBACK")?;
        Ok(is_name)
    }
}
