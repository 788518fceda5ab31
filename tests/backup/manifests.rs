//! Manifests that are there and cannot be used: nothing then proves that the rows of the backup are right.

use std::fs;
use std::path::{Path, PathBuf};

use zenith_db::manager::RestoreOptions;
use zenith_db::{BackupFault, Error, Result};

use super::{IS_LATER, backed_up};
use crate::support::{Fixture, run, stderr, stdout};

/// What is wrong with a manifest, the words of the error, and how it is done.
type Fault = (&'static str, &'static str, fn(&Path));

const FAULTS: &[Fault] = &[
    ("empty", "EOF", |path| fs::write(path, "").expect("a file")),
    ("cut", "EOF", |path| {
        let text = fs::read_to_string(path).expect("a manifest");
        fs::write(path, &text[..text.len() - 20]).expect("a file");
    }),
    ("another type", "expected", |path| fs::write(path, "[[[[").expect("a file")),
    ("other keys", "missing field", |path| fs::write(path, "{\"format\": 1}").expect("a file")),
    ("another format", "the format 2", |path| fs::write(path, "{\"format\": 2}").expect("a file")),
    ("no text", "UTF-8", |path| fs::write(path, b"\xff\xfe").expect("a file")),
    ("huge", "more than", |path| fs::write(path, " ".repeat(5 << 20)).expect("a file")),
    ("negative", "impossible row counts", |path| counted(path, "-1")),
    ("overflow", "impossible row counts", |path| counted(path, "9223372036854775807")),
    ("a directory", "not a regular file", |path| {
        instead(path, |path| fs::create_dir(path).expect("it"));
    }),
    #[cfg(unix)]
    ("a dangling link", "No such file", |path| {
        instead(path, |path| std::os::unix::fs::symlink("nowhere", path).expect("a link"));
    }),
    #[cfg(unix)]
    ("a device", "not a regular file", |path| {
        instead(path, |path| std::os::unix::fs::symlink("/dev/zero", path).expect("a link"));
    }),
    #[cfg(target_os = "linux")]
    ("a pipe", "not a regular file", |path| instead(path, pipe)),
];

fn instead(path: &Path, make: fn(&Path)) {
    fs::remove_file(path).expect("the manifest");
    make(path);
}

#[cfg(target_os = "linux")]
fn pipe(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
}

fn counted(path: &Path, rows: &str) {
    let text = fs::read_to_string(path).expect("a manifest");
    let changed = text.replace("\"users\": 1", &format!("\"users\": {rows}"));
    assert_ne!(changed, text);
    fs::write(path, changed).expect("a file");
}

fn manifest(backup: &Path) -> PathBuf {
    format!("{}.json", backup.display()).into()
}

/// Says what is wrong, if that is a manifest at this path.
fn fault<T>(result: Result<T>, manifest: &Path) -> String {
    match result.map(drop) {
        Err(error @ Error::Backup(BackupFault::Manifest { .. })) => {
            let said = error.to_string();
            assert!(said.contains(manifest.to_str().expect("UTF-8")), "{said}");
            assert!(said.contains("mv -n"), "{said}");
            said
        }
        other => panic!("{}: {other:?}", manifest.display()),
    }
}

#[test]
fn a_manifest_that_cannot_be_used_is_not_taken_for_none() {
    for (what, words, make) in FAULTS {
        let fixture = Fixture::created();
        let manager = fixture.manager();
        let backup = backed_up(&fixture);
        let manifest = manifest(&backup);
        make(&manifest);
        let verified = fault(manager.verify_backup(&backup, &mut |_| ()), &manifest);
        assert!(verified.contains(words), "{what}: {verified}");
        let options = RestoreOptions::default();
        fault(manager.restore(&backup, &options, &mut |_| ()), &manifest);
        fault(manager.drill(&mut |_| ()), &manifest);
        assert_eq!(fixture.text(IS_LATER), "1", "{what}");
        let listed = manager.backups().expect("a list");
        let said = listed[0].manifest_fault.as_ref().expect("a fault");
        assert!(listed[0].manifest.is_none() && said.contains(words), "{what}: {said}");

        let listed = stdout(&run(fixture.zenith().args(["backup", "list"]), 0));
        assert!(listed.contains("damaged manifest") && listed.contains(words), "{listed}");
        let said = stdout(&run(fixture.zenith().args(["backup", "verify", "--all"]), 1));
        assert!(said.contains("FAILED") && said.contains("0 of 1"), "{said}");
        let said = stderr(&run(fixture.zenith().args(["restore", "--latest", "--yes"]), 1));
        assert!(said.contains(manifest.to_str().expect("UTF-8")), "{said}");
        run(fixture.zenith().args(["backup", "prune", "--keep-last", "1", "--dry-run"]), 0);

        // What the error says to do.
        fs::rename(&manifest, manifest.with_extension("aside")).expect("moved away");
        let verified = manager.verify_backup(&backup, &mut |_| ()).expect("a sound backup");
        assert!(!verified.has_manifest);
    }
}

/// Backups that nobody can be shown to own are not removed where databases share a directory.
#[test]
fn a_backup_with_such_a_manifest_is_not_pruned_outside_of_the_default_directory() {
    let fixture = Fixture::created();
    let (older, newer) = (backed_up(&fixture), fixture.manager().backup().expect("a backup").path);
    let elsewhere = fixture.directory.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a directory");
    for backup in [&older, &newer] {
        for file in [backup.clone(), manifest(backup)] {
            fs::rename(&file, elsewhere.join(file.file_name().expect("a name"))).expect("moved");
        }
    }
    let moved = elsewhere.join(older.file_name().expect("a name"));
    fs::write(manifest(&moved), "{").expect("a file");
    let mut prune = fixture.zenith();
    prune.args(["backup", "prune", "--keep-last", "1", "--yes", "--backup-dir"]).arg(&elsewhere);
    run(&mut prune, 0);
    assert!(moved.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_backup_that_is_no_regular_file_is_refused_at_once() {
    let fixture = Fixture::created();
    let odd = fixture.directory.path().join("odd.db");
    let (new, zero) = (fixture.directory.path().join("new.db"), Path::new("/dev/zero"));
    pipe(&odd);
    for file in [&odd, zero, fixture.directory.path()] {
        let error = fixture.manager().verify_backup(file, &mut |_| ()).expect_err("none");
        assert!(matches!(error, Error::Backup(BackupFault::Damaged { .. })), "{error}");
        assert!(error.to_string().contains("not a regular file"), "{error}");
        let mut restore = fixture.zenith();
        restore.arg("restore").arg(file).arg("--to").arg(&new);
        let said = stderr(&run(&mut restore, 1));
        assert!(said.contains("not a regular file"), "{said}");
    }
    assert!(!new.exists());
}

/// An archive of a server does not say its version without being restored.
#[test]
fn another_schema_version_and_a_long_origin_are_noticed() {
    let fixture = crate::support::SqliteFixture::created().fixture();
    let backup = backed_up(&fixture);
    let manifest = manifest(&backup);
    let text = fs::read_to_string(&manifest).expect("a manifest");
    let origin = "x".repeat(100_000);
    let long =
        text.replace("\"triggered_by\": \"backup\"", &format!("\"triggered_by\": \"{origin}\""));
    assert_ne!(long, text);
    fs::write(&manifest, long).expect("a file");
    let listed = stdout(&run(fixture.zenith().args(["backup", "list"]), 0));
    assert!(listed.contains("xxx…") && listed.len() < 1000, "{} bytes", listed.len());
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let version = value["schema_version"].as_str().expect("a version");
    fs::write(&manifest, text.replace(version, "99991231000000")).expect("a file");
    let error = fixture.manager().verify_backup(&backup, &mut |_| ()).expect_err("another version");
    assert!(error.to_string().contains("schema version"), "{error}");
}
