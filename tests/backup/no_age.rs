//! A command without the feature `age` says so.

use std::fs;

use crate::support::{SqliteFixture, files_in, run, stderr, stdout};

#[test]
fn what_needs_the_feature_age_names_it() {
    let fixture = SqliteFixture::created();
    let backup = fixture.manager().backup().expect("a backup").path;
    let name = backup.to_str().expect("UTF-8");
    let files = files_in(&fixture.backups());
    for arguments in [
        &["backup", "--encrypt", "age1recipient"][..],
        &["backup", "--passphrase-file", "file"],
        &["backup", "verify", "--identity", "file"],
        &["restore", name, "--identity", "file", "--yes"],
    ] {
        let said = stderr(&run(fixture.zenith().args(arguments), 2));
        assert!(said.contains("--features age"), "{said}");
    }
    assert_eq!(files_in(&fixture.backups()), files);
    let encrypted = fixture.directory.path().join("zenith.db.age");
    fs::write(&encrypted, "age-encryption.org/v1\n").expect("a file");
    let said = stderr(&run(fixture.zenith().args(["restore", "zenith.db.age", "--yes"]), 2));
    assert!(said.contains("--features age"), "{said}");
    let said = stdout(&run(fixture.zenith().args(["backup", "verify", "--all"]), 0));
    assert!(said.contains("1 of 1"), "{said}");
}
