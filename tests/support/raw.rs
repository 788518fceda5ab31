//! Statements on a connection of a test, in the words of SQLite on both databases.
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use zenith_db::{Backend, DbConnection, dispatch};

/// Connection of a test: plain, or to either database.
pub trait Raw: SimpleConnection + 'static {
    fn backend(&self) -> Backend {
        Backend::Sqlite
    }

    /// Returns the rows of a query whose only column is called `line`.
    fn lines(&mut self, query: &str) -> Vec<String>;

    /// Returns the error of a statement, in SQLite's words where SQLite has words for it.
    fn refusal(&mut self, statement: &str) -> Option<String> {
        self.batch_execute(statement).err().map(|refused| refused.to_string())
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

impl Raw for SqliteConnection {
    fn lines(&mut self, query: &str) -> Vec<String> {
        let lines: Vec<Line> = diesel::sql_query(query).load(self).expect(query);
        lines.into_iter().map(|line| line.line).collect()
    }
}

impl Raw for DbConnection {
    fn backend(&self) -> Backend {
        self.backend()
    }

    fn lines(&mut self, query: &str) -> Vec<String> {
        let lines: Vec<Line> = dispatch!(self, |c| diesel::sql_query(query).load(c)).expect(query);
        lines.into_iter().map(|line| line.line).collect()
    }

    fn refusal(&mut self, statement: &str) -> Option<String> {
        use diesel::result::DatabaseErrorKind as Kind;
        let refused = self.batch_execute(statement).err()?;
        let diesel::result::Error::DatabaseError(kind, info) = &refused else {
            return Some(refused.to_string());
        };
        if self.backend() == Backend::Sqlite {
            return Some(refused.to_string());
        }
        let constraint = info.constraint_name().unwrap_or_default();
        Some(match kind {
            Kind::ForeignKeyViolation => "FOREIGN KEY constraint failed".into(),
            Kind::CheckViolation => format!("CHECK constraint failed: {constraint}"),
            Kind::UniqueViolation => format!("UNIQUE constraint failed: {constraint}"),
            Kind::NotNullViolation => {
                let (table, column) = (info.table_name(), info.column_name());
                let (table, column) = (table.unwrap_or_default(), column.unwrap_or_default());
                format!("NOT NULL constraint failed: {table}.{column}")
            }
            _ => info.message().to_owned(),
        })
    }
}

/// Returns the only value of a query, as text; NULL as `NULL`.
pub fn text(connection: &mut impl Raw, query: &str) -> String {
    let query = format!("SELECT coalesce(CAST(({query}) AS TEXT), 'NULL') AS line");
    connection.lines(&query).pop().expect("a row")
}
