//! Backups that the command compresses: every subcommand reads them, and none trusts them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use zenith_db::manager::{Compression, RestoreOptions};
use zenith_db::{BackupFault, Error};

use super::{IS_LATER, LATER, filled};
use crate::support::command::json;
use crate::support::mounts::unshare;
use crate::support::{Fixture, SqliteFixture, failed, files_in, json_text, run, stderr, stdout};

/// Takes a compressed backup, and adds a row afterwards that it does not have.
fn compressed(fixture: &Fixture) -> PathBuf {
    let arguments = ["backup", "--compress", "zstd", "--format", "json"];
    let report = json(&run(fixture.zenith().args(arguments), 0));
    fixture.sql(LATER);
    PathBuf::from(report["path"].as_str().expect("a path"))
}

fn manifest(backup: &Path) -> PathBuf {
    format!("{}.json", backup.display()).into()
}

fn restored(fixture: &Fixture, arguments: &[&str]) -> String {
    stdout(&run(fixture.zenith().arg("restore").args(arguments).arg("--yes"), 0))
}

#[test]
fn a_compressed_backup_is_described_by_its_name_its_manifest_and_its_record() {
    let fixture = filled(Fixture::created());
    let path = compressed(&fixture);
    let name = path.file_name().expect("a name").to_str().expect("UTF-8");
    assert!(name.ends_with(fixture.either(".db.zst", ".dump.zst")), "{name}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).expect("it").permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(files_in(&fixture.backups()), [name.to_owned(), format!("{name}.json")]);

    let backup = fixture.manager().backups().expect("a list").remove(0);
    let described = backup.manifest.expect("a manifest");
    assert_eq!(described.encoding.compression, Some(Compression::Zstd));
    assert_eq!(described.size_bytes, fs::metadata(&path).expect("it").len());
    let contents = zstd::decode_all(File::open(&path).expect("it")).expect("zstd's");
    let of_contents = described.contents.expect("its contents");
    assert_eq!(of_contents.size_bytes, contents.len() as u64);
    assert_eq!(of_contents.sha256, zenith_db::types::Sha256Hash::of(&contents));

    let record = fixture.manager().last_backup().expect("the records").expect("a record");
    assert_eq!(record.backup_path.as_deref(), path.to_str());
    let (size, ratio) = (described.size_bytes, record.compression_ratio.expect("a ratio"));
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let expected = contents.len() as f64 / size as f64;
    assert!((ratio - expected).abs() < 1e-9, "{ratio} is not {expected}");
    assert_eq!(record.metadata, json_text(serde_json::json!({ "compression": "zstd" })));
}

#[test]
fn a_compressed_backup_is_listed_verified_drilled_restored_and_counted() {
    let fixture = filled(Fixture::created());
    let path = compressed(&fixture);
    let name = path.to_str().expect("UTF-8");
    assert!(stdout(&run(fixture.zenith().args(["backup", "list"]), 0)).contains(name));
    let said = stdout(&run(fixture.zenith().args(["backup", "verify"]), 0));
    assert!(said.contains(name) && !said.contains("not checked"), "{said}");
    let drilled = json(&run(fixture.zenith().args(["restore", "--drill", "--format", "json"]), 0));
    assert_eq!(drilled["backup"]["compression"], "zstd");
    let health = fixture.manager().deep_health_check(&mut |_| ());
    assert_eq!(failed(&health).iter().find(|check| check.starts_with("Recent")), None);
    let status = fixture.manager().status().expect("a status");
    assert_eq!(status.last_backup.expect("one").path, path);
    restored(&fixture, &["--latest"]);
    assert_eq!(fixture.text(IS_LATER), "0");
    fixture.sql(LATER);
    restored(&fixture, &[name]);
    assert_eq!(fixture.text(IS_LATER), "0");
    let left: Vec<_> = files_in(&fixture.backups());
    assert!(!left.iter().any(|name| name.starts_with('.')), "{left:?}");
}

#[test]
fn a_compressed_backup_goes_through_a_pipe_and_back() {
    let fixture = filled(Fixture::created());
    let file = fixture.directory.path().join("piped");
    let mut backup = fixture.zenith();
    backup.args(["backup", "--compress", "zstd", "--level", "1", "--to", "-"]);
    backup.stdout(File::create(&file).expect("a file")).stderr(Stdio::piped());
    run(&mut backup, 0);
    assert!(fs::read(&file).expect("it").starts_with(b"\x28\xb5\x2f\xfd"));
    assert_eq!(files_in(&fixture.backups()), Vec::<String>::new());
    fixture.sql(LATER);
    let mut restore = fixture.zenith();
    restore.args(["restore", "-", "--yes"]).stdin(File::open(&file).expect("the file"));
    run(&mut restore, 0);
    assert_eq!(fixture.text(IS_LATER), "0");
}

/// Restores must fail with this code, and leave everything as it is.
fn refused(fixture: &Fixture, backup: &Path, exit: i32) -> String {
    let before = fixture.everything();
    let mut restore = fixture.zenith();
    let said = stderr(&run(restore.arg("restore").arg(backup).arg("--yes"), exit));
    assert!(fixture.everything() == before, "{said}");
    said
}

#[test]
fn a_damaged_file_is_refused_with_and_without_its_manifest() {
    let fixture = filled(SqliteFixture::created().fixture());
    let path = compressed(&fixture);
    let sound = fs::read(&path).expect("the backup");
    let text = fs::read(manifest(&path)).expect("the manifest");
    let mut damaged: Vec<Vec<u8>> =
        [4, sound.len() / 2, sound.len() - 1].map(|length| sound[..length].to_vec()).into();
    // A single bit can be that of an offset: another run of zeros, the same contents, no damage.
    for place in [sound.len() / 4, sound.len() / 3, sound.len() / 2, sound.len() - 1] {
        let mut bytes = sound.clone();
        bytes[place..].iter_mut().take(32).for_each(|byte| *byte ^= 0x5a);
        damaged.push(bytes);
    }
    damaged.push([&sound[..], b"more"].concat());
    for (number, bytes) in damaged.iter().enumerate() {
        fs::write(&path, bytes).expect("damage");
        let said = refused(&fixture, &path, 1);
        assert!(said.contains("SHA-256") || said.contains("bytes, not"), "{number}: {said}");
        fs::remove_file(manifest(&path)).expect("the manifest");
        let said = refused(&fixture, &path, 1);
        assert!(
            said.contains("it is damaged") && said.contains("verify --all"),
            "{number}: {said}"
        );
        fs::write(manifest(&path), &text).expect("the manifest");
    }
    fs::write(&path, &sound).expect("the backup");
    fs::remove_file(manifest(&path)).expect("the manifest");
    restored(&fixture, &[path.to_str().expect("UTF-8")]);
}

/// Changes the manifest of a backup.
fn rewrite(backup: &Path, change: impl Fn(&mut Value)) {
    let text = fs::read(manifest(backup)).expect("the manifest");
    let mut value = serde_json::from_slice(&text).expect("JSON");
    change(&mut value);
    fs::write(manifest(backup), value.to_string()).expect("a change");
}

#[test]
fn contents_that_are_not_those_of_the_manifest_are_refused() {
    let fixture = filled(SqliteFixture::created().fixture());
    let path = compressed(&fixture);
    let text = fs::read(manifest(&path)).expect("the manifest");
    let size = |value: &mut Value, size: u64| value["contents"]["size_bytes"] = size.into();
    rewrite(&path, |value| size(value, 4096));
    assert!(refused(&fixture, &path, 1).contains("more bytes than its manifest says"));
    rewrite(&path, |value| size(value, 1 << 60));
    let said = refused(&fixture, &path, 1);
    assert!(said.contains("decoding the backup may need 1152921504607 MB"), "{said}");
    fs::write(manifest(&path), &text).expect("the manifest");
    rewrite(&path, |value| value["contents"]["sha256"] = "0".repeat(64).into());
    assert!(refused(&fixture, &path, 1).contains("not those of its manifest"));
}

/// 256 MB of zeros, on a disk of 64 MB.
#[test]
fn what_decodes_to_more_than_half_of_the_free_space_is_refused_without_a_manifest() {
    let Some(mut shell) = unshare() else { return };
    let fixture = SqliteFixture::created();
    let bomb = fixture.directory.path().join("bomb.zst");
    let file = File::create(&bomb).expect("a file");
    let mut encoder = zstd::stream::write::Encoder::new(file, 1).expect("an encoder");
    std::io::copy(&mut std::io::Read::take(std::io::repeat(0), 256 << 20), &mut encoder)
        .expect("zeros");
    encoder.finish().expect("a bomb");
    let backups = fixture.backups();
    fs::create_dir_all(&backups).expect("a directory");
    let command = fixture.zenith();
    let script = "mount -t tmpfs -o size=64m tmpfs \"$1\" && shift && \"$@\"; code=$?; ls -A backups; exit $code";
    shell.args(["sh", "-c", script, "sh"]).arg(&backups);
    shell.arg(command.get_program()).args(command.get_args());
    shell.args(["restore", "bomb.zst", "--yes"]).current_dir(fixture.directory.path());
    let output = run(&mut shell, 1);
    let said = stderr(&output);
    assert!(said.contains("half of what is free") && said.contains("--backup-dir"), "{said}");
    assert_eq!(stdout(&output), "", "no temporary file is left");
}

#[test]
fn the_library_alone_compares_the_file_and_says_what_decodes_it() {
    let fixture = filled(Fixture::created());
    let path = compressed(&fixture);
    let manager = fixture.manager();
    let verified = manager.verify_backup(&path, &mut |_| ()).expect("its file is sound");
    assert!(verified.undecoded.expect("a reason").contains("zenith-db backup verify"));
    assert_eq!(verified.backend, fixture.backend());
    let error =
        manager.restore(&path, &RestoreOptions::default(), &mut |_| ()).expect_err("encoded");
    assert!(matches!(error, Error::Backup(BackupFault::Undecoded { .. })), "{error:?}");
    assert!(error.to_string().contains("`zenith-db restore`"), "{error}");
    fs::remove_file(manifest(&path)).expect("the manifest");
    let error = manager.verify_backup(&path, &mut |_| ()).expect_err("nothing to compare with");
    assert!(matches!(error, Error::Backup(BackupFault::Undecoded { .. })), "{error:?}");
}

#[test]
fn pruning_counts_compressed_backups_and_keeps_the_newest_whose_file_is_sound() {
    let fixture = SqliteFixture::created();
    let taken: Vec<PathBuf> = (0..3)
        .map(|_| {
            let path = compressed(&fixture);
            fixture.sql("DELETE FROM system_settings WHERE key = 'later'");
            path
        })
        .collect();
    let mut bytes = fs::read(&taken[2]).expect("the newest");
    *bytes.last_mut().expect("a byte") ^= 1;
    fs::write(&taken[2], bytes).expect("damage");
    let prune = ["backup", "prune", "--keep-last", "1", "--yes"];
    let said = stdout(&run(fixture.zenith().args(prune), 0));
    assert!(said.contains("removed 1 backup ("), "{said}");
    assert_eq!(taken.iter().map(|path| path.exists()).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(files_in(&fixture.backups()).len(), 4, "each with its manifest");
}

#[test]
fn outside_the_default_directory_the_manifest_says_whose_a_compressed_backup_is() {
    let (fixture, neighbour) = (SqliteFixture::created(), SqliteFixture::created());
    let shared = fixture.directory.path().join("shared");
    let take = |fixture: &SqliteFixture| {
        let mut backup: Command = fixture.zenith();
        run(backup.args(["backup", "--compress", "zstd", "--backup-dir"]).arg(&shared), 0);
    };
    take(&neighbour);
    let theirs = files_in(&shared);
    take(&fixture);
    let mut list = fixture.zenith();
    list.args(["backup", "list", "--format", "json", "--backup-dir"]).arg(&shared);
    let listed = json(&run(&mut list, 0));
    let paths: Vec<_> =
        listed["backups"].as_array().expect("a list").iter().map(|found| &found["path"]).collect();
    assert_eq!(paths.len(), 1);
    assert!(!paths[0].to_string().contains(&theirs[0]), "{paths:?}");
    // A file with such a name that is not compressed is not one.
    fs::create_dir_all(fixture.backups()).expect("a directory");
    fs::write(fixture.backups().join("zenith-20260101T000000.000000Z.db.zst"), "no").expect("it");
    assert_eq!(fixture.manager().backups().expect("a list"), []);
}
