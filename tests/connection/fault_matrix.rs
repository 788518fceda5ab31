//! Each error at each call that a command makes on its files: the command fails or succeeds, what it
//! leaves is the old state or the new one, and the next run works.
//!
//! `ZENITH_TEST_FAULTS` sets the number of faults for each command and kind of call; `make test-faults`
//! takes 40.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use zenith_db::Error;
use zenith_db::manager::{Origin, RollbackTarget};

use crate::support::injected::{Call, calls, injected};
use crate::support::legacy::{Shape, former};
use crate::support::{
    Raw, SqliteFixture, backups_in, files_in, open_file, rows, run, stderr, stdout,
};

/// System calls that can fail on a file system in which there is something wrong.
const CALLS: &str = "openat,pread64,read,pwrite64,write,fsync,fdatasync,ftruncate,fallocate,rename,\
     renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,fchmod,fchmodat,fchown,fcntl,\
     flock,mmap,statx,newfstatat,fstat,lseek,getdents64";

const ERRORS: [&str; 5] = ["EINVAL", "ENOLCK", "ENOSPC", "EIO", "EPERM"];

/// Tables that record runs, or differ between any two databases.
const RECORDS: [&str; 5] = [
    "__diesel_schema_migrations",
    "backup_jobs",
    "schema_version",
    "system_health",
    "system_settings",
];

/// Schema, and the rows of each table, sorted.
type State = (BTreeMap<String, String>, BTreeMap<String, Vec<String>>);

fn state(path: &Path) -> State {
    let mut connection = open_file(path);
    let mut tables = rows::tables(&mut connection);
    tables.retain(|table| !RECORDS.contains(&table.as_str()));
    let mut read = |table: String| {
        let columns = format!(
            "SELECT format('quote(\"%w\")', name) AS line FROM pragma_table_info('{table}')"
        );
        let columns = connection.lines(&columns).join(" || ',' || ");
        let rows = format!("SELECT {columns} AS line FROM \"{table}\" ORDER BY line");
        let rows = connection.lines(&rows);
        (table, rows)
    };
    let contents = tables.into_iter().map(&mut read).collect();
    (rows::catalogue(&mut connection), contents)
}

/// Schema, and the number of rows of each table.
type Outline = (BTreeMap<String, String>, BTreeMap<String, usize>);

fn outline(path: &Path) -> Outline {
    let (catalogue, contents) = state(path);
    (catalogue, contents.into_iter().map(|(table, rows)| (table, rows.len())).collect())
}

/// Returns what the command makes of a copy of the database.
fn outcome(base: &SqliteFixture, arguments: &[&str]) -> Outline {
    let whole = copy_of(base);
    run(&mut command(&whole, arguments), 0);
    outline(&whole.path())
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            fs::create_dir(&to).expect("a directory");
            fs::set_permissions(&to, from.metadata().expect("a mode").permissions()).expect("it");
            copy_tree(&from, &to);
        } else {
            fs::copy(&from, &to).expect("a copy");
        }
    }
}

fn copy_of(fixture: &SqliteFixture) -> SqliteFixture {
    let copy = SqliteFixture::empty();
    copy_tree(fixture.directory.path(), copy.directory.path());
    copy
}

fn command(fixture: &SqliteFixture, arguments: &[&str]) -> Command {
    let mut command = fixture.zenith();
    command.args(arguments);
    command
}

/// Returns the faults to try: for each system call the same number, evenly distributed over the run.
fn chosen(calls: &[Call]) -> Vec<String> {
    let number = std::env::var("ZENITH_TEST_FAULTS").ok().and_then(|text| text.parse().ok());
    let number: usize = number.unwrap_or(1);
    let mut of_name: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, ordinal) in calls {
        let faults = ERRORS.iter().flat_map(|error| {
            // Once, as a disturbance does, or from then on, as a full disk does.
            ["", "+"].map(|on| format!("{name}:error={error}:when={ordinal}{on}"))
        });
        of_name.entry(name).or_default().extend(faults);
    }
    let mut chosen = Vec::new();
    for (index, faults) in of_name.into_values().enumerate() {
        let step = faults.len().div_ceil(number);
        // Other errors for each system call.
        let start = (step / 2 + 3 * index) % step;
        chosen.extend(faults.into_iter().skip(start).step_by(step));
    }
    chosen
}

/// What is wrong after a run that failed at a call.
type Verdict = Result<(), String>;

/// Tries the faults on copies of the base, and judges each with `judge`, which gets whether the
/// command succeeded.
fn try_faults(
    base: &SqliteFixture,
    arguments: &[&str],
    judge: impl Fn(&SqliteFixture, bool) -> Verdict,
) {
    let traced = copy_of(base);
    let directory = traced.directory.path();
    let Some(calls) = calls(&command(&traced, arguments), CALLS, directory) else { return };
    assert!(calls.len() > 50, "only {} calls: {calls:?}", calls.len());
    let (mut failed, mut succeeded, mut verdicts) = (0, 0, Vec::new());
    for fault in chosen(&calls) {
        let fixture = copy_of(base);
        let traced = injected(&command(&fixture, arguments), None, &[&fault]);
        let output = traced.expect("strace").output().expect("it starts");
        // It has finished even if the check at its end fails, which the report says.
        let is_mute = stderr(&output).is_empty() && fault.starts_with("write:");
        let done = !stderr(&output).contains("error: ") && (output.status.success() || !is_mute);
        *(if done { &mut succeeded } else { &mut failed }) += 1;
        let ended = if is_mute { Ok(()) } else { ended_well(&fixture, &output) };
        let verdict = ended
            .and_then(|()| judge(&fixture, done))
            .and_then(|()| next_run_works(&fixture, arguments));
        if let Err(verdict) = verdict {
            verdicts.push(format!("{fault}: {verdict}\n  it said: {}", stderr(&output).trim()));
        }
    }
    let tried = failed + succeeded;
    let wrong = verdicts.len();
    assert!(wrong == 0, "{wrong} of {tried} went wrong:\n{}", verdicts.join("\n"));
    assert!(failed > 0, "{tried} faults, of which none was noticed");
}

fn ended_well(fixture: &SqliteFixture, output: &Output) -> Verdict {
    let said = format!("{}{}", stdout(output), stderr(output));
    if output.status.signal().is_some() || said.contains("panicked") {
        return Err(format!("it died: {:?}", output.status));
    }
    let names = |text: &str| said.contains(text);
    let directory = fixture.directory.path().to_str().expect("UTF-8");
    let causes = [
        "os error",
        "I/O error",
        "is full",
        "unable to open",
        "damaged",
        "error code=",
        "readonly",
        "denied",
        // SQLite takes a lock that fails for one that another holds.
        "is locked",
    ];
    if !output.status.success() && !names(directory) && !causes.iter().any(|cause| names(cause)) {
        return Err("it names neither a path nor a cause".into());
    }
    Ok(())
}

fn next_run_works(fixture: &SqliteFixture, arguments: &[&str]) -> Verdict {
    make_leftovers_old(fixture);
    for arguments in [arguments, &["backup"]] {
        let output = command(fixture, arguments).output().expect("it starts");
        if !output.status.success() {
            return Err(format!("the next {arguments:?} failed: {}", stderr(&output)));
        }
    }
    let report = fixture.manager().health_check();
    let left: Vec<_> = [fixture.files(), files_in(&fixture.backups())].concat();
    let is_leftover = |name: &&String| name.starts_with('.') || name.ends_with("-journal");
    match left.iter().find(is_leftover) {
        Some(name) => Err(format!("{name} is left")),
        None if !report.healthy => Err(format!("it is unhealthy: {report:?}")),
        None => Ok(()),
    }
}

/// A directory without its lock may be one that another process is about to lock, unless it is old.
fn make_leftovers_old(fixture: &SqliteFixture) {
    let old = SystemTime::now() - Duration::from_secs(120);
    let is_staging = |name: &&String| name.contains(".adopting-") || name.contains(".restoring-");
    for name in fixture.files().iter().filter(is_staging) {
        let directory = fs::File::open(fixture.directory.path().join(name)).expect("a directory");
        directory.set_modified(old).expect("an old directory");
    }
}

/// Fails unless the database is as it was before a failure, or finished after a success.
fn old_or_new(
    fixture: &SqliteFixture,
    succeeded: bool,
    before: &State,
    finished: &Outline,
) -> Verdict {
    // A look at a copy removes nothing that the next run must cope with.
    let copy = copy_of(fixture);
    let found = state(&copy.path());
    let (is_old, is_new) = (found == *before, outline(&copy.path()) == *finished);
    match (succeeded, is_old, is_new) {
        (true, _, true) | (false, true, _) => Ok(()),
        (_, false, false) => Err("the database is neither the old nor the new one".into()),
        (true, ..) => Err("it succeeded, and the database is the old one".into()),
        (false, ..) => Err("it failed, and the database is the new one".into()),
    }
}

#[test]
fn a_database_is_created_whole_or_not_at_all_whichever_call_fails() {
    let base = SqliteFixture::empty();
    let finished = outcome(&base, &["create"]);
    try_faults(&base, &["create"], |fixture, succeeded| {
        if succeeded {
            let is_whole = outline(&copy_of(fixture).path()) == finished;
            return if is_whole { Ok(()) } else { Err("it is not whole".into()) };
        }
        match copy_of(fixture).manager().origin() {
            Ok(Origin::Absent | Origin::Empty) | Err(Error::HotJournal { .. }) => Ok(()),
            found => Err(format!("it failed and left {found:?}")),
        }
    });
}

#[test]
fn a_database_is_migrated_whole_or_not_at_all_whichever_call_fails() {
    let base = SqliteFixture::created();
    rows::fill(&mut base.raw());
    base.manager().rollback(&RollbackTarget::Steps(1)).expect("something to do");
    let (before, finished) = (state(&base.path()), outcome(&base, &["migrate"]));
    try_faults(&base, &["migrate"], |fixture, succeeded| {
        old_or_new(fixture, succeeded, &before, &finished)
    });
}

#[test]
fn a_former_database_is_adopted_whole_or_not_at_all_whichever_call_fails() {
    let base = former(Shape::Plain);
    let arguments = ["adopt", "--yes"];
    let (before, finished) = (state(&base.path()), outcome(&base, &arguments));
    try_faults(&base, &arguments, |fixture, succeeded| {
        old_or_new(fixture, succeeded, &before, &finished)
    });
}

#[test]
fn a_backup_is_whole_or_absent_whichever_call_fails() {
    let base = SqliteFixture::created();
    rows::fill(&mut base.raw());
    let before = state(&base.path());
    try_faults(&base, &["backup"], |fixture, succeeded| {
        let backups = backups_in(&fixture.backups());
        let whole: Vec<_> = backups.iter().filter(|name| !name.starts_with('.')).collect();
        if whole.len() != usize::from(succeeded) {
            return Err(format!("success: {succeeded}, backups: {whole:?}"));
        }
        let copies = whole.iter().map(|name| fixture.backups().join(name));
        let copy = copy_of(fixture);
        let is_same = |path: &Path| state(path) == before;
        if !copies.into_iter().chain([copy.path()]).all(|path| is_same(&path)) {
            return Err("the database or its backup differs".into());
        }
        Ok(())
    });
}

#[test]
fn a_database_is_restored_whole_or_not_at_all_whichever_call_fails() {
    let base = SqliteFixture::created();
    base.manager().backup().expect("a backup");
    rows::fill(&mut base.raw());
    let arguments = ["restore", "--latest", "--yes"];
    let (before, finished) = (state(&base.path()), outcome(&base, &arguments));
    try_faults(&base, &arguments, |fixture, succeeded| {
        old_or_new(fixture, succeeded, &before, &finished)
    });
}
