//! The database that a model test runs on: SQLite, or with the feature `postgres` the server that
//! `ZENITH_TEST_POSTGRES` names, in a schema of its own which is removed when the test is over.

use zenith_db::prelude::*;

use super::Fixture;

#[allow(clippy::large_enum_variant, reason = "there is one of them in each test")]
pub enum Store {
    Sqlite {
        database: Database,
        /// Last, so that the file outlives the pool.
        fixture: Fixture,
    },
    #[cfg(feature = "postgres")]
    Postgres(postgres::Schema),
}

impl Store {
    /// The one that this run is for, empty but for what `template` holds.
    pub fn new(template: &Fixture) -> Self {
        #[cfg(feature = "postgres")]
        if let Some(url) = postgres::url() {
            return Self::Postgres(postgres::Schema::like(template, &url));
        }
        let fixture = Fixture::empty();
        std::fs::copy(template.path(), fixture.path()).expect("a copy of the template");
        let database = Database::open(&fixture.config()).expect("a database");
        Self::Sqlite { database, fixture }
    }

    pub fn read<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Self::Sqlite { database, .. } => database.read(work),
            #[cfg(feature = "postgres")]
            Self::Postgres(schema) => schema.with(work),
        }
    }

    pub fn write<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Self::Sqlite { database, .. } => database.write(work),
            #[cfg(feature = "postgres")]
            Self::Postgres(schema) => schema.with(|connection| connection.write(work)),
        }
    }

    /// The file, if this is SQLite.
    #[cfg_attr(
        not(feature = "postgres"),
        allow(clippy::unnecessary_wraps, reason = "with the feature it may be another")
    )]
    pub fn fixture(&self) -> Option<&Fixture> {
        match self {
            Self::Sqlite { fixture, .. } => Some(fixture),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => None,
        }
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use std::path::Path;
    use std::sync::Mutex;

    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    use uuid::Uuid;
    use zenith_db::dispatch;
    use zenith_db::prelude::*;
    use zenith_db::schema::{roles, schema_version, system_settings};

    use crate::support::Fixture;

    pub fn url() -> Option<String> {
        std::env::var("ZENITH_TEST_POSTGRES").ok().filter(|url| !url.is_empty())
    }

    /// A schema with every table, and the connections to it.
    pub struct Schema {
        url: String,
        name: String,
        idle: Mutex<Vec<DbConnection>>,
    }

    impl Schema {
        /// With the migrations for PostgreSQL, and the seeds and users of the template.
        pub fn like(template: &Fixture, url: &str) -> Self {
            let name = format!("test_{}", Uuid::new_v4().simple());
            let mut server = PgConnection::establish(url).expect("a server");
            server.batch_execute(&format!("CREATE SCHEMA {name}")).expect("a schema");
            let schema = Self { url: url.to_owned(), name, idle: Mutex::default() };
            let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres");
            let mut directories: Vec<_> = std::fs::read_dir(migrations)
                .expect("a directory")
                .map(|entry| entry.expect("an entry").path().join("up.sql"))
                .collect();
            directories.sort();
            let source = Database::open(&template.config()).expect("the template");
            schema
                .with(|connection| {
                    for up in directories {
                        let sql = std::fs::read_to_string(up).expect("a migration");
                        connection.batch_execute(&sql)?;
                    }
                    copy_seeds(&source, connection)
                })
                .expect("a schema with the seeds");
            schema
        }

        pub fn with<T, E: From<Error>>(
            &self,
            work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
        ) -> Result<T, E> {
            let idle = self.idle.lock().expect("a lock").pop();
            let mut connection = idle.unwrap_or_else(|| self.connect());
            let result = work(&mut connection);
            self.idle.lock().expect("a lock").push(connection);
            result
        }

        fn connect(&self) -> DbConnection {
            let mut connection = PgConnection::establish(&self.url).expect("a connection");
            let path =
                format!("SET search_path = {}; SET client_min_messages = warning", self.name);
            connection.batch_execute(&path).expect("the schema");
            DbConnection::Postgres(connection)
        }
    }

    impl Drop for Schema {
        fn drop(&mut self) {
            let mut server = PgConnection::establish(&self.url).expect("a server");
            let drop =
                format!("SET client_min_messages = warning; DROP SCHEMA {} CASCADE", self.name);
            server.batch_execute(&drop).expect("the schema is dropped");
        }
    }

    fn copy_seeds(source: &Database, target: &mut DbConnection) -> Result<()> {
        let (permissions, with, settings, history) = source.read(|conn| {
            let settings: Vec<SystemSetting> = dispatch!(&mut *conn, |c| system_settings::table
                .select(SystemSetting::as_select())
                .order(system_settings::id)
                .load(c))?;
            let roles = Role::list_with_permissions(conn)?;
            let history = SchemaVersion::list(conn)?;
            Ok::<_, Error>((Permission::list(conn)?, roles, settings, history))
        })?;
        let mut with = with;
        with.sort_by_key(|with| with.role.id);
        for permission in &permissions {
            let new = NewPermission::builder()
                .name(&permission.name)
                .resource(&permission.resource)
                .action(&permission.action)
                .is_system_permission(true);
            new.build().insert(target)?;
        }
        let permissions = Permission::list(target)?;
        for RoleWithPermissions { role, permissions: held } in &with {
            let new = NewRole::builder()
                .name(&role.name)
                .is_system_role(role.is_system_role)
                .is_superuser(role.is_superuser)
                .build();
            let role_id = new.insert(target)?.id;
            for held in held {
                let same = permissions.iter().find(|p| p.name == held.name).expect("the same");
                let grant =
                    NewRolePermission::builder().role_id(role_id).permission_id(same.id).build();
                grant.grant(target)?;
            }
        }
        for SchemaVersion { version, description, checksum, .. } in history {
            let row = NewSchemaVersion { version, description, checksum };
            dispatch!(&mut *target, |c| diesel::insert_into(schema_version::table)
                .values(&row)
                .execute(c))?;
        }
        for setting in &settings {
            let new = NewSystemSetting::builder()
                .key(&setting.key)
                .value(setting.value.as_ref().map(SettingText::expose))
                .value_type(setting.value_type)
                .is_readonly(setting.is_readonly)
                .category(&setting.category)
                .build();
            new.insert(target)?;
        }
        for (name, role) in [("admin", "super_admin"), ("ann", "user")] {
            // A template need not have ann.
            let user = source.read(|conn| User::find_by_username(conn, name))?;
            let Some(user) = user else { continue };
            let credentials =
                source.read(|conn| UserCredentials::find(conn, user.id))?.expect("a user");
            let role: RoleId = dispatch!(&mut *target, |c| roles::table
                .select(roles::id)
                .filter(roles::name.eq(role))
                .get_result(c))?;
            let new = NewUser::builder()
                .username(name)
                .email(&user.email)
                .password_hash(credentials.password_hash)
                .role_id(role)
                .build();
            new.insert(target)?;
        }
        Ok(())
    }
}
