//! docs/seeds.md lists what the seeds create. `ZENITH_UPDATE_DOCS=1` writes it anew.

use std::fmt::Write as _;
use std::fs;

use zenith_db::internal::models::seeded_settings;
use zenith_db::models::SEEDED_PERMISSIONS;
use zenith_db::prelude::*;

use crate::support::repository;

fn table() -> String {
    let mut text = String::from(
        "# What the seeds create\n\nA new database has these roles, permissions and settings. A test compares this file with \
         the declarations, from\nwhich `ZENITH_UPDATE_DOCS=1 cargo test --test zenith -- seeds_documented` writes it.\n\n\
         `Right` has a constant for each permission, and `SystemRole` for each role. `super_admin` may do everything.\n\n\
         | permission | action on resource | allows | roles |\n| --- | --- | --- | --- |\n",
    );
    for permission in SEEDED_PERMISSIONS {
        let right = Right::new(permission.resource, permission.action);
        let holds = |role: &SystemRole| role.seeded_rights().contains(&right);
        let roles: Vec<_> = SystemRole::ALL.iter().filter(|r| holds(r)).map(|r| r.name()).collect();
        let roles = roles.join(", ");
        let description = permission.description.expect("a description");
        writeln!(
            text,
            "| `{}` | `{}` on `{}` | {description} | {roles} |",
            permission.name, permission.action, permission.resource
        )
        .expect("a String takes everything");
    }
    text += "\n`Setting` has a constant for each setting. No call of this crate acts on a setting: an application reads it, for what \
             the last column says.\n\n\
             | setting | type | initial value | rule | who changes it | meaning | read by |\n\
             | --- | --- | --- | --- | --- | --- | --- |\n";
    for setting in seeded_settings() {
        let row = setting.new_row();
        writeln!(
            text,
            "| `{}` | {} | `{}` | {} | {} | {} | {} |",
            row.key,
            row.value_type,
            setting.value,
            row.validation_rule.map(|rule| format!("`{rule}`")).unwrap_or_default(),
            if row.is_readonly { "the manager" } else { "an administrator" },
            row.description.expect("a description"),
            setting.read_by
        )
        .expect("a String takes everything");
    }
    text
}

#[test]
fn the_documentation_lists_what_the_seeds_create() {
    let path = repository().join("docs/seeds.md");
    if std::env::var_os("ZENITH_UPDATE_DOCS").is_some() {
        fs::write(&path, table()).expect("the file");
    }
    assert_eq!(fs::read_to_string(path).expect("the file"), table());
}
