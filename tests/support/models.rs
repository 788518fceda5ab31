//! A database for tests of models: a copy of a template. Every statement that runs through it is
//! recorded, and its plan is checked when the test ends.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, OnceLock};

use diesel::connection::{Connection, InstrumentationEvent};
use diesel::prelude::*;
use diesel::sql_types::Text;
use zenith_db::Backend;
use zenith_db::dispatch;
use zenith_db::prelude::*;
use zenith_db::{Error, Result};

use super::{Fixture, SqliteFixture};

/// Database with every migration, the seeds, the administrator `admin`, and a user `ann` with the
/// role `user`.
pub struct Models {
    /// The database, which is dropped before its fixture.
    database: Database,
    fixture: Fixture,
    statements: Arc<Mutex<BTreeSet<String>>>,
}

/// Plans that are allowed although they are not index look-ups: a part of the statement, the step
/// of the plan, and the reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    (".sqlite_schema", "SCAN ", "reads the schema, which has no index, once after it has changed"),
    (
        "(`audit_log`.`timestamp` >= ?)) AND (`audit_log`.`timestamp` < ?)",
        "USE TEMP B-TREE FOR ORDER BY",
        "sorts what lies between the two times: entries are in the order of their seq, not of time",
    ),
    (
        "IN (SELECT `roles`.`id` FROM `roles` WHERE (`roles`.`is_superuser` OR",
        "SCAN roles",
        "finds the administrators' roles among a few",
    ),
    ("json_each(`documents`.`tags`)", "SCAN tag ", "reads the few tags of one document"),
    (
        "FROM `system_health` ORDER BY `system_health`.`component`",
        "SCAN system_health USING INDEX idx_system_health_component",
        "lists every component, and there are a few dozen",
    ),
    (
        "FROM `schema_version` ORDER BY `schema_version`.`version`",
        "SCAN schema_version USING INDEX idx_schema_version_version",
        "lists the whole history, one row a migration",
    ),
    (
        "FROM `roles` ORDER BY `roles`.`name`",
        "SCAN roles USING INDEX idx_roles_name",
        "lists every role, and there are a few",
    ),
    (
        "ORDER BY `permissions`.`resource`, `permissions`.`action`",
        "SCAN permissions USING INDEX idx_permissions_resource",
        "lists permissions, of which there are a few dozen, in the order of the index",
    ),
];

impl Models {
    pub fn new() -> Self {
        Self::on(copy())
    }

    /// Returns a database on SQLite, for tests of the plans themselves.
    pub fn on_sqlite() -> Self {
        Self::on(SqliteFixture::created().fixture())
    }

    fn on(fixture: Fixture) -> Self {
        let database = fixture.database();
        database.write(|conn| new_user(conn, "ann").map(drop)).expect("ann");
        Self { database, fixture, statements: Arc::default() }
    }

    /// The database, which is dropped before its fixture.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Returns the fixture, for what a model cannot do.
    pub fn fixture(&self) -> &Fixture {
        &self.fixture
    }

    /// Runs work that must succeed, in one write transaction.
    pub fn run<T>(&self, work: impl FnOnce(&mut Writer<'_>) -> Result<T>) -> T {
        self.attempt(work).expect("this works")
    }

    /// Runs work that must fail, in one write transaction, and returns its error.
    pub fn fails<T: std::fmt::Debug>(
        &self,
        work: impl FnOnce(&mut Writer<'_>) -> Result<T>,
    ) -> Error {
        self.attempt(work).expect_err("this fails")
    }

    /// Runs work that must break this rule on this column.
    pub fn violates<T: std::fmt::Debug, C>(
        &self,
        rule: Rule,
        column: C,
        work: impl FnOnce(&mut Writer<'_>) -> Result<T>,
    ) where
        C: diesel::Column + diesel::query_builder::QueryFragment<diesel::sqlite::Sqlite>,
    {
        let error = self.fails(work);
        let violation = error.violation().unwrap_or_else(|| panic!("no violation: {error:?}"));
        // PostgreSQL refuses a NUL before it knows the column.
        let early = self.fixture.backend() == Backend::Postgres && violation.rule() == Rule::Text;
        if early && [Rule::Text, Rule::Length].contains(&rule) && violation.table().is_none() {
            return;
        }
        assert_eq!(violation.rule(), rule, "{violation}");
        assert!(violation.concerns(column), "{violation}");
    }

    fn attempt<T>(&self, work: impl FnOnce(&mut Writer<'_>) -> Result<T>) -> Result<T> {
        self.database.write(|connection| {
            let statements = self.statements.clone();
            connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
                if let InstrumentationEvent::StartQuery { query, .. } = event {
                    // What cannot be shown is an UPDATE that sets nothing; it does not run either.
                    let mut text = String::new();
                    if write!(text, "{query}").is_ok() {
                        let text = text.rsplit_once(" -- binds: ").map_or(&*text, |(sql, _)| sql);
                        statements.lock().expect("a lock").insert(text.to_owned());
                    }
                }
            });
            work(connection)
        })
    }

    /// Returns the user `ann`.
    pub fn ann(&self) -> UserId {
        self.user("ann")
    }

    /// Returns the user with this name.
    pub fn user(&self, name: &str) -> UserId {
        self.run(|conn| User::find_by_username(conn, name)).expect("a user").id
    }

    /// Inserts another user with the role `user`.
    pub fn add_user(&self, name: &str) -> UserId {
        self.run(|conn| new_user(conn, name))
    }

    /// Returns the role with this name.
    pub fn role(&self, name: &str) -> RoleId {
        self.run(|conn| Role::find_by_name(conn, name)).expect("a role").id
    }

    /// Returns the recorded statements whose plan breaks a rule, as `plan: statement`.
    fn bad_plans(&self) -> Vec<String> {
        // On PostgreSQL the planner reads whole tables as long as they are small, and it should.
        if self.fixture.backend() == Backend::Postgres {
            return Vec::new();
        }
        let mut connection = self.fixture.raw();
        let statements = self.statements.lock().expect("a lock");
        statements.iter().flat_map(|statement| bad_steps(&mut connection, statement)).collect()
    }
}

impl Drop for Models {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let bad = self.bad_plans();
            assert!(bad.is_empty(), "statements without an index:\n{}", bad.join("\n"));
        }
    }
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// Returns the steps of a statement's plan that scan a table or sort, except those in
/// [`EXCEPTIONS`].
pub fn bad_steps(connection: &mut DbConnection, statement: &str) -> Vec<String> {
    let verb = statement.split_whitespace().next().unwrap_or_default();
    // A temporary table is its own connection's, and its one row is no table to scan.
    let is_temporary = statement.contains(" temp.zenith_shared_transaction");
    if is_temporary || !["SELECT", "INSERT", "UPDATE", "DELETE"].contains(&verb) {
        return Vec::new();
    }
    let explain = format!("EXPLAIN QUERY PLAN {statement}");
    let steps: Vec<Step> =
        dispatch!(connection, |c| diesel::sql_query(explain).load(c)).expect(statement);
    let is_bad = |step: &Step| {
        step.detail.starts_with("SCAN ")
            && !step.detail.contains("CONSTANT ROW")
            && !step.detail.ends_with("-ROW VALUES CLAUSE")
            || step.detail.contains("TEMP B-TREE")
    };
    let excepted = |step: &Step| {
        EXCEPTIONS
            .iter()
            .any(|(mark, plan, _why)| statement.contains(mark) && step.detail.starts_with(plan))
    };
    let bad = steps.into_iter().filter(|step| is_bad(step) && !excepted(step));
    bad.map(|step| format!("{}: {statement}", step.detail)).collect()
}

/// Returns a finished database: on SQLite a copy of a file that is created once.
fn copy() -> Fixture {
    static TEMPLATE: OnceLock<SqliteFixture> = OnceLock::new();
    let fixture = Fixture::empty();
    if fixture.backend() == Backend::Postgres {
        return Fixture::created();
    }
    let template = TEMPLATE.get_or_init(SqliteFixture::created);
    let copy = SqliteFixture::empty();
    std::fs::copy(template.path(), copy.path()).expect("a copy of the template");
    copy.fixture()
}

fn new_user(connection: &mut Writer<'_>, name: &str) -> Result<UserId> {
    let role = Role::find_by_name(connection, "user")?.expect("a seeded role");
    let hash = "$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHQ$aGFzaA".parse().expect("a hash");
    let user = NewUser::builder()
        .username(name.parse()?)
        .email(format!("{name}@example.org").parse()?)
        .password_hash(hash)
        .role_id(role.id)
        .build();
    Ok(user.insert(connection)?.id)
}
