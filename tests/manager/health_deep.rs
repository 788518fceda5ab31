//! The deep health check: it finds what `PRAGMA integrity_check` finds, and shows its progress.

use std::fs::OpenOptions;

use super::health_sqlite::overwrite;
use crate::support::command::json;
use crate::support::{Fixture, SqliteFixture, failed, run, stdout};
use zenith_db::manager::{HealthReport, IntegrityProgress};

/// What fails on a new database, which has no backup.
const NEW: [&str; 2] = ["Recent Backup", "Recent Drill"];

fn deep(fixture: &Fixture) -> (HealthReport, Vec<IntegrityProgress>) {
    let mut steps = Vec::new();
    let report = fixture.manager().deep_health_check(&mut |progress| steps.push(progress));
    (report, steps)
}

/// The first page of the file, and its size, of something that `dbstat` lists.
fn page(fixture: &SqliteFixture, name: &str, kind: &str) -> u64 {
    let query =
        format!("SELECT max(pageno) FROM dbstat WHERE name = '{name}' AND pagetype = '{kind}'");
    fixture.text(&query).parse().expect("a page of this kind")
}

fn offset(fixture: &SqliteFixture, page: u64) -> u64 {
    let size: u64 = fixture.text("SELECT page_size FROM pragma_page_size").parse().expect("it");
    (page - 1) * size
}

/// Enough rows for leaves, overflow pages and, once a part is deleted, a freelist.
fn filled() -> SqliteFixture {
    let fixture = SqliteFixture::created();
    fixture.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
         INSERT INTO system_metrics (metric_name, metric_value, metric_type, metadata)
         SELECT 'metric', i, 'gauge', json_object('text', hex(zeroblob(5000))) FROM n;
         DELETE FROM system_metrics WHERE id > 100",
    );
    fixture
}

/// The lines of `PRAGMA integrity_check`; `None` if it stops with an error.
fn whole_check(fixture: &SqliteFixture) -> Option<String> {
    use diesel::prelude::*;
    use diesel::sql_types::Text;

    let query = "group_concat(integrity_check, char(10)) FROM pragma_integrity_check";
    diesel::select(diesel::dsl::sql::<Text>(query)).get_result(&mut fixture.raw()).ok()
}

/// The page that the freelist begins with, from the file's header.
fn first_free_page(fixture: &SqliteFixture) -> u64 {
    let bytes = std::fs::read(fixture.path()).expect("the database");
    u32::from_be_bytes(bytes[32..36].try_into().expect("four bytes")).into()
}

#[test]
fn on_a_sound_database_it_passes_with_a_step_for_each_table_and_one_for_the_file() {
    let fixture = Fixture::created();
    let (report, steps) = deep(&fixture);
    assert_eq!(failed(&report), NEW);
    let names: Vec<_> = report.checks.iter().map(|check| check.name).collect();
    assert_eq!(names.last(), Some(&"Full Integrity"));
    assert!(!names.contains(&"Quick Integrity"), "{names:?}");
    assert_eq!(names.len(), fixture.either(20, 29));
    let details = &report.checks.last().expect("the check").details;
    assert!(details.contains(fixture.either("no damage found", "pg_amcheck")), "{details}");

    let total = fixture.either(23, 0);
    assert_eq!(steps.len(), total);
    for (number, step) in steps.iter().enumerate() {
        assert_eq!((step.done, step.total), (number, total));
        assert_eq!(step.table.is_none(), number + 1 == total, "{step:?}");
    }
}

#[test]
fn it_finds_every_kind_of_damage_that_a_whole_integrity_check_finds() {
    type Damage = fn(&SqliteFixture);
    let damages: [(&str, Damage); 6] = [
        ("a leaf of a table", |fixture| {
            overwrite(
                fixture,
                offset(fixture, page(fixture, "system_metrics", "leaf")),
                &[0xAB; 64],
            );
        }),
        ("an overflow page", |fixture| {
            let page = page(fixture, "system_metrics", "overflow");
            overwrite(fixture, offset(fixture, page), &[0x7F; 4]);
        }),
        ("a key of an index", |fixture| {
            // The key of the first row, which another text takes the place of.
            let at = offset(fixture, page(fixture, "idx_roles_name_for_test", "leaf"));
            let bytes = std::fs::read(fixture.path()).expect("the database");
            let start = usize::try_from(at).expect("a small file");
            let found = bytes[start..].windows(8).position(|window| window == b"operator");
            let found = u64::try_from(found.expect("the key")).expect("a small file");
            overwrite(fixture, at + found, b"operatOr");
        }),
        ("the number of free pages", |fixture| overwrite(fixture, 36, &[0, 0, 0, 1])),
        ("a free page that a table uses", |fixture| {
            let used = u32::try_from(page(fixture, "users", "leaf")).expect("a page");
            // After the next trunk and the number of leaves, the first leaf.
            overwrite(fixture, offset(fixture, first_free_page(fixture)) + 8, &used.to_be_bytes());
        }),
        ("a freelist that begins nowhere", |fixture| overwrite(fixture, 32, &[0, 0, 0, 0])),
    ];
    for (name, damage) in damages {
        let fixture = filled();
        fixture.sql("CREATE INDEX idx_roles_name_for_test ON roles (name)");
        damage(&fixture);
        let whole = whole_check(&fixture);
        assert_ne!(whole.as_deref(), Some("ok"), "{name}");
        let (report, _) = deep(&fixture);
        let check = report.checks.last().expect("the check");
        assert_eq!((check.name, check.passed), ("Full Integrity", false), "{name}: {report:#?}");
        assert!(!report.healthy, "{name}");
        let first =
            whole.as_deref().and_then(|lines| lines.lines().find(|line| !line.contains("***")));
        let known = first.is_none_or(|first| check.details.contains(first));
        assert!(known, "{name}: {whole:?} is not in {}", check.details);
    }
}

#[test]
fn what_only_the_full_check_finds_passes_the_quick_one() {
    let fixture = filled();
    fixture.sql(
        "CREATE INDEX of_the_test ON roles (name);
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE INDEX of_the_test ON roles (display_name)'
         WHERE name = 'of_the_test'",
    );
    let quick = fixture.manager().health_check();
    let of = |report: &HealthReport, name| {
        report.checks.iter().any(|check| check.name == name && check.passed)
    };
    assert!(of(&quick, "Quick Integrity"), "{quick:#?}");
    assert!(!of(&deep(&fixture).0, "Full Integrity"));
}

#[test]
fn it_checks_a_file_that_is_too_large_for_the_quick_check() {
    let fixture = SqliteFixture::created();
    let file = OpenOptions::new().write(true).open(fixture.path()).expect("the database");
    // A hole costs no disk, and SQLite takes the length from the header.
    file.set_len(256 * 1024 * 1024 + 4096).expect("a longer file");
    drop(file);
    let (report, _) = deep(&fixture);
    assert_eq!(failed(&report), NEW);
    let details = &report.checks.last().expect("the check").details;
    assert!(details.starts_with("no damage found in 22 tables"), "{details}");
    fixture.sql("PRAGMA foreign_keys = OFF; DELETE FROM roles");
    assert!(failed(&deep(&fixture).0).contains(&"Foreign Key Violations"));
}

/// On a server they get there while triggers are off, and every foreign key seems sound afterwards.
#[test]
fn it_finds_rows_that_refer_to_none_on_either_database() {
    let fixture = Fixture::created();
    fixture.sql(fixture.either(
        "INSERT INTO role_permissions (id, role_id, permission_id) VALUES (999, 888, 1), (998, 887, 1)",
        "ALTER TABLE role_permissions DISABLE TRIGGER ALL;
         INSERT INTO role_permissions (id, role_id, permission_id) VALUES (999, 888, 1), (998, 887, 1);
         ALTER TABLE role_permissions ENABLE TRIGGER ALL",
    ));
    let of = |report: HealthReport| {
        let check = report.checks.into_iter().find(|check| check.name == "Foreign Key Violations");
        check.map(|check| (check.passed, check.details)).expect("the check")
    };
    let (passed, details) = of(deep(&fixture).0);
    let expected = fixture.either(
        "role_permissions row 998 has no roles",
        "role_permissions (role_id): 2 rows refer to no row of roles",
    );
    assert!(!passed && details.contains(expected), "{details}");
    // The other one does not read the rows of a server, and says so.
    let (passed, details) = of(fixture.manager().health_check());
    let is_read = fixture.either(true, false);
    assert_eq!(
        (passed, details.contains("`--deep` reads the rows")),
        (!is_read, !is_read),
        "{details}"
    );
    fixture.sql("DELETE FROM role_permissions WHERE id >= 998");
    assert_eq!(of(deep(&fixture).0), (true, "none".to_owned()));
}

#[test]
fn a_missing_database_fails_the_first_check_and_takes_no_step() {
    let fixture = Fixture::empty();
    let (report, steps) = deep(&fixture);
    assert_eq!((report.checks.len(), report.healthy, steps.len()), (1, false, 0));
    fixture.assert_nothing_was_created();
}

#[test]
fn the_command_has_a_flag_for_it() {
    let fixture = Fixture::created();
    let before = fixture.everything();
    let said = stdout(&run(fixture.zenith().args(["health-check", "--deep"]), 0));
    assert!(said.contains("Full Integrity") && said.contains("healthy"), "{said}");
    let report = json(&run(fixture.zenith().args(["health", "--deep", "--format", "json"]), 0));
    assert_eq!(report["healthy"], true);
    crate::support::command::assert_unchanged(&before, &fixture.everything());

    let damaged = filled();
    overwrite(&damaged, 36, &[0, 0, 0, 1]);
    let said = stdout(&run(damaged.zenith().args(["health-check", "--deep"]), 3));
    assert!(said.contains("FAILED   Full Integrity"), "{said}");
}
