//! Where a transfer comes from or goes to: a database that has been migrated and holds no row, of
//! either backend, removed when the test ends.

use diesel::prelude::*;
use zenith_db::DbConnection;

use super::Fixture;

pub enum Place {
    Sqlite(Fixture),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Schema),
}

impl Place {
    pub fn sqlite() -> Self {
        let fixture = Fixture::empty();
        std::fs::write(fixture.path(), "").expect("an empty file");
        fixture.manager().migrate().expect("a migrated database");
        Self::Sqlite(fixture)
    }

    /// None, with a word about it, where no server is configured.
    pub fn postgres() -> Option<Self> {
        #[cfg(feature = "postgres")]
        if let Some(schema) = postgres::Schema::new() {
            return Some(Self::Postgres(schema));
        }
        eprintln!("SKIPPED: ZENITH_TEST_POSTGRES names no server, or the feature is off");
        None
    }

    /// Names it to another process.
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
}

/// A connection that enforces foreign keys, as ours do.
pub fn connect(address: &str) -> DbConnection {
    use diesel::connection::SimpleConnection;
    #[cfg(feature = "postgres")]
    if address.starts_with("postgres://") {
        let connection = PgConnection::establish(address).expect("a connection");
        return DbConnection::Postgres(connection);
    }
    let mut connection = SqliteConnection::establish(address).expect("a connection");
    connection
        .batch_execute("PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON")
        .expect("pragmas");
    DbConnection::Sqlite(connection)
}

#[cfg(feature = "postgres")]
pub mod postgres {
    use std::path::Path;

    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    use uuid::Uuid;
    use zenith_db::migrations::{self, EmbeddedMigration};
    use zenith_db::models::NewSchemaVersion;
    use zenith_db::schema::schema_version;

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
            let mut connection = PgConnection::establish(&schema.address()).expect("a connection");
            let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres");
            let read = |migration: &EmbeddedMigration| {
                let path = directory.join(migration.name()).join("up.sql");
                std::fs::read_to_string(path).expect("a migration")
            };
            for migration in migrations::all() {
                connection.batch_execute(&read(migration)).expect("it runs");
            }
            // The table comes with the last of them.
            for migration in migrations::all() {
                record(&mut connection, migration, &read(migration));
            }
            Some(schema)
        }

        pub fn address(&self) -> String {
            let Self { url, name } = self;
            format!("{url}?options=-csearch_path%3D{name}")
        }
    }

    fn record(connection: &mut PgConnection, migration: &EmbeddedMigration, sql: &str) {
        let row = NewSchemaVersion {
            version: migration.version().parse().expect("digits"),
            description: Some(migration.description()),
            checksum: Some(migrations::checksum(sql)),
        };
        diesel::insert_into(schema_version::table)
            .values(&row)
            .execute(connection)
            .expect("its row in the history");
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
