//! Roles, permissions and who may do what.

use zenith_db::Error;
use zenith_db::prelude::*;
use zenith_db::schema::{permissions, role_permissions, roles, users};

use crate::support::models::Models;
use crate::support::pages::walk;

fn role(models: &Models, name: &str) -> Role {
    models.run(|conn| NewRole::builder().name(name).build().insert(conn))
}

fn permission(models: &Models, name: &str, resource: &str, action: &str) -> PermissionId {
    let new = NewPermission::builder().name(name).resource(resource).action(action).build();
    models.run(|conn| new.insert(conn)).id
}

fn grant(models: &Models, role_id: RoleId, permission_id: PermissionId) -> bool {
    let new = NewRolePermission::builder().role_id(role_id).permission_id(permission_id).build();
    models.run(|conn| new.grant(conn))
}

#[test]
fn a_role_is_inserted_found_changed_renamed_and_deleted() {
    let models = Models::new();
    let admin = models.user("admin");
    let new = NewRole::builder().name("auditor").display_name("Auditor").created_by(admin).build();
    let made = models.run(|conn| new.insert(conn));
    assert_eq!((made.name.as_str(), made.created_by), ("auditor", Some(admin)));
    assert!(!made.is_system_role && !made.is_superuser);
    assert_eq!(models.run(|conn| Role::find(conn, made.id)), Some(made.clone()));

    let changes = RoleChanges { description: Some(Some("reads")), display_name: Some(None) };
    let after = models.run(|conn| changes.update(conn, made.id));
    assert_eq!((after.display_name, after.description.as_deref()), (None, Some("reads")));
    assert!(after.updated_at > made.updated_at);

    assert_eq!(models.run(|conn| Role::rename(conn, made.id, "reader")).name, "reader");
    assert_eq!(models.run(|conn| Role::find_by_name(conn, "auditor")), None);
    models.run(|conn| Role::delete(conn, made.id));
    assert_eq!(models.run(|conn| Role::find(conn, made.id)), None);
}

#[test]
fn a_system_role_is_neither_renamed_nor_deleted() {
    let models = Models::new();
    let id = models.role("user");
    let refused = |error| matches!(error, Error::SystemRole { name } if name == "user");
    assert!(refused(models.fails(|conn| Role::rename(conn, id, "people"))));
    assert!(refused(models.fails(|conn| Role::delete(conn, id))));
    assert_eq!(models.role("user"), id);
}

#[test]
fn a_role_that_is_not_there_is_not_found() {
    let models = Models::new();
    let id = RoleId(4711);
    assert_eq!(models.run(|conn| Role::find(conn, id)), None);
    let not_found = |error| matches!(error, Error::NotFound { table: "roles", .. });
    assert!(not_found(models.fails(|conn| Role::rename(conn, id, "x"))));
    assert!(not_found(models.fails(|conn| Role::delete(conn, id))));
    assert!(not_found(models.fails(|conn| RoleChanges::default().update(conn, id))));
}

#[test]
fn a_role_that_a_user_has_is_not_deleted() {
    let models = Models::new();
    let role = role(&models, "auditor");
    let ann = models.ann();
    models.run(|conn| User::set_role(conn, ann, role.id, None));
    models.violates(Rule::StillReferenced, users::role_id, |conn| Role::delete(conn, role.id));
}

#[test]
fn names_are_unique_and_not_empty() {
    let models = Models::new();
    let insert = |name: &str| {
        let name = name.to_owned();
        move |conn: &mut Writer<'_>| NewRole::builder().name(&name).build().insert(conn)
    };
    models.violates(Rule::Duplicate, roles::name, insert("user"));
    models.violates(Rule::Length, roles::name, insert(""));
    models.violates(Rule::Length, roles::name, insert(&"x".repeat(51)));
    models.run(insert(&"x".repeat(50)));
    let other = role(&models, "other");
    models.violates(Rule::Duplicate, roles::name, |conn| Role::rename(conn, other.id, "user"));
}

#[test]
fn an_action_is_unique_on_its_resource() {
    let models = Models::new();
    permission(&models, "report_read", "report", "read");
    let again = NewPermission::builder().name("other").resource("report").action("read").build();
    models.violates(Rule::Duplicate, permissions::action, |conn| again.insert(conn));
}

#[test]
fn a_grant_that_is_there_is_no_error_and_a_revoked_one_is_gone() {
    let models = Models::new();
    let (role, permission) = (role(&models, "r").id, permission(&models, "p", "thing", "do"));
    assert!(grant(&models, role, permission));
    assert!(!grant(&models, role, permission));
    let revoke = |conn: &mut Writer<'_>| RolePermission::revoke(conn, role, permission);
    assert!(models.run(revoke));
    assert!(!models.run(revoke));
}

#[test]
fn a_grant_to_or_of_nothing_says_which() {
    let models = Models::new();
    let (role, permission) = (role(&models, "r").id, permission(&models, "p", "thing", "do"));
    let grant = |role_id, permission_id, granted_by: Option<UserId>| {
        let new = NewRolePermission { role_id, permission_id, granted_by };
        move |conn: &mut Writer<'_>| new.grant(conn)
    };
    let unknown = Rule::UnknownReference;
    models.violates(unknown, role_permissions::role_id, grant(RoleId(99), permission, None));
    models.violates(unknown, role_permissions::permission_id, grant(role, PermissionId(99), None));
    let by = Some(UserId(99));
    models.violates(unknown, role_permissions::granted_by, grant(role, permission, by));
}

#[test]
fn only_who_holds_the_permission_is_allowed() {
    let models = Models::new();
    let (role, ann) = (role(&models, "r").id, models.ann());
    let allowed = |resource: &'static str, action: &'static str| {
        models.run(|conn| is_allowed(conn, ann, Right::new(resource, action)))
    };
    models.run(|conn| User::set_role(conn, ann, role, None));
    assert!(!allowed("report", "read"));
    grant(&models, role, permission(&models, "p", "report", "read"));
    assert!(allowed("report", "read"));
    assert!(!allowed("report", "write"));
    assert!(!allowed("reports", "read"));
    assert!(!allowed("*", "read"));
}

#[test]
fn a_star_is_every_action_of_its_resource_and_of_no_other() {
    let models = Models::new();
    let (role, ann) = (role(&models, "r").id, models.ann());
    models.run(|conn| User::set_role(conn, ann, role, None));
    grant(&models, role, permission(&models, "p", "report", "*"));
    for (resource, action, expected) in
        [("report", "read", true), ("report", "*", true), ("other", "read", false)]
    {
        let allowed = models.run(|conn| is_allowed(conn, ann, Right::new(resource, action)));
        assert_eq!(allowed, expected, "{action} on {resource}");
    }
}

#[test]
fn a_superuser_may_do_everything_and_an_inactive_one_nothing() {
    let models = Models::new();
    let admin = models.user("admin");
    let anything =
        |conn: &mut Writer<'_>| is_allowed(conn, admin, Right::new("anything", "at all"));
    assert!(models.run(anything));
    models.run(|conn| User::set_active(conn, admin, false, None));
    assert!(!models.run(anything));
    assert!(!models.run(|conn| is_allowed(conn, UserId(4711), Right::new("anything", "at all"))));
}

#[test]
fn the_permissions_of_a_user_are_those_of_the_role() {
    let models = Models::new();
    let (admin, ann) = (models.user("admin"), models.ann());
    let names = |user| {
        let held = models.run(|conn| Permission::list_for_user(conn, user));
        held.into_iter().map(|permission| permission.name).collect::<Vec<_>>()
    };
    assert_eq!(names(ann), ["chat_access", "document_upload", "profile_management"]);
    let all = models.run(|conn| Permission::list(conn));
    assert_eq!(names(admin).len(), all.len());
    assert!(all.is_sorted_by_key(|p| (p.resource.clone(), p.action.clone())));
    models.run(|conn| User::set_active(conn, ann, false, None));
    assert_eq!(names(ann), Vec::<String>::new());
    assert_eq!(names(UserId(4711)), Vec::<String>::new());
}

#[test]
fn roles_come_with_their_permissions() {
    let models = Models::new();
    role(&models, "without");
    let roles = models.run(|conn| Role::list_with_permissions(conn));
    assert!(roles.is_sorted_by_key(|with| with.role.name.clone()));
    let of = |name: &str| {
        let with = roles.iter().find(|with| with.role.name == name).expect(name);
        with.permissions.iter().map(|p| p.name.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(of("read_only"), ["chat_read_only"]);
    assert_eq!(of("user"), ["chat_access", "document_upload", "profile_management"]);
    assert_eq!(of("without"), Vec::<&str>::new());
}

#[test]
fn the_users_of_a_role_come_page_by_page() {
    let models = Models::new();
    let role = models.role("user");
    let mut expected = vec![models.ann()];
    expected.extend(["bob", "cem", "dee"].map(|name| models.add_user(name)));
    let size = PageSize::of(2);
    let found = walk(size, |after| models.run(|conn| Role::list_users(conn, role, after, size)));
    assert_eq!(found.iter().map(|user| user.id).collect::<Vec<_>>(), expected);
    let nobody = models.run(|conn| Role::list_users(conn, RoleId(99), None, PageSize::default()));
    assert!(nobody.rows.is_empty() && nobody.next.is_none());
}

#[test]
fn a_permission_that_was_read_is_a_right() {
    let models = Models::new();
    let admin = models.user("admin");
    let resource = "ä".repeat(100);
    let new = NewPermission::builder().name("long").resource(&resource).action("read").build();
    let permission = models.run(|conn| new.insert(conn));
    assert_eq!(Right::from(&permission).resource(), resource);
    assert!(models.run(|conn| is_allowed(conn, admin, &permission)));
    let ann = models.ann();
    assert!(!models.run(|conn| is_allowed(conn, ann, &permission)));
}
