//! What is secret about users: credentials and former passwords, and that they stay secret.

use diesel::prelude::*;
use zenith_db::Error;
use zenith_db::dispatch;
use zenith_db::prelude::*;
use zenith_db::schema::{password_history, users};
use zenith_db::types::NotVerified;

use crate::support::models::Models;

const NOBODY: UserId = UserId(4711);

fn hash(text: &str) -> PasswordHash {
    format!("$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHQ${text}").parse().expect("a hash")
}

fn bcrypt() -> PasswordHash {
    format!("$2b$12${}", "a".repeat(53)).parse().expect("a hash")
}

fn is_missing(error: &Error) -> bool {
    matches!(error, Error::NotFound { table: "users", key } if key == "id 4711")
}

fn credentials(models: &Models, user: UserId) -> UserCredentials {
    models.run(|conn| UserCredentials::find(conn, user)).expect("a user's")
}

fn remember(models: &Models, user_id: UserId, hash: &PasswordHash) -> PasswordRecord {
    let new = NewPasswordRecord::builder().user_id(user_id).password_hash(hash).build();
    models.run(|conn| new.insert(conn))
}

#[test]
fn credentials_are_those_of_the_user() {
    let models = Models::new();
    let found = credentials(&models, models.ann());
    assert_eq!(found.id, models.ann());
    assert!(found.password_hash.expose().starts_with("$argon2id$"));
    assert_ne!(found.password_hash, credentials(&models, models.user("admin")).password_hash);
    assert_eq!(found.password_algorithm, PasswordAlgorithm::Argon2id);
    assert!(found.is_active && !found.two_factor_enabled);
    assert_eq!(
        (found.locked_until, found.two_factor_secret, found.backup_codes),
        (None, None, None)
    );
    assert!(models.run(|conn| UserCredentials::find(conn, NOBODY)).is_none());
}

#[test]
fn a_new_password_ends_what_came_of_the_old_one() {
    let models = Models::new();
    let (ann, admin) = (models.ann(), models.user("admin"));
    let (start, later) = (UtcTime::now(), UtcTime::now().plus_seconds(3600));
    // Lock-out writes these columns, and it is not of this layer.
    let locked = (
        users::failed_login_attempts.eq(5),
        users::locked_until.eq(later),
        users::must_change_password.eq(true),
    );
    models.run(|conn| {
        dispatch!(conn, |conn| diesel::update(users::table)
            .filter(users::id.eq_any([ann, admin]))
            .set(locked)
            .execute(conn))?;
        Ok(())
    });
    assert_eq!(credentials(&models, ann).locked_until, Some(later));
    let new = bcrypt();
    models.run(|conn| UserCredentials::set_password(conn, ann, &new, Some(later)));
    let found = credentials(&models, ann);
    assert_eq!((found.password_hash, found.password_algorithm), (new, PasswordAlgorithm::Bcrypt));
    assert_eq!(found.locked_until, None);
    let user = models.run(|conn| User::find(conn, ann)).expect("ann");
    assert_eq!((user.failed_login_attempts, user.must_change_password), (0, false));
    assert_eq!((user.locked_until, user.password_expires_at), (None, Some(later)));
    assert!(user.last_password_change >= start && user.updated_at >= start);

    models.run(|conn| UserCredentials::set_password(conn, ann, &hash("bb"), None));
    assert_eq!(credentials(&models, ann).password_algorithm, PasswordAlgorithm::Argon2id);
    let user = models.run(|conn| User::find(conn, ann)).expect("ann");
    assert_eq!(user.password_expires_at, None);
    let other = models.run(|conn| User::find(conn, admin)).expect("admin");
    assert_eq!((other.failed_login_attempts, other.must_change_password), (5, true));
    assert_eq!(other.locked_until, Some(later));
}

#[test]
fn nobody_gets_no_password() {
    let models = Models::new();
    let set = |conn: &mut Writer<'_>| UserCredentials::set_password(conn, NOBODY, &bcrypt(), None);
    assert!(is_missing(&models.fails(set)));
}

/// Stores a hash of an algorithm that no [`PasswordHash`] names, which the database cannot tell, as another program
/// might.
fn store_foreign(models: &Models, user: UserId) -> &'static str {
    const SCRYPT: &str =
        "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBs";
    let update = format!("UPDATE users SET password_hash = '{SCRYPT}' WHERE id = {user}");
    models.fixture().sql(&update);
    SCRYPT
}

#[test]
fn a_hash_that_another_program_wrote_is_read_and_not_verified() {
    let models = Models::new();
    let ann = models.ann();
    let stored = store_foreign(&models, ann);
    let found = credentials(&models, ann).password_hash;
    assert_eq!((found.expose(), found.algorithm()), (stored, None));
    assert_eq!(found.verify(&"correct horse".into()), Err(NotVerified::Unsupported));
}

#[test]
fn a_hash_without_an_algorithm_is_not_stored_again() {
    let models = Models::new();
    let ann = models.ann();
    store_foreign(&models, ann);
    let foreign = credentials(&models, ann).password_hash;
    let set = |conn: &mut Writer<'_>| UserCredentials::set_password(conn, ann, &foreign, None);
    models.violates(Rule::Check, users::password_algorithm, set);
    let record = NewPasswordRecord { user_id: ann, password_hash: &foreign };
    let column = password_history::password_algorithm;
    models.violates(Rule::Check, column, |conn| record.insert(conn));
    let user = NewUser::builder()
        .username("bob".parse().expect("a name"))
        .email("bob@example.org".parse().expect("an address"))
        .password_hash(foreign.clone())
        .role_id(models.role("user"))
        .build();
    models.violates(Rule::Check, users::password_algorithm, |conn| user.insert(conn));
}

#[test]
fn a_second_factor_is_turned_on_and_off() {
    let models = Models::new();
    let ann = models.ann();
    let secret = TwoFactorSecret::new("ö".repeat(255));
    let codes = BackupCodes::from_hashes(&[Sha256Hash::of("a"), Sha256Hash::of("b")]);
    let start = UtcTime::now();
    models.run(|conn| UserCredentials::set_two_factor(conn, ann, Some((&secret, &codes))));
    let on = credentials(&models, ann);
    assert!(on.two_factor_enabled);
    assert_eq!((on.two_factor_secret, on.backup_codes), (Some(secret), Some(codes)));
    let user = models.run(|conn| User::find(conn, ann)).expect("ann");
    assert!(user.two_factor_enabled && user.updated_at >= start);

    models.run(|conn| UserCredentials::set_two_factor(conn, ann, None));
    let off = credentials(&models, ann);
    assert!(!off.two_factor_enabled);
    assert_eq!((off.two_factor_secret, off.backup_codes), (None, None));
}

#[test]
fn backup_codes_are_json_that_reads_back() {
    let hashes = [Sha256Hash::of("a"), Sha256Hash::of("b")];
    for hashes in [&hashes[..0], &hashes[..1], &hashes[..]] {
        let codes = BackupCodes::from_hashes(hashes);
        let read: Vec<Sha256Hash> = serde_json::from_str(codes.expose()).expect("JSON");
        assert_eq!(read, hashes);
    }
}

#[test]
fn a_second_factor_is_refused_that_is_empty_too_long_or_nobodys() {
    let models = Models::new();
    let ann = models.ann();
    let set = |user, secret: &str| {
        let (secret, codes) = (TwoFactorSecret::new(secret.into()), BackupCodes::from_hashes(&[]));
        move |conn: &mut Writer<'_>| {
            UserCredentials::set_two_factor(conn, user, Some((&secret, &codes)))
        }
    };
    for secret in ["", "a\0", &"x".repeat(256)] {
        models.violates(Rule::Length, users::two_factor_secret, set(ann, secret));
    }
    assert!(is_missing(&models.fails(set(NOBODY, "secret"))));
    assert!(is_missing(&models.fails(|conn| UserCredentials::set_two_factor(conn, NOBODY, None))));
    assert!(!credentials(&models, ann).two_factor_enabled);
}

#[test]
fn former_passwords_come_newest_first_and_as_many_as_asked_for() {
    let models = Models::new();
    let (ann, admin) = (models.ann(), models.user("admin"));
    let last = |user, count| models.run(|conn| PasswordRecord::list_last(conn, user, count));
    assert_eq!(last(ann, 5), []);
    let mut records = Vec::new();
    for text in ["aa", "bb", "cc"] {
        records.insert(0, remember(&models, ann, &hash(text)));
        remember(&models, admin, &hash("others"));
    }
    assert_eq!(records[0].password_hash, hash("cc"));
    assert_eq!(records[0].password_algorithm, PasswordAlgorithm::Argon2id);
    assert_eq!(last(ann, 0), []);
    assert_eq!(last(ann, 1), records[..1]);
    assert_eq!(last(ann, 2), records[..2]);
    assert_eq!(last(ann, u32::MAX), records);
    assert_eq!(last(NOBODY, 5), []);
}

#[test]
fn the_same_password_is_recorded_as_often_as_it_was_set() {
    let models = Models::new();
    let ann = models.ann();
    let bcrypt = bcrypt();
    let new = NewPasswordRecord { user_id: ann, password_hash: &bcrypt };
    let first = models.run(|conn| new.insert(conn));
    let second = models.run(|conn| new.insert(conn));
    assert_eq!(second.password_algorithm, PasswordAlgorithm::Bcrypt);
    assert_eq!(models.run(|conn| PasswordRecord::list_last(conn, ann, 9)), [second, first]);
}

#[test]
fn at_most_500_former_passwords_are_read() {
    let models = Models::new();
    let (ann, hash) = (models.ann(), hash("aa"));
    let new = NewPasswordRecord::builder().user_id(ann).password_hash(&hash).build();
    models.run(|conn| (0..501).try_for_each(|_| new.insert(conn).map(drop)));
    let read = models.run(|conn| PasswordRecord::list_last(conn, ann, u32::MAX));
    assert_eq!(read.len(), 500);
}

#[test]
fn a_former_password_is_somebodys() {
    let models = Models::new();
    let (column, hash) = (password_history::user_id, bcrypt());
    let record = NewPasswordRecord { user_id: NOBODY, password_hash: &hash };
    models.violates(Rule::UnknownReference, column, |conn| record.insert(conn));
}

#[test]
fn former_passwords_go_with_their_user() {
    let models = Models::new();
    let (ann, admin) = (models.ann(), models.user("admin"));
    remember(&models, ann, &hash("aa"));
    let kept = remember(&models, admin, &hash("bb"));
    models.run(|conn| {
        dispatch!(conn, |conn| diesel::delete(users::table.find(ann)).execute(conn))?;
        Ok(())
    });
    assert_eq!(models.run(|conn| PasswordRecord::list_last(conn, ann, 9)), []);
    assert_eq!(models.run(|conn| PasswordRecord::list_last(conn, admin, 9)), [kept]);
}

#[test]
fn nothing_that_is_shown_or_serialised_holds_a_secret() {
    let models = Models::new();
    let ann = models.ann();
    let digest = Sha256Hash::of("code");
    let password = hash("c2VjcmV0");
    let (secret, codes) =
        (TwoFactorSecret::new("JBSWY3DP".into()), BackupCodes::from_hashes(&[digest]));
    models.run(|conn| UserCredentials::set_password(conn, ann, &password, None));
    models.run(|conn| UserCredentials::set_two_factor(conn, ann, Some((&secret, &codes))));
    let user = models.run(|conn| User::find(conn, ann)).expect("ann");
    let record = NewPasswordRecord::builder().user_id(ann).password_hash(&password).build();
    let new = NewUser::builder()
        .username("bob".parse().expect("a name"))
        .email("bob@example.org".parse().expect("an address"))
        .password_hash(password.clone())
        .role_id(user.role_id)
        .build();
    let shown = [
        format!("{:?}", credentials(&models, ann)),
        format!("{:#?}", credentials(&models, ann)),
        format!("{record:?}"),
        format!("{:?}", remember(&models, ann, &password)),
        format!("{new:?}"),
        format!("{user:?}"),
        serde_json::to_string(&user).expect("JSON"),
    ];
    for text in shown {
        for secret in ["c2VjcmV0", "$argon2id", "JBSWY3DP", &digest.to_string()] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    let fields = serde_json::to_value(&user).expect("JSON");
    for column in ["password_hash", "two_factor_secret", "backup_codes"] {
        assert!(fields.get(column).is_none(), "{column}");
    }
    assert_eq!(fields["username"], "ann");
    let read: User = serde_json::from_value(fields).expect("a user");
    assert_eq!(read, user);
}

#[test]
fn a_statement_that_fails_does_not_tell_the_secret_it_was_given() {
    let models = Models::new();
    let ann = models.ann();
    let (secret, codes) =
        (TwoFactorSecret::new("JBSWY3DP".repeat(40)), BackupCodes::from_hashes(&[]));
    let error =
        models.fails(|conn| UserCredentials::set_two_factor(conn, ann, Some((&secret, &codes))));
    let told = format!("{error} {error:?}");
    assert!(!told.contains("JBSWY3DP"), "{told}");
}
