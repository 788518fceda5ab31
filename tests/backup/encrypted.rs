//! Backups that the command encrypts: who has the key reads them, and nobody sees it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Output;

use age::secrecy::ExposeSecret;
use age::x25519::Identity;
use serde_json::Value;

use super::{IS_LATER, LATER, filled};
use crate::support::command::json;
use crate::support::{Fixture, SqliteFixture, files_in, json_text, run, stderr, stdout};

/// A key, and the file that it is in.
struct Key {
    recipient: String,
    secret: String,
    file: String,
}

fn key(fixture: &Fixture, name: &str) -> Key {
    let identity = Identity::generate();
    let secret = identity.to_string().expose_secret().to_owned();
    let recipient = identity.to_public().to_string();
    let file = fixture.directory.path().join(name);
    fs::write(&file, format!("# public key: {recipient}\n\n{secret}\n")).expect("a file");
    Key { recipient, secret, file: file.to_str().expect("UTF-8").to_owned() }
}

fn written(fixture: &Fixture, name: &str, text: &str) -> String {
    let file = fixture.directory.path().join(name);
    fs::write(&file, text).expect("a file");
    file.to_str().expect("UTF-8").to_owned()
}

fn zenith(fixture: &Fixture, arguments: &[&str], exit: i32) -> Output {
    run(fixture.zenith().args(arguments), exit)
}

/// Takes an encrypted backup, and adds a row afterwards that it does not have.
fn encrypted(fixture: &Fixture, arguments: &[&str]) -> (PathBuf, Value) {
    let all = [&["backup", "--format", "json"], arguments].concat();
    let report = json(&zenith(fixture, &all, 0));
    fixture.sql(LATER);
    (PathBuf::from(report["path"].as_str().expect("a path")), report)
}

fn manifest(backup: &Path) -> PathBuf {
    format!("{}.json", backup.display()).into()
}

/// The command must fail with this code, and leave everything as it is.
fn refused(fixture: &Fixture, arguments: &[&str], exit: i32) -> String {
    let before = fixture.everything();
    let said = stderr(&zenith(fixture, &[arguments, &["--yes"]].concat(), exit));
    assert!(fixture.everything() == before, "{said}");
    said
}

#[test]
fn who_has_an_identity_of_a_recipient_restores_the_backup_and_nobody_else() {
    let fixture = filled(Fixture::created());
    let (first, second, other) =
        (key(&fixture, "first"), key(&fixture, "second"), key(&fixture, "other"));
    let recipients =
        written(&fixture, "recipients", &format!("\u{feff}# us\r\n{}\r\n", second.recipient));
    let encrypt =
        ["--compress", "zstd", "--encrypt", &first.recipient, "--encrypt-file", &recipients];
    let (path, report) = encrypted(&fixture, &encrypt);
    let name = path.to_str().expect("UTF-8");
    assert!(name.ends_with(fixture.either(".db.zst.age", ".dump.zst.age")), "{name}");
    assert!(report["undecoded"].as_str().is_some_and(|reason| reason.contains("--identity")));
    assert!(fs::read(&path).expect("it").starts_with(b"age-encryption.org/v1"));
    let described = fs::read_to_string(manifest(&path)).expect("the manifest");
    let value: Value = serde_json::from_str(&described).expect("JSON");
    assert_eq!((&value["compression"], &value["encryption"]), (&"zstd".into(), &"age".into()));
    assert!(!described.contains(&first.recipient), "only the kind of encryption");
    let record = fixture.manager().last_backup().expect("the records").expect("a record");
    assert_eq!(
        record.metadata,
        json_text(serde_json::json!({ "compression": "zstd", "encryption": "age" }))
    );

    let said = stdout(&zenith(&fixture, &["backup", "verify", "--all"], 0));
    assert!(
        said.contains("its contents were not checked") && said.contains("--identity"),
        "{said}"
    );
    for key in [&first, &second] {
        let verify = ["backup", "verify", name, "--identity", &key.file];
        let said = stdout(&zenith(&fixture, &verify, 0));
        assert!(!said.contains("not checked"), "{said}");
    }
    let said = refused(&fixture, &["restore", name], 2);
    assert!(said.contains("--identity names a file"), "{said}");
    let said = refused(&fixture, &["restore", name, "--identity", &other.file], 2);
    assert!(said.contains("not encrypted for the identities"), "{said}");
    zenith(&fixture, &["backup", "verify", name, "--identity", &other.file], 2);

    // Only one of the two has to fit.
    let keys = ["--identity", &other.file, "--identity", &second.file];
    let drilled =
        zenith(&fixture, &[&["restore", "--drill", "--format", "json"], &keys[..]].concat(), 0);
    assert_eq!(json(&drilled)["backup"]["encryption"], "age");
    zenith(&fixture, &[&["restore", "--latest", "--yes"], &keys[..]].concat(), 0);
    assert_eq!(fixture.text(IS_LATER), "0");
}

#[test]
fn a_passphrase_restores_the_backup_and_another_does_not() {
    let fixture = filled(SqliteFixture::created().fixture());
    let right = written(&fixture, "right", "correct horse battery\n");
    let wrong = written(&fixture, "wrong", "correct horse\n");
    let (path, report) = encrypted(&fixture, &["--passphrase-file", &right]);
    let name = path.to_str().expect("UTF-8");
    assert!(name.ends_with(".db.age") && report["undecoded"].is_null(), "{report}");
    let identity = key(&fixture, "identity");
    let said = refused(&fixture, &["restore", name, "--identity", &identity.file], 2);
    assert!(said.contains("encrypted with a passphrase"), "{said}");
    let said = refused(&fixture, &["restore", name, "--passphrase-file", &wrong], 2);
    assert!(said.contains("not encrypted with the passphrase"), "{said}");
    let mut restore = fixture.zenith();
    restore.args(["restore", "-", "--yes", "--passphrase-file", &right]);
    run(restore.stdin(File::open(&path).expect("the backup")), 0);
    assert_eq!(fixture.text(IS_LATER), "0");
}

#[test]
fn with_an_identity_the_backup_is_decrypted_again_before_it_counts() {
    let fixture = SqliteFixture::created();
    let (ours, other) = (key(&fixture, "ours"), key(&fixture, "other"));
    let encrypt = |key: &Key| {
        let recipient = ours.recipient.clone();
        ["backup".to_owned(), "--encrypt".into(), recipient, "--identity".into(), key.file.clone()]
    };
    let output = run(fixture.zenith().args(encrypt(&ours)), 0);
    assert!(!stdout(&output).contains("not checked"), "{output:?}");
    let files = files_in(&fixture.backups());
    let output = run(fixture.zenith().args(encrypt(&other)), 1);
    assert!(stderr(&output).contains("not encrypted for the identities"), "{output:?}");
    assert_eq!(files_in(&fixture.backups()), files);
}

#[test]
fn a_damaged_file_is_refused_without_its_manifest() {
    let fixture = filled(SqliteFixture::created().fixture());
    let ours = key(&fixture, "ours");
    let (path, _) = encrypted(&fixture, &["--encrypt", &ours.recipient]);
    fs::remove_file(manifest(&path)).expect("the manifest");
    let restore = ["restore", path.to_str().expect("UTF-8"), "--identity", &ours.file];
    let sound = fs::read(&path).expect("the backup");
    let length = sound.len();
    let mut damaged: Vec<Vec<u8>> =
        [100, 200, length / 2, length - 1].map(|length| sound[..length].to_vec()).into();
    damaged.push([&sound[..], b"more"].concat());
    for place in [150, 190, length / 2, length - 1] {
        let mut bytes = sound.clone();
        bytes[place] ^= 1;
        damaged.push(bytes);
    }
    for (number, bytes) in damaged.iter().enumerate() {
        fs::write(&path, bytes).expect("damage");
        let before = fixture.everything();
        let output = fixture.zenith().args(restore).arg("--yes").output().expect("it starts");
        let said = stderr(&output);
        assert!(!output.status.success() && said.contains("damaged"), "{number}: {said}");
        assert!(fixture.everything() == before, "{number}: {said}");
    }
    // Nor without a key, because there is nothing to compare it with.
    fs::write(&path, &sound).expect("the backup");
    let verify = ["backup", "verify", path.to_str().expect("UTF-8")];
    assert!(stderr(&zenith(&fixture, &verify, 2)).contains("--identity"));
    zenith(&fixture, &[&restore[..], &["--yes"]].concat(), 0);
}

#[test]
fn no_message_repeats_a_secret() {
    let fixture = SqliteFixture::created();
    let ours = key(&fixture, "ours");
    let (secret, lower) = (ours.secret.as_str(), ours.secret.to_lowercase());
    let passphrases = written(&fixture, "two", "correct horse\nbattery\n");
    let (_, report) =
        encrypted(&fixture, &["--encrypt", &ours.recipient, "--identity", &ours.file]);
    let name = report["path"].as_str().expect("a path");
    for arguments in [
        &["backup", "--encrypt", secret][..],
        &["backup", "--encrypt", &lower],
        &["backup", "--encrypt-file", &ours.file],
        &["backup", "--encrypt-file", secret],
        &["backup", "--encrypt", &ours.recipient, "--identity", secret],
        &["backup", "--identity", &ours.file],
        &["backup", "--passphrase-file", secret],
        &["backup", "--passphrase-file", &passphrases],
        &["backup", "--encrypt", &ours.recipient, "--passphrase-file", &passphrases],
        &["backup", secret],
        &["backup", &format!("--key={secret}")],
        &["restore", name, "--identity", &passphrases],
        &["restore", name, "--identity", &lower],
        &["restore", name, "--identity", "nowhere"],
    ] {
        for more in [&["-v"][..], &["--format", "json"]] {
            let output = zenith(&fixture, &[arguments, more].concat(), 2);
            let said = (stdout(&output) + &stderr(&output)).to_lowercase();
            assert!(!said.contains(&lower) && !said.contains("correct horse"), "{said}");
        }
    }
    let verify = ["backup", "verify", name, "--identity", &ours.file, "-v"];
    let output = zenith(&fixture, &verify, 0);
    assert!(!(stdout(&output) + &stderr(&output)).contains(secret));
}
