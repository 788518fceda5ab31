//! Users: inserting, finding, changing and listing them, and every rule that a caller can break.

use serde_json::json;
use zenith_db::Error;
use zenith_db::prelude::*;
use zenith_db::schema::users;

use crate::support::json_text;
use crate::support::models::Models;

const NOBODY: UserId = UserId(4711);

fn name(text: &str) -> Username {
    text.parse().expect("a name")
}

fn address(text: &str) -> EmailAddress {
    text.parse().expect("an address")
}

/// A hash in the form of Argon2id, which is that of no password.
fn argon2id(text: &str) -> PasswordHash {
    format!("$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHQ${text}").parse().expect("a hash")
}

/// A valid user, for a test to insert or to spoil.
fn valid(models: &Models) -> NewUser<'static> {
    NewUser::builder()
        .username(name("bob"))
        .email(address("bob@example.org"))
        .password_hash(argon2id("aGFzaA"))
        .role_id(models.role("user"))
        .build()
}

fn is_missing(error: &Error) -> bool {
    matches!(error, Error::NotFound { table: "users", key } if key == "id 4711")
}

#[test]
fn a_new_user_has_the_defaults_for_what_is_not_given() {
    let models = Models::new();
    let new = valid(&models);
    let user = models.run(|conn| new.insert(conn));
    assert_eq!((user.uuid, user.role_id), (new.uuid, new.role_id));
    assert_eq!((user.username.as_str(), user.email.as_str()), ("bob", "bob@example.org"));
    assert_eq!((user.timezone.as_str(), user.locale.as_str()), ("UTC", "en-US"));
    assert_eq!((&user.full_name, &user.display_name, &user.avatar_url), (&None, &None, &None));
    assert!(user.is_active && !user.is_verified && !user.must_change_password);
    assert!(!user.two_factor_enabled && user.login_notification_enabled);
    assert_eq!((user.failed_login_attempts, user.session_timeout_minutes), (0, 1440));
    assert_eq!((user.last_login, user.password_expires_at, user.locked_until), (None, None, None));
    assert_eq!((user.email_verified_at, user.created_by, user.updated_by), (None, None, None));
    assert_eq!(user.metadata, json_text(json!({})));
    assert_eq!(models.run(|conn| User::find(conn, user.id)), Some(user));
}

#[test]
fn a_new_user_has_what_is_given() {
    let models = Models::new();
    let bcrypt = format!("$2b$12${}", "a".repeat(53));
    let new = NewUser {
        full_name: Some("Bob Ωμέγα 🦀"),
        display_name: Some(""),
        timezone: "Europe/Berlin",
        locale: "de-DE",
        is_active: false,
        must_change_password: true,
        created_by: Some(models.ann()),
        password_hash: bcrypt.parse().expect("a hash"),
        metadata: json_text(json!({"a": [1, null, "\0ü"]})),
        ..valid(&models)
    };
    let user = models.run(|conn| new.insert(conn));
    assert_eq!(
        (user.full_name.as_deref(), user.display_name.as_deref()),
        (new.full_name, Some(""))
    );
    assert_eq!((user.timezone.as_str(), user.locale.as_str()), ("Europe/Berlin", "de-DE"));
    assert_eq!((user.is_active, user.must_change_password), (false, true));
    assert_eq!((user.created_by, user.metadata), (new.created_by, new.metadata));
    let credentials = models.run(|conn| UserCredentials::find(conn, user.id)).expect("theirs");
    assert_eq!(credentials.password_hash.expose(), bcrypt);
    // What the hash says, and not the default of the column.
    assert_eq!(credentials.password_algorithm, PasswordAlgorithm::Bcrypt);
}

#[test]
fn a_user_is_found_by_every_key_whatever_the_case() {
    let models = Models::new();
    let ann = models.run(|conn| User::find_by_username(conn, "ann")).expect("ann");
    assert_eq!(models.run(|conn| User::find_by_uuid(conn, ann.uuid)), Some(ann.clone()));
    for name in ["ann", "ANN", " Ann "] {
        assert_eq!(models.run(|conn| User::find_by_username(conn, name)), Some(ann.clone()));
    }
    for email in ["ann@example.org", "ANN@Example.ORG", "\tann@example.org\n"] {
        assert_eq!(models.run(|conn| User::find_by_email(conn, email)), Some(ann.clone()));
    }
}

#[test]
fn a_user_that_is_not_there_is_not_found() {
    let models = Models::new();
    assert_eq!(models.run(|conn| User::find(conn, NOBODY)), None);
    assert_eq!(models.run(|conn| User::find_by_uuid(conn, UserPublicId::new())), None);
    for text in ["", "an", "annn", "a%", "ann@example.org", "ann\0", "a\u{200b}nn", &"x".repeat(51)]
    {
        assert_eq!(models.run(|conn| User::find_by_username(conn, text)), None, "{text:?}");
    }
    for text in ["", "ann", "%@example.org", "ann@example.org\0"] {
        assert_eq!(models.run(|conn| User::find_by_email(conn, text)), None, "{text:?}");
    }
    let role = models.role("user");
    assert!(is_missing(&models.fails(|conn| UserChanges::default().update(conn, NOBODY))));
    assert!(is_missing(&models.fails(|conn| User::set_role(conn, NOBODY, role, None))));
    assert!(is_missing(&models.fails(|conn| User::set_active(conn, NOBODY, true, None))));
}

#[test]
fn a_username_and_an_address_are_unique() {
    let models = Models::new();
    let (ann, base) = (models.ann(), valid(&models));
    let taken = NewUser { username: name(" ANN"), ..base.clone() };
    models.violates(Rule::Duplicate, users::username, |conn| taken.insert(conn));
    let taken = NewUser { email: address("Ann@example.org"), ..base.clone() };
    models.violates(Rule::Duplicate, users::email, |conn| taken.insert(conn));
    let bob = models.run(|conn| base.insert(conn));
    let taken = UserChanges { email: Some(base.email), ..UserChanges::default() };
    models.violates(Rule::Duplicate, users::email, |conn| taken.update(conn, ann));
    assert_eq!(models.run(|conn| taken.update(conn, bob.id)).email, bob.email);
}

#[test]
fn a_name_is_one_account_however_it_is_typed() {
    let models = Models::new();
    let base = valid(&models);
    let user =
        NewUser { username: name("jos\u{e9}"), email: address("jos\u{e9}@example.org"), ..base };
    let user = models.run(|conn| user.insert(conn));
    for typed in ["jos\u{e9}", "jose\u{301}", " JOSE\u{301}"] {
        let found = models.run(|conn| User::find_by_username(conn, typed));
        assert_eq!(found.as_ref(), Some(&user), "{typed:?}");
        let address = format!("{typed}@example.org");
        assert_eq!(models.run(|conn| User::find_by_email(conn, &address)), found, "{typed:?}");
    }
}

#[test]
fn every_other_text_of_a_new_user_has_its_length() {
    let models = Models::new();
    let base = valid(&models);
    let text = "é".repeat(151);
    let of = |length: usize| text.get(..length * 2).expect("two bytes each");
    let full = |full_name| NewUser { full_name: Some(full_name), ..base.clone() };
    let shown = |display_name| NewUser { display_name: Some(display_name), ..base.clone() };
    let zone = |timezone| NewUser { timezone, ..base.clone() };
    let locale = |locale| NewUser { locale, ..base.clone() };
    models.violates(Rule::Length, users::full_name, |conn| full(of(151)).insert(conn));
    models.violates(Rule::Length, users::full_name, |conn| full("a\0").insert(conn));
    models.violates(Rule::Length, users::display_name, |conn| shown(of(101)).insert(conn));
    models.violates(Rule::Length, users::timezone, |conn| zone(of(51)).insert(conn));
    models.violates(Rule::Length, users::timezone, |conn| zone("").insert(conn));
    models.violates(Rule::Length, users::locale, |conn| locale(of(11)).insert(conn));
    models.violates(Rule::Length, users::locale, |conn| locale("").insert(conn));
    let longest = NewUser {
        full_name: Some(of(150)),
        display_name: Some(of(100)),
        timezone: of(50),
        locale: of(10),
        username: name(of(50)),
        email: address(&format!("{}@x", of(98))),
        // 255 characters.
        password_hash: argon2id(&"h".repeat(255 - argon2id("aGFzaA").expose().len() + 6)),
        ..base.clone()
    };
    let user = models.run(|conn| longest.insert(conn));
    assert_eq!((user.timezone.as_str(), user.locale.as_str()), (of(50), of(10)));
    assert_eq!(models.run(|conn| User::find_by_username(conn, of(50))), Some(user));
}

#[test]
fn a_new_user_with_a_taken_uuid_or_a_reference_to_nothing_says_which() {
    let models = Models::new();
    let base = valid(&models);
    let uuid = models.run(|conn| User::find_by_username(conn, "ann")).expect("ann").uuid;
    let same = NewUser { uuid, ..base.clone() };
    models.violates(Rule::Duplicate, users::uuid, |conn| same.insert(conn));
    let unknown = Rule::UnknownReference;
    let role = NewUser { role_id: RoleId(99), ..base.clone() };
    models.violates(unknown, users::role_id, |conn| role.insert(conn));
    let by = NewUser { created_by: Some(NOBODY), ..base };
    models.violates(unknown, users::created_by, |conn| by.insert(conn));
}

#[test]
fn a_profile_changes_only_where_it_is_told_to() {
    let models = Models::new();
    let (id, admin) = (models.ann(), models.user("admin"));
    let verified_at = UtcTime::now();
    let all = UserChanges {
        email: Some(address("ann@other.org")),
        full_name: Some(Some("Ann")),
        display_name: Some(Some("A")),
        avatar_url: Some(Some("/a.png")),
        timezone: Some("Asia/Tokyo"),
        locale: Some("ja-JP"),
        is_verified: Some(true),
        email_verified_at: Some(Some(verified_at)),
        login_notification_enabled: Some(false),
        session_timeout_minutes: Some(i32::MAX),
        metadata: Some(json_text(json!([1]))),
        updated_by: Some(admin),
    };
    let before = UtcTime::now();
    let full = models.run(|conn| all.update(conn, id));
    assert!(full.updated_at >= before);
    assert_eq!((full.email.as_str(), full.timezone.as_str()), ("ann@other.org", "Asia/Tokyo"));
    assert_eq!((full.full_name.as_deref(), full.display_name.as_deref()), (Some("Ann"), Some("A")));
    assert_eq!((full.avatar_url.as_deref(), full.locale.as_str()), (Some("/a.png"), "ja-JP"));
    assert_eq!((full.is_verified, full.email_verified_at), (true, Some(verified_at)));
    assert_eq!((full.login_notification_enabled, full.session_timeout_minutes), (false, i32::MAX));
    assert_eq!((&full.metadata, full.updated_by), (&json_text(json!([1])), Some(admin)));

    let nothing = models.run(|conn| UserChanges::default().update(conn, id));
    assert_eq!(nothing, User { updated_at: nothing.updated_at, ..full.clone() });
    let emptied = UserChanges {
        full_name: Some(None),
        display_name: Some(None),
        avatar_url: Some(None),
        email_verified_at: Some(None),
        ..UserChanges::default()
    };
    let bare = models.run(|conn| emptied.update(conn, id));
    let (full_name, display_name, avatar_url, email_verified_at) = (None, None, None, None);
    let updated_at = bare.updated_at;
    let expected =
        User { full_name, display_name, avatar_url, email_verified_at, updated_at, ..full };
    assert_eq!(bare, expected);
}

#[test]
fn a_change_of_a_profile_keeps_the_rules() {
    let models = Models::new();
    let id = models.ann();
    let text = "x".repeat(501);
    let of = |length: usize| text.get(..length).expect("enough");
    let none = UserChanges::default;
    let name = UserChanges { full_name: Some(Some(of(151))), ..none() };
    models.violates(Rule::Length, users::full_name, |conn| name.update(conn, id));
    let shown = UserChanges { display_name: Some(Some(of(101))), ..none() };
    models.violates(Rule::Length, users::display_name, |conn| shown.update(conn, id));
    let avatar = UserChanges { avatar_url: Some(Some(of(501))), ..none() };
    models.violates(Rule::Length, users::avatar_url, |conn| avatar.update(conn, id));
    let zone = UserChanges { timezone: Some(of(51)), ..none() };
    models.violates(Rule::Length, users::timezone, |conn| zone.update(conn, id));
    let locale = UserChanges { locale: Some(""), ..none() };
    models.violates(Rule::Length, users::locale, |conn| locale.update(conn, id));
    for minutes in [0, -1, i32::MIN] {
        let changes = UserChanges { session_timeout_minutes: Some(minutes), ..none() };
        let column = users::session_timeout_minutes;
        models.violates(Rule::Range, column, |conn| changes.update(conn, id));
    }
    let by = UserChanges { updated_by: Some(NOBODY), ..none() };
    models.violates(Rule::UnknownReference, users::updated_by, |conn| by.update(conn, id));
    let limits =
        UserChanges { avatar_url: Some(Some(of(500))), session_timeout_minutes: Some(1), ..none() };
    assert_eq!(models.run(|conn| limits.update(conn, id)).session_timeout_minutes, 1);
}

#[test]
fn a_user_gets_another_role_and_is_shut_out_and_let_in() {
    let models = Models::new();
    let (id, admin, role) = (models.ann(), models.user("admin"), models.role("operator"));
    let before = UtcTime::now();
    let user = models.run(|conn| User::set_role(conn, id, role, Some(admin)));
    assert_eq!((user.role_id, user.updated_by), (role, Some(admin)));
    assert!(user.updated_at >= before);
    let out = models.run(|conn| User::set_active(conn, id, false, None));
    assert_eq!((out.is_active, out.updated_by, out.role_id), (false, None, role));
    assert!(models.run(|conn| User::set_active(conn, id, true, Some(id))).is_active);

    let unknown = Rule::UnknownReference;
    let by = Some(NOBODY);
    models.violates(unknown, users::role_id, |conn| User::set_role(conn, id, RoleId(99), None));
    models.violates(unknown, users::updated_by, |conn| User::set_role(conn, id, role, by));
    models.violates(unknown, users::updated_by, |conn| User::set_active(conn, id, true, by));
}
