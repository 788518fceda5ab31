//! A database that is moved between two versions. Whatever happens to the processes that move it,
//! it must be exactly at one of them.
use std::cell::Cell;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use zenith_db::Backend;
use zenith_db::manager::RollbackTarget;
use zenith_db::migrations::all;

use super::embedded::notifications;
use super::own_migrations::upgraded;
use super::{Fixture, rows, text};

/// Tables that differ after each run: the ledgers, and the records of the runs themselves.
const RECORDS: [&str; 5] = [
    "__diesel_schema_migrations",
    "schema_version",
    "system_settings",
    "system_health",
    "backup_jobs",
];

/// Tables that the older version lacks.
const DROPPED: [&str; 3] = ["audit_log", "security_events", "notifications"];

/// Row of a table that the older version lacks, which a rollback would lose.
const AT_RISK: &str = "INSERT INTO notifications (notification_id, user_id, title, message, type)
    VALUES ('00000000-0000-7000-8000-000000000777', 100, 'news', 'text', 'info')";

/// Structure, versions, and the rows of the tables that both versions have.
type State = (BTreeMap<String, String>, String, BTreeMap<String, Vec<String>>);

/// Returns the older of the two versions: it lacks the migration that creates `notifications`, the one
/// before and all after.
pub fn older_version() -> String {
    all()[notifications() - 2].version()
}

/// Returns the number of migrations between the two versions.
pub fn migrations_between() -> usize {
    all().len() + 1 - notifications()
}

/// Filled database at the newer version, with its expected state at either version.
pub struct Shuttle {
    pub fixture: Fixture,
    older: State,
    newer: State,
    /// Number of rows that a rollback would lose.
    at_risk: Cell<usize>,
}

impl Shuttle {
    /// Fills a finished database.
    pub fn new(fixture: Fixture) -> Self {
        rows::fill(&mut fixture.raw());
        let manager = upgraded(&fixture, &[]);
        manager.rollback(&RollbackTarget::Version(older_version())).expect("back");
        let older = state(&fixture);
        manager.migrate().expect("forth");
        let newer = state(&fixture);
        assert_ne!(older, newer);
        Self { fixture, older, newer, at_risk: Cell::new(0) }
    }

    /// Returns the command that migrates or rolls back.
    pub fn command(&self, forth: bool) -> Command {
        let mut command = self.fixture.zenith();
        if forth {
            command.arg("migrate");
        } else {
            command.args(["rollback", "--yes", "--to", &older_version()]);
        }
        command
    }

    /// Brings the database to the starting version, and returns the command without its output.
    pub fn ready(&self, forth: bool) -> Command {
        let manager = upgraded(&self.fixture, &[]);
        let older = RollbackTarget::Version(older_version());
        if forth {
            manager.rollback(&older).expect("the start");
        } else {
            manager.migrate().expect("the start");
            self.fixture.sql("DELETE FROM notifications");
            self.fixture.sql(AT_RISK);
        }
        self.at_risk.set(usize::from(!forth));
        let mut command = self.command(forth);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Whether the database is at the newer version. Fails if it is at neither.
    pub fn is_newer(&self, context: &str) -> bool {
        if self.fixture.backend() == Backend::Sqlite {
            let check = "SELECT group_concat(integrity_check) FROM pragma_integrity_check";
            assert_eq!(self.fixture.text(check), "ok", "{context}");
        }
        assert_eq!(orphans(&self.fixture), 0, "{context}");
        let now = state(&self.fixture);
        assert!(now == self.older || now == self.newer, "{context}: neither the old nor the new");
        let newer = now == self.newer;
        let status = self.fixture.manager().status().expect("a status");
        let lacking = if newer { 0 } else { migrations_between() };
        assert_eq!(status.pending_migrations.len(), lacking, "{context}");
        if newer {
            assert_eq!(status.history_faults, [], "{context}");
            let rows = self.fixture.text("SELECT count(*) FROM notifications");
            assert_eq!(rows, self.at_risk.get().to_string(), "{context}");
            assert!(self.fixture.manager().health_check().healthy, "{context}");
        }
        newer
    }
}

fn state(fixture: &Fixture) -> State {
    let mut connection = fixture.raw();
    let mut kept = rows::contents(&mut connection);
    kept.retain(|table, _| !RECORDS.contains(&&**table) && !DROPPED.contains(&&**table));
    let versions = "SELECT string_agg(version, ',' ORDER BY version)
                    FROM __diesel_schema_migrations";
    (rows::catalogue(&mut connection), fixture.text(versions), kept)
}

/// Returns the number of references to rows that do not exist. It reads the rows themselves: a
/// server that enforces foreign keys would report none.
fn orphans(fixture: &Fixture) -> usize {
    let queries =
        "SELECT format('SELECT count(*) FROM %s AS c WHERE %I IS NOT NULL AND NOT EXISTS \
            (SELECT FROM %s AS p WHERE p.%I = c.%2$I)',
            f.conrelid::regclass, c.attname, f.confrelid::regclass, p.attname) AS line
        FROM pg_constraint AS f
        JOIN pg_attribute AS c ON c.attrelid = f.conrelid AND c.attnum = f.conkey[1]
        JOIN pg_attribute AS p ON p.attrelid = f.confrelid AND p.attnum = f.confkey[1]
        WHERE f.contype = 'f' AND f.connamespace = current_schema()::regnamespace";
    let mut connection = fixture.raw();
    let queries = match fixture.backend() {
        Backend::Sqlite => vec!["SELECT count(*) FROM pragma_foreign_key_check".to_owned()],
        Backend::Postgres => rows::lines(&mut connection, queries),
    };
    assert!(!queries.is_empty());
    let count = |query: &String| text(&mut connection, query).parse::<usize>().expect("a number");
    queries.iter().map(count).sum()
}
