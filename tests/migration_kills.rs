//! A process that is killed, or whose disk is full, leaves exactly the old or exactly the new
//! database, and no lock.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::own_migrations::manager_with;
use crate::support::{SqliteFixture, rows};
use zenith_db::manager::RollbackTarget;
use zenith_db::migrations::all;

/// How many times each is killed; `ZENITH_TEST_KILLS` says otherwise.
fn kills() -> u32 {
    std::env::var("ZENITH_TEST_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(40)
}

/// What the ledgers and the records of the runs themselves hold differs each time.
const RECORDS: [&str; 5] = [
    "__diesel_schema_migrations",
    "schema_version",
    "system_settings",
    "system_health",
    "backup_jobs",
];

/// The structure, the versions, and every row of the tables that are never dropped here.
type State = (BTreeMap<String, String>, String, BTreeMap<String, Vec<String>>);

/// A database that goes between two versions: the older lacks the last two migrations.
struct Shuttle {
    fixture: SqliteFixture,
    older: State,
    newer: State,
}

impl Shuttle {
    fn new() -> Self {
        let fixture = SqliteFixture::created();
        rows::fill(&mut fixture.raw());
        let manager = manager_with(&fixture, &[]);
        manager.rollback(&older_version()).expect("back");
        let older = state(&fixture);
        manager.migrate().expect("forth");
        let newer = state(&fixture);
        assert_ne!(older, newer);
        Self { fixture, older, newer }
    }

    /// The command that leaves this state, with the state to leave reached.
    fn ready(&self, forth: bool) -> Command {
        let manager = manager_with(&self.fixture, &[]);
        if forth { manager.rollback(&older_version()) } else { manager.migrate() }
            .expect("the start");
        let mut command = self.fixture.zenith();
        let back = all()[all().len() - 3].version();
        if forth {
            command.arg("migrate");
        } else {
            command.args(["rollback", "--yes", "--to", &back]);
        }
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Whether the newer version is there now: whole, and nothing between the two.
    fn is_newer(&self, context: &str) -> bool {
        let check = "SELECT group_concat(integrity_check) FROM pragma_integrity_check";
        assert_eq!(self.fixture.text(check), "ok", "{context}");
        let broken = self.fixture.text("SELECT count(*) FROM pragma_foreign_key_check");
        assert_eq!(broken, "0", "{context}");
        let now = state(&self.fixture);
        assert!(now == self.older || now == self.newer, "{context}: neither the old nor the new");
        let newer = now == self.newer;
        let manager = self.fixture.manager();
        let pending = manager.status().expect("a status").pending_migrations.len();
        assert_eq!(pending, if newer { 0 } else { 2 }, "{context}");
        newer
    }
}

fn older_version() -> RollbackTarget {
    RollbackTarget::Version(all()[all().len() - 3].version())
}

fn state(fixture: &SqliteFixture) -> State {
    let mut connection = fixture.raw();
    let mut kept = rows::contents(&mut connection);
    let dropped = ["audit_log", "security_events", "notifications", "system_metrics"];
    kept.retain(|table, _| {
        !RECORDS.contains(&table.as_str()) && !dropped.contains(&table.as_str())
    });
    let versions = "SELECT group_concat(version) FROM __diesel_schema_migrations";
    (rows::catalogue(&mut connection), fixture.text(versions), kept)
}

fn killed(forth: bool) {
    let shuttle = Shuttle::new();
    let mut command = shuttle.ready(forth);
    let begun = Instant::now();
    assert!(command.status().expect("it runs").success());
    // Spread over a run and a little beyond; whatever the moment, the outcome is one of two.
    let run = begun.elapsed();
    let mut outcomes = [0, 0];
    for kill in 0..kills() {
        let mut child = shuttle.ready(forth).spawn().expect("it starts");
        let share = f64::from(kill) / f64::from(kills());
        std::thread::sleep(Duration::from_secs_f64(1.1 * share * run.as_secs_f64()));
        child.kill().expect("killed, or over");
        child.wait().expect("gone");
        outcomes[usize::from(shuttle.is_newer(&format!("kill {kill}")))] += 1;
    }
    println!("older {}, newer {}", outcomes[0], outcomes[1]);
}

#[test]
fn a_migration_that_is_killed_leaves_the_old_or_the_new_database() {
    killed(true);
}

#[test]
fn a_rollback_that_is_killed_leaves_the_old_or_the_new_database() {
    killed(false);
}

/// The largest size of a file, in blocks of the shell's.
fn limited(command: &Command, blocks: u64) -> Command {
    let mut shell = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    shell.args(["-c", &script, "sh"]).arg(command.get_program()).args(command.get_args());
    shell.env_clear().stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(directory) = command.get_current_dir() {
        shell.current_dir(directory);
    }
    shell
}

fn full(forth: bool) {
    let shuttle = Shuttle::new();
    let mut command = shuttle.ready(forth);
    let size = std::fs::metadata(shuttle.fixture.path()).expect("a file").len() / 512;
    assert!(command.status().expect("it runs").success());
    let (mut failures, mut successes) = (0, 0);
    for step in 0..20 {
        let command = shuttle.ready(forth);
        // From nothing at all to more than is needed.
        let blocks = size * step / 6;
        let done = limited(&command, blocks).status().expect("it starts").success();
        let newer = shuttle.is_newer(&format!("{blocks} blocks"));
        // What failed has changed nothing, what succeeded all.
        assert_eq!(newer == forth, done, "{blocks} blocks");
        if done { successes += 1 } else { failures += 1 }
    }
    assert!(failures > 0 && successes > 0, "{failures} failed, {successes} did not");
}

#[test]
fn a_migration_on_a_full_disk_fails_and_leaves_the_old_database() {
    full(true);
}

#[test]
fn a_rollback_on_a_full_disk_fails_and_leaves_the_old_database() {
    full(false);
}
