//! Source or target of a transfer: a migrated database without rows, on either backend, dropped
//! when the test ends.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::prelude::*;
use zenith_db::DbConnection;
use zenith_db_transfer::{
    Result, TableContents, TransferOptions, TransferProgress, TransferReport, table_contents,
    transfer_between,
};

use super::filled::FILLED;
use super::{SqliteFixture, rows, skipped};

pub enum Place {
    Sqlite(SqliteFixture),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Schema),
}

impl Place {
    pub fn sqlite() -> Self {
        let fixture = SqliteFixture::empty();
        std::fs::write(fixture.path(), "").expect("an empty file");
        fixture.manager().migrate().expect("a migrated database");
        Self::Sqlite(fixture)
    }

    /// Returns a database on the server, or `None` with a notice if no server is configured.
    pub fn postgres() -> Option<Self> {
        #[cfg(feature = "postgres")]
        if let Some(schema) = postgres::Schema::new() {
            return Some(Self::Postgres(schema));
        }
        skipped("ZENITH_TEST_POSTGRES names no server, or the feature is off");
        None
    }

    /// Returns the name of the database for another process.
    pub fn address(&self) -> String {
        match self {
            Self::Sqlite(fixture) => fixture.path().to_str().expect("UTF-8").to_owned(),
            #[cfg(feature = "postgres")]
            Self::Postgres(schema) => schema.address(),
        }
    }

    pub fn connect(&self) -> DbConnection {
        connect(&self.address())
    }

    /// Returns a database with rows that are hard to move, and this many messages.
    pub fn filled(messages: u32) -> Self {
        let place = Self::sqlite();
        place.sql(FILLED);
        place.sql(&format!(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n)
             INSERT INTO chat_history
                 (chat_session_id, user_id, message_id, message_content, message_type)
             SELECT 1, 1, printf('00000000-0000-7000-9000-%012d', n),
                 substr('Zwölf Boxkämpfer jagen Viktor quer über den großen Deich 🦀', 1, n % 61),
                 iif(n % 2, 'user', 'assistant')
             FROM n LIMIT {messages}"
        ));
        place
    }

    /// Returns the fixture, which must be an SQLite file.
    pub fn fixture(&self) -> &SqliteFixture {
        match self {
            Self::Sqlite(fixture) => fixture,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => panic!("this is not SQLite"),
        }
    }

    /// Runs statements on a new connection.
    pub fn sql(&self, statements: &str) {
        #[cfg(feature = "postgres")]
        use diesel::connection::SimpleConnection;
        match self {
            Self::Sqlite(fixture) => fixture.sql(statements),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => self.connect().batch_execute(statements).expect(statements),
        }
    }

    /// Returns the number of rows and the digest of every table.
    pub fn contents(&self) -> BTreeMap<&'static str, TableContents> {
        table_contents(&mut self.connect()).expect("the contents")
    }

    /// Returns the definition of every table, index, trigger and constraint.
    pub fn catalogue(&self) -> Vec<String> {
        match self {
            Self::Sqlite(fixture) => {
                let objects = rows::catalogue(&mut fixture.raw());
                objects.into_iter().map(|(name, sql)| format!("{name}: {sql}")).collect()
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(schema) => schema.catalogue(),
        }
    }
}

/// Transfers everything.
pub fn transfer(
    source: &Place,
    target: &Place,
    options: TransferOptions,
) -> Result<TransferReport> {
    transfer_between(&mut source.connect(), &mut target.connect(), &options, &mut |_| ())
}

/// Stops a transfer as an error of the caller would, which leaves the connections usable.
pub fn stop_when(source: &Place, target: &Place, when: impl Fn(TransferProgress) -> bool) {
    let (mut from, mut to) = (source.connect(), target.connect());
    let transfer = catch_unwind(AssertUnwindSafe(|| {
        transfer_between(&mut from, &mut to, &RESUME, &mut |progress| {
            assert!(!when(progress), "stopped on purpose");
        })
    }));
    assert!(transfer.is_err(), "it was not stopped");
}

/// Options that resume a stopped transfer, with small batches, so that there are many.
pub const RESUME: TransferOptions = TransferOptions {
    resume: true,
    batch_rows: 50,
    leave_other_tables: false,
    migrations: zenith_db::migrations::Migrations::library(),
};

/// Options that do not resume a stopped transfer.
pub const BEGIN: TransferOptions = TransferOptions { resume: false, ..RESUME };

/// Returns a connection that enforces foreign keys, as the library's connections do.
pub fn connect(address: &str) -> DbConnection {
    use diesel::connection::SimpleConnection;
    #[cfg(feature = "postgres")]
    if address.starts_with("postgres://") {
        let connection = PgConnection::establish(address).expect("a connection");
        return DbConnection::Postgres(connection);
    }
    let mut connection = SqliteConnection::establish(address).expect("a connection");
    connection
        .batch_execute(
            "PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF",
        )
        .expect("pragmas");
    DbConnection::Sqlite(connection)
}

#[cfg(feature = "postgres")]
pub mod postgres {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    use uuid::Uuid;
    use zenith_db::config::{Key, Loader};
    use zenith_db::manager::DatabaseManager;

    pub struct Schema {
        url: String,
        name: String,
    }

    impl Schema {
        pub fn new() -> Option<Self> {
            let url = std::env::var("ZENITH_TEST_POSTGRES").ok().filter(|url| !url.is_empty())?;
            let name = format!("test_{}", Uuid::new_v4().simple());
            let mut server = PgConnection::establish(&url).expect("a server");
            server.batch_execute(&format!("CREATE SCHEMA {name}")).expect("a schema");
            let schema = Self { url, name };
            let config = Loader::new()
                .flag(Key::Url, "url", schema.address())
                .load()
                .expect("a configuration");
            DatabaseManager::new(config).migrate().expect("a migrated database");
            Some(schema)
        }

        /// Returns the definition of every table, index, trigger and constraint.
        pub fn catalogue(&self) -> Vec<String> {
            let mut connection = PgConnection::establish(&self.address()).expect("a connection");
            let lines: Vec<Line> = diesel::sql_query(CATALOGUE).load(&mut connection).expect("it");
            lines.into_iter().map(|line| line.line.replace(&self.name, "schema")).collect()
        }

        pub fn address(&self) -> String {
            let Self { url, name } = self;
            // A process that is killed loses nothing by it; only a computer would.
            format!("{url}?options=-csearch_path%3D{name}%20-csynchronous_commit%3Doff")
        }
    }

    const CATALOGUE: &str = "
        SELECT 'table ' || tablename AS line FROM pg_tables WHERE schemaname = current_schema()
        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()
        UNION ALL SELECT pg_get_triggerdef(t.oid) FROM pg_trigger AS t
            JOIN pg_class AS c ON c.oid = t.tgrelid
            WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace
        UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
                || CASE WHEN convalidated THEN '' ELSE ' NOT VALID' END
            FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
        ORDER BY 1";

    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = diesel::sql_types::Text)]
        line: String,
    }

    impl Drop for Schema {
        fn drop(&mut self) {
            let mut server = PgConnection::establish(&self.url).expect("a server");
            let drop =
                format!("SET client_min_messages = warning; DROP SCHEMA {} CASCADE", self.name);
            server.batch_execute(&drop).expect("the schema is dropped");
        }
    }
}
