//! Lists of users: page by page, through every filter, by any text.

use serde_json::json;
use zenith_db::prelude::*;

use crate::support::json_text;
use crate::support::models::Models;

fn names(models: &Models, filter: UserFilter<'_>) -> Vec<String> {
    let page = models.run(|conn| User::page(conn, filter, None, PageSize::default()));
    assert_eq!(page.next, None);
    page.rows.into_iter().map(|user| user.username).collect()
}

fn with_text(models: &Models, text: &str) -> Vec<String> {
    names(models, UserFilter { text: Some(text), ..UserFilter::default() })
}

fn cursor_after(models: &Models, name: &str) -> Cursor<User> {
    Cursor::after(&models.run(|conn| User::find_by_username(conn, name)).expect("a user"))
}

#[test]
fn users_come_page_by_page_oldest_first() {
    let models = Models::new();
    let mut expected = vec![models.user("admin"), models.ann()];
    expected.extend(["bob", "cem"].map(|name| models.add_user(name)));
    for size in [1, 2, 3] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let none = UserFilter::default();
            let page = models.run(|conn| User::page(conn, none, after, PageSize::of(size)));
            assert!(page.rows.len() <= size as usize);
            found.extend(page.rows.iter().map(|user| user.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "{size} a page");
    }
    let last = Some(cursor_after(&models, "cem"));
    let beyond = models.run(|conn| User::page(conn, UserFilter::default(), last, PageSize::of(1)));
    assert!(beyond.rows.is_empty() && beyond.next.is_none());
    let exact = models.run(|conn| User::page(conn, UserFilter::default(), None, PageSize::of(4)));
    assert_eq!((exact.rows.len(), exact.next), (4, None));
}

#[test]
fn a_page_has_at_least_one_row_and_at_most_500() {
    assert_eq!(PageSize::of(0).rows(), 1);
    assert_eq!(PageSize::of(500).rows(), 500);
    assert_eq!(PageSize::of(u32::MAX).rows(), PageSize::MAX);
    assert_eq!(PageSize::default().rows(), 50);
    let models = Models::new();
    let page = models.run(|conn| User::page(conn, UserFilter::default(), None, PageSize::of(0)));
    assert_eq!((page.rows.len(), page.next), (1, Some(cursor_after(&models, "admin"))));
}

#[test]
fn every_filter_works_alone_and_with_every_other() {
    type Case = (Option<RoleId>, Option<bool>, Option<&'static str>, &'static [&'static str]);
    let models = Models::new();
    let (user, operator) = (models.role("user"), models.role("operator"));
    for (name, role, active) in [
        ("tom.user", user, true),
        ("tom.shut", user, false),
        ("tom.operator", operator, true),
        ("tom.both", operator, false),
        ("ida.both", operator, false),
    ] {
        let id = models.add_user(name);
        models.run(|conn| User::set_role(conn, id, role, None));
        models.run(|conn| User::set_active(conn, id, active, None));
    }
    let cases: [Case; 9] = [
        (Some(user), None, None, &["ann", "tom.user", "tom.shut"]),
        (None, Some(false), None, &["tom.shut", "tom.both", "ida.both"]),
        (None, Some(true), None, &["admin", "ann", "tom.user", "tom.operator"]),
        (None, None, Some("tom"), &["tom.user", "tom.shut", "tom.operator", "tom.both"]),
        (Some(operator), Some(false), None, &["tom.both", "ida.both"]),
        (Some(user), None, Some("tom"), &["tom.user", "tom.shut"]),
        (None, Some(false), Some("both"), &["tom.both", "ida.both"]),
        (Some(operator), Some(true), Some("tom"), &["tom.operator"]),
        (Some(RoleId(99)), Some(true), Some("tom"), &[]),
    ];
    for (role_id, is_active, text, expected) in cases {
        let filter = UserFilter { role_id, is_active, text };
        assert_eq!(names(&models, filter), expected, "{filter:?}");
    }
}

#[test]
fn a_filtered_list_continues_where_its_page_ended() {
    let models = Models::new();
    let [bob, _, cem] = ["bob", "dee", "cem"].map(|name| models.add_user(name));
    let role_id = Some(models.role("user"));
    models.run(|conn| User::set_active(conn, bob, false, None));
    models.run(|conn| User::set_active(conn, cem, false, None));
    let filter = UserFilter { role_id, is_active: Some(false), text: Some("@") };
    let first = models.run(|conn| User::page(conn, filter, None, PageSize::of(1)));
    assert_eq!((first.rows.len(), first.next), (1, Some(cursor_after(&models, "bob"))));
    let second = models.run(|conn| User::page(conn, filter, first.next, PageSize::of(1)));
    assert_eq!(second.rows.iter().map(|user| user.id).collect::<Vec<_>>(), [cem]);
    assert_eq!(second.next, None);
}

#[test]
fn a_text_is_found_anywhere_in_name_or_address_whatever_its_case() {
    let models = Models::new();
    assert_eq!(with_text(&models, "NN@Example"), ["ann"]);
    assert_eq!(with_text(&models, "Ann"), ["ann"]);
    assert_eq!(with_text(&models, "example.org"), ["ann"]);
    assert_eq!(with_text(&models, ""), ["admin", "ann"]);
    assert_eq!(with_text(&models, " ann"), Vec::<String>::new());
    assert_eq!(with_text(&models, "annn"), Vec::<String>::new());
}

#[test]
fn what_like_takes_for_more_than_a_character_is_a_character() {
    let models = Models::new();
    for name in ["a_b", "axb", "a%b", r"a\b", r"a\_b", "a*b", "a?b", "a[b"] {
        models.add_user(name);
    }
    for (text, expected) in [
        ("a_b", &["a_b"][..]),
        ("_", &["a_b", r"a\_b"]),
        ("%", &["a%b"]),
        (r"\", &[r"a\b", r"a\_b"]),
        (r"\_", &[r"a\_b"]),
        (r"\%", &[]),
        ("*", &["a*b"]),
        ("?", &["a?b"]),
        ("[", &["a[b"]),
        ("a%", &["a%b"]),
    ] {
        assert_eq!(with_text(&models, text), expected, "{text}");
    }
}

#[test]
fn a_text_beyond_ascii_is_found_whatever_its_case() {
    let models = Models::new();
    for name in ["jürgen", "ωμέγα", "漢字", "🦀"] {
        models.add_user(name);
    }
    for (text, expected) in [
        ("ÜRG", "jürgen"),
        ("ΜΈΓ", "ωμέγα"),
        ("字", "漢字"),
        ("🦀", "🦀"),
        ("ürgen@EXAMPLE", "jürgen"),
    ] {
        assert_eq!(with_text(&models, text), [expected], "{text}");
    }
    assert_eq!(with_text(&models, "jurgen"), Vec::<String>::new());
}

#[test]
fn a_text_longer_than_any_name_is_found_nowhere() {
    let models = Models::new();
    assert_eq!(with_text(&models, &"a".repeat(60_000)), Vec::<String>::new());
}

#[test]
fn administrators_are_active_and_of_an_administrative_role() {
    let models = Models::new();
    let admin = models.user("admin");
    let listed = |models: &Models| {
        let users = models.run(|conn| User::list_administrators(conn));
        users.into_iter().map(|user| user.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(&models), [admin]);
    let bob = models.add_user("bob");
    let (administrator, operator) = (models.role("administrator"), models.role("operator"));
    models.run(|conn| User::set_role(conn, bob, administrator, None));
    assert_eq!(listed(&models), [admin, bob]);
    models.run(|conn| User::set_active(conn, admin, false, None));
    assert_eq!(listed(&models), [bob]);
    models.run(|conn| User::set_role(conn, bob, operator, None));
    assert_eq!(listed(&models), Vec::<UserId>::new());
    let root = NewRole::builder().name("root").is_superuser(true).build();
    let root = models.run(|conn| root.insert(conn)).id;
    models.run(|conn| User::set_role(conn, bob, root, None));
    assert_eq!(listed(&models), [bob]);
}

#[test]
fn a_number_in_metadata_is_what_was_written() {
    let models = Models::new();
    let (id, metadata) = (models.ann(), json_text(json!(2.368_668_597_294_336_6e99)));
    let changes = UserChanges { metadata: Some(metadata.clone()), ..UserChanges::default() };
    assert_eq!(models.run(|conn| changes.update(conn, id)).metadata, metadata);
}

#[test]
fn another_address_has_yet_to_be_verified() {
    let models = Models::new();
    let ann = models.ann();
    let now = UtcTime::now();
    let update = |changes: UserChanges<'_>| {
        let user = models.run(|conn| changes.update(conn, ann));
        (user.is_verified, user.email_verified_at)
    };
    let verified = UserChanges {
        is_verified: Some(true),
        email_verified_at: Some(Some(now)),
        ..UserChanges::default()
    };
    assert_eq!(update(verified.clone()), (true, Some(now)));
    let email = |email: &str| UserChanges {
        email: Some(email.parse().expect("an address")),
        ..UserChanges::default()
    };
    // The same one again, and a change of something else.
    assert_eq!(update(email("ann@example.org")), (true, Some(now)));
    assert_eq!(
        update(UserChanges { locale: Some("de"), ..UserChanges::default() }),
        (true, Some(now))
    );
    assert_eq!(update(email("anne@example.org")), (false, None));
    let both = UserChanges { email: "ann@example.org".parse().ok(), ..verified };
    assert_eq!(update(both), (true, Some(now)));
}
