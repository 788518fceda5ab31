//! API keys: made, used, listed and revoked.

use diesel::prelude::*;
use serde_json::json;
use zenith_db::Error;
use zenith_db::dispatch;
use zenith_db::prelude::*;
use zenith_db::schema::{api_keys, users};

use crate::support::json_text;
use crate::support::models::Models;

const NOBODY: UserId = UserId(4711);

/// A key that never ends, for a test to insert or to spoil.
fn valid<'a>(user_id: UserId, key: &str) -> NewApiKey<'a> {
    NewApiKey::builder()
        .user_id(user_id)
        .name("backup script")
        .key(&key.into())
        .key_prefix("zk_12345")
        .build()
}

fn add(models: &Models, user: UserId, key: &str) -> ApiKey {
    models.run(|conn| valid(user, key).insert(conn))
}

fn live(models: &Models, key: &str, now: UtcTime) -> Option<ApiKey> {
    models.run(|conn| ApiKey::find_live(conn, &key.into(), now))
}

fn keys(models: &Models, user: UserId) -> Vec<ApiKey> {
    models.run(|conn| ApiKey::page_for_user(conn, user, None, PageSize::default())).rows
}

/// A microsecond, the least step of time.
fn just_before(time: UtcTime) -> UtcTime {
    (time.as_datetime() - std::time::Duration::from_micros(1)).into()
}

#[test]
fn a_key_has_what_was_given_and_the_defaults_for_the_rest() {
    let models = Models::new();
    let (ann, admin) = (models.ann(), models.user("admin"));
    let bare = add(&models, ann, "k");
    assert_eq!((bare.user_id, bare.name.as_str()), (ann, "backup script"));
    assert_eq!((bare.key_prefix.as_str(), &bare.scopes), ("zk_12345", &JsonText::empty_list()));
    assert_eq!((bare.last_used_at, bare.usage_count, bare.is_active), (None, 0, true));
    assert_eq!((bare.expires_at, bare.created_by), (None, None));
    assert_eq!((bare.revoked_at, bare.revoked_by), (None, None));
    assert_eq!(bare.metadata, json_text(json!({})));
    let new = NewApiKey {
        scopes: ["chat", "größe \"quoted\""].iter().collect(),
        expires_at: Some(UtcTime::MAX),
        created_by: Some(admin),
        ..valid(ann, "l")
    };
    let full = models.run(|conn| new.insert(conn));
    assert_eq!((full.key_id, full.scopes.clone()), (new.key_id, new.scopes));
    assert_eq!((full.expires_at, full.created_by), (Some(UtcTime::MAX), Some(admin)));
    assert_eq!(keys(&models, ann), [bare, full]);
}

#[test]
fn a_key_is_refused_that_breaks_a_rule() {
    let models = Models::new();
    let ann = models.ann();
    let first = valid(ann, "k");
    models.run(|conn| first.insert(conn));
    let base = valid(ann, "l");
    let long = "ß".repeat(101);
    let of = |length: usize| long.get(..2 * length).expect("two bytes each");
    let named = |name| NewApiKey { name, ..base.clone() };
    let begun = |key_prefix| NewApiKey { key_prefix, ..base.clone() };
    for text in ["", of(101), "a\0"] {
        models.violates(Rule::Length, api_keys::name, |conn| named(text).insert(conn));
    }
    for text in ["", of(11), "a\0"] {
        models.violates(Rule::Length, api_keys::key_prefix, |conn| begun(text).insert(conn));
    }
    let same = NewApiKey { key_id: first.key_id, ..base.clone() };
    models.violates(Rule::Duplicate, api_keys::key_id, |conn| same.insert(conn));
    // Nor for another user: a key is found by its hash alone.
    let other = valid(models.user("admin"), "k");
    models.violates(Rule::Duplicate, api_keys::key_hash, |conn| other.insert(conn));
    let unknown = Rule::UnknownReference;
    let nobody = valid(NOBODY, "l");
    models.violates(unknown, api_keys::user_id, |conn| nobody.insert(conn));
    let by = NewApiKey { created_by: Some(NOBODY), ..base.clone() };
    models.violates(unknown, api_keys::created_by, |conn| by.insert(conn));

    let limits = NewApiKey { name: of(100), key_prefix: of(10), ..base };
    let key = models.run(|conn| limits.insert(conn));
    assert_eq!((key.name.as_str(), key.key_prefix.as_str()), (of(100), of(10)));
}

/// A key that ends before it is made.
fn over(user: UserId) -> NewApiKey<'static> {
    NewApiKey { expires_at: Some(UtcTime::now().minus_seconds(3600)), ..valid(user, "k") }
}

#[test]
fn a_key_does_not_end_before_it_begins() {
    let models = Models::new();
    let new = over(models.ann());
    let error = models.fails(|conn| new.insert(conn));
    let violation = error.violation().expect("a violation");
    assert_eq!(violation.rule(), Rule::Order);
    assert_eq!(violation.constraint(), Some("api_keys_expiry_order"));
}

#[test]
fn an_end_before_the_beginning_says_which() {
    let models = Models::new();
    let new = over(models.ann());
    models.violates(Rule::Order, api_keys::expires_at, |conn| new.insert(conn));
}

#[test]
fn a_key_lives_until_the_moment_it_ends() {
    let models = Models::new();
    let ann = models.ann();
    let end = UtcTime::now().plus_seconds(3600);
    let ending = NewApiKey { expires_at: Some(end), ..valid(ann, "ending") };
    let ending = models.run(|conn| ending.insert(conn));
    let endless = add(&models, ann, "endless");
    assert_eq!(live(&models, "ending", just_before(end)), Some(ending));
    assert_eq!(live(&models, "ending", end), None);
    assert_eq!(live(&models, "ending", UtcTime::MAX), None);
    assert_eq!(live(&models, "endless", UtcTime::MAX), Some(endless));
}

/// A key that ends at this time, which is written as in JSON; and when it does, once stored.
fn ending(models: &Models, end: &str) -> (UtcTime, Option<UtcTime>) {
    let end: UtcTime = serde_json::from_value(json!(end)).expect("a time");
    let new = NewApiKey { expires_at: Some(end), ..valid(models.ann(), "k") };
    (end, models.run(|conn| new.insert(conn)).expires_at)
}

#[test]
fn an_end_is_kept_to_the_microsecond() {
    let models = Models::new();
    let (given, stored) = ending(&models, "2262-01-01T01:00:00.123456789+01:00");
    assert_eq!(given.to_string(), "2262-01-01 00:00:00.123456");
    assert_eq!(stored, Some(given));
}

#[test]
fn an_end_far_off_is_kept_to_the_microsecond() {
    let models = Models::new();
    let (given, stored) = ending(&models, "2263-01-01T00:00:00.123456789Z");
    assert_eq!(stored, Some(given));
}

#[test]
fn an_end_in_a_leap_second_is_kept() {
    let models = Models::new();
    let (given, stored) = ending(&models, "2036-12-31T23:59:60.5Z");
    assert_eq!(stored, Some(given));
}

#[test]
fn only_the_exact_key_is_found() {
    let models = Models::new();
    let (key, now) = (add(&models, models.ann(), "key"), UtcTime::now());
    for text in ["", "Key", "key ", "zk_12345", &Sha256Hash::of("key").to_string()] {
        assert_eq!(live(&models, text, now), None, "{text:?}");
    }
    assert_eq!(live(&models, "key", now), Some(key));
}

#[test]
fn a_use_is_counted_once_a_minute() {
    let models = Models::new();
    let ann = models.ann();
    let (key, other) = (add(&models, ann, "k"), add(&models, ann, "l"));
    let start = UtcTime::now();
    let use_at = |now| models.run(|conn| ApiKey::record_use(conn, key.id, now));
    let counted = || {
        let key = keys(&models, ann).swap_remove(0);
        (key.last_used_at, key.usage_count)
    };
    assert!(use_at(start));
    assert_eq!(counted(), (Some(start), 1));
    assert!(!use_at(start));
    assert!(!use_at(start.plus_seconds(59)));
    assert!(!use_at(just_before(start.plus_seconds(60))));
    assert!(!use_at(start.minus_seconds(3600)), "time that goes back is no use");
    assert_eq!(counted(), (Some(start), 1));
    assert!(use_at(start.plus_seconds(60)));
    assert_eq!(counted(), (Some(start.plus_seconds(60)), 2));
    assert_eq!(keys(&models, ann)[1], other);
    assert!(!models.run(|conn| ApiKey::record_use(conn, ApiKeyId(4711), start)));
}

#[test]
fn a_key_is_revoked_once() {
    let models = Models::new();
    let (ann, admin) = (models.ann(), models.user("admin"));
    let (key, other) = (add(&models, ann, "k"), add(&models, ann, "l"));
    let before = UtcTime::now();
    models.run(|conn| ApiKey::revoke(conn, key.id, Some(admin)));
    assert_eq!(live(&models, "k", before), None);
    let listed = keys(&models, ann);
    assert_eq!((listed[0].is_active, listed[0].revoked_by), (false, Some(admin)));
    assert!(listed[0].revoked_at >= Some(before));
    assert_eq!(listed[1], other);
    // Neither when nor who is overwritten, not even by somebody who is not there.
    for by in [None, Some(ann), Some(NOBODY)] {
        models.run(|conn| ApiKey::revoke(conn, key.id, by));
    }
    assert_eq!(keys(&models, ann), listed);
    models.run(|conn| ApiKey::revoke(conn, other.id, None));
    let last = keys(&models, ann).pop().expect("the other");
    assert_eq!((last.is_active, last.revoked_by, last.revoked_at.is_some()), (false, None, true));
}

#[test]
fn revoking_says_what_is_not_there() {
    let models = Models::new();
    let key = add(&models, models.ann(), "k");
    for by in [None, Some(models.ann()), Some(NOBODY)] {
        let missing = models.fails(|conn| ApiKey::revoke(conn, ApiKeyId(4711), by));
        assert!(matches!(missing, Error::NotFound { table: "api_keys", key } if key == "id 4711"));
    }
    let by = Some(NOBODY);
    let unknown = Rule::UnknownReference;
    models.violates(unknown, api_keys::revoked_by, |conn| ApiKey::revoke(conn, key.id, by));
    assert_eq!(live(&models, "k", key.created_at), Some(key));
}

#[test]
fn keys_come_page_by_page_oldest_first() {
    let models = Models::new();
    let (ann, admin) = (models.ann(), models.user("admin"));
    let expected = ["a", "b", "c", "d"].map(|key| {
        add(&models, admin, &format!("other {key}"));
        add(&models, ann, key).id
    });
    models.run(|conn| ApiKey::revoke(conn, expected[1], None));
    for size in [1, 2, 3, 4] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let size = PageSize::of(size);
            let page = models.run(|conn| ApiKey::page_for_user(conn, ann, after, size));
            found.extend(page.rows.iter().map(|key| key.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "{size} a page");
    }
    assert_eq!(keys(&models, NOBODY), []);
}

#[test]
fn keys_go_with_their_user_and_outlive_who_made_or_revoked_them() {
    let models = Models::new();
    let (ann, bob) = (models.ann(), models.add_user("bob"));
    add(&models, bob, "k");
    let made = NewApiKey { created_by: Some(bob), ..valid(ann, "l") };
    let kept = models.run(|conn| made.insert(conn));
    models.run(|conn| ApiKey::revoke(conn, kept.id, Some(bob)));
    models.run(|conn| {
        dispatch!(conn, |conn| diesel::delete(users::table.find(bob)).execute(conn))?;
        Ok(())
    });
    assert_eq!(keys(&models, bob), []);
    let left = keys(&models, ann);
    assert_eq!((left.len(), left[0].created_by, left[0].revoked_by), (1, None, None));
    assert!(!left[0].is_active && left[0].revoked_at.is_some());
}

#[test]
fn neither_a_key_nor_what_makes_it_shows_the_secret() {
    let models = Models::new();
    let new = valid(models.ann(), "very-secret-key");
    let key = models.run(|conn| new.insert(conn));
    let again = models.fails(|conn| valid(key.user_id, "very-secret-key").insert(conn));
    let shown = [
        format!("{new:?}"),
        format!("{key:?}"),
        format!("{again} {again:?}"),
        serde_json::to_string(&key).expect("JSON"),
    ];
    let hash = Sha256Hash::of("very-secret-key").to_string();
    for text in shown {
        assert!(!text.contains("very-secret-key") && !text.contains(&hash), "{text}");
    }
    let fields = serde_json::to_value(&key).expect("JSON");
    assert!(fields.get("key_hash").is_none());
    let read: ApiKey = serde_json::from_value(fields).expect("a key");
    assert_eq!(read, key);
}

#[test]
fn every_key_of_a_user_is_revoked_at_once() {
    let models = Models::new();
    let (ann, bob) = (models.ann(), models.add_user("bob"));
    let add = |user_id, secret| {
        let new = NewApiKey::builder().user_id(user_id).name("key").key_prefix("zk");
        models.run(|conn| new.key(&ApiKeySecret::from(secret)).build().insert(conn))
    };
    add(ann, "one");
    let second = add(ann, "two");
    add(bob, "three");
    models.run(|conn| ApiKey::revoke(conn, second.id, None));
    assert_eq!(models.run(|conn| ApiKey::revoke_all(conn, ann, Some(bob))), 1);
    assert_eq!(models.run(|conn| ApiKey::revoke_all(conn, ann, Some(bob))), 0);
    let live = |secret| {
        let secret = ApiKeySecret::from(secret);
        models.run(|conn| ApiKey::find_live(conn, &secret, UtcTime::now())).is_some()
    };
    assert_eq!(["one", "two", "three"].map(live), [false, false, true]);
}
