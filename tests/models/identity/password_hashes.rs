//! Password hashes: which text is one, and which algorithm it names.

use zenith_db::prelude::*;
use zenith_db::schema::{password_history, users};
use zenith_db::types::{NotPasswordHash, NotVerified};

use crate::support::Fixture;

fn parse(text: &str) -> Result<PasswordHash, NotPasswordHash> {
    let parsed = text.parse::<PasswordHash>();
    assert_eq!(parsed, PasswordHash::try_from(text.to_owned()));
    parsed
}

fn bcrypt(prefix: &str) -> String {
    format!("{prefix}{}", "./Az09".repeat(9).get(..53).expect("enough"))
}

#[test]
fn a_hash_of_argon2id_is_a_phc_string() {
    for text in [
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        "$argon2id$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        "$argon2id$v=19$c2FsdHNhbHQ$aGFzaGhhc2g",
        "$argon2id$c2FsdHNhbHQ$aGFzaGhhc2g",
        "$argon2id$v=19$m=1,t=1,p=1,keyid=a+b/c,data=x.y-z$+/+/$++",
    ] {
        let hash = parse(text).expect(text);
        assert_eq!(hash.expose(), text);
        assert_eq!(hash.algorithm(), Some(PasswordAlgorithm::Argon2id));
    }
    for (text, fault) in [
        ("", NotPasswordHash::Algorithm),
        ("$", NotPasswordHash::Algorithm),
        ("correct horse", NotPasswordHash::Algorithm),
        ("$hunter2", NotPasswordHash::Algorithm),
        ("argon2id$v=19$m=1$c2FsdA$aGFzaA", NotPasswordHash::Algorithm),
        ("argon2id:$argon2id$v=19$m=1$c2FsdA$aGFzaA", NotPasswordHash::Algorithm),
        ("$Argon2id$v=19$m=1$c2FsdA$aGFzaA", NotPasswordHash::Algorithm),
        // The column cannot name them.
        ("$argon2i$v=19$m=1$c2FsdA$aGFzaA", NotPasswordHash::Algorithm),
        ("$scrypt$ln=16,r=8,p=1$c2FsdA$aGFzaA", NotPasswordHash::Algorithm),
        ("$argon2id$v=$m=1$c2FsdA$aGFzaA", NotPasswordHash::Version),
        ("$argon2id$v=x$m=1$c2FsdA$aGFzaA", NotPasswordHash::Version),
        ("$argon2id$v=19$m=1,$c2FsdA$aGFzaA", NotPasswordHash::Parameters),
        ("$argon2id$v=19$m=$c2FsdA$aGFzaA", NotPasswordHash::Parameters),
        ("$argon2id$v=19$=1$c2FsdA$aGFzaA", NotPasswordHash::Parameters),
        ("$argon2id$v=19$M=1$c2FsdA$aGFzaA", NotPasswordHash::Parameters),
        ("$argon2id$v=19$m=1=2$c2FsdA$aGFzaA", NotPasswordHash::Parameters),
        ("$argon2id$v=19$m=1 t=1$c2FsdA$aGFzaA", NotPasswordHash::Parameters),
        ("$argon2id$v=19$c2FsdA==$aGFzaA", NotPasswordHash::Parameters),
        ("$argon2id$", NotPasswordHash::Salt),
        ("$argon2id$v=19$m=1", NotPasswordHash::Salt),
        ("$argon2id$v=19$m=1$$aGFzaA", NotPasswordHash::Salt),
        ("$argon2id$v=19$m=1$c2FsdA==$aGFzaA", NotPasswordHash::Salt),
        ("$argon2id$v=19$m=1$c2Fsd$aGFzaA", NotPasswordHash::Salt),
        ("$argon2id$v=19$m=1$c2 sdA$aGFzaA", NotPasswordHash::Salt),
        ("$argon2id$v=19$m=1$c2FsdA", NotPasswordHash::Hash),
        ("$argon2id$v=19$m=1$c2FsdA$", NotPasswordHash::Hash),
        ("$argon2id$v=19$m=1$c2FsdA$aGF-aA", NotPasswordHash::Hash),
        ("$argon2id$v=19$m=1$c2FsdA$aGFzaA==", NotPasswordHash::Hash),
        ("$argon2id$v=19$m=1$c2FsdA$aGFzaA$", NotPasswordHash::Hash),
        ("$argon2id$v=19$m=1$c2FsdA$aGFzaA\n", NotPasswordHash::Hash),
    ] {
        assert_eq!(parse(text), Err(fault), "{text:?}");
    }
    let of = |length: usize| format!("$argon2id$m=1$c2FsdA${}", "h".repeat(length - 21));
    assert_eq!(of(255).len(), 255);
    assert_eq!(parse(&of(256)), Err(NotPasswordHash::Length));
    assert!(parse(&of(255)).is_ok());
}

#[test]
fn a_hash_of_bcrypt_has_60_characters() {
    for prefix in ["$2a$04$", "$2b$12$", "$2x$31$", "$2y$10$"] {
        let hash = parse(&bcrypt(prefix)).expect(prefix);
        assert_eq!(hash.algorithm(), Some(PasswordAlgorithm::Bcrypt));
        assert_eq!(hash.verify(&"anything".into()), Err(NotVerified::Unsupported));
    }
    for prefix in ["$2b$03$", "$2b$32$", "$2b$4$", "$2b$004$", "$2b$+4$", "$2b$$", "$2b$"] {
        assert_eq!(parse(&bcrypt(prefix)), Err(NotPasswordHash::Bcrypt), "{prefix}");
    }
    for prefix in ["$2$12$", "$2c$12$", "2b$12$", "bcrypt:$2b$12$"] {
        assert_eq!(parse(&bcrypt(prefix)), Err(NotPasswordHash::Algorithm), "{prefix}");
    }
    let whole = bcrypt("$2b$12$");
    let short = whole.get(..59).expect("enough");
    for text in [short, &format!("{whole}A"), &format!("{short}-"), &format!("{short}$")] {
        assert_eq!(parse(text), Err(NotPasswordHash::Bcrypt), "{text}");
    }
}

#[test]
fn a_password_is_verified_by_its_own_hash() {
    let password = "correct horse battery staple".into();
    let (one, other) = (PasswordHash::hash(&password), PasswordHash::hash(&password));
    let (one, other) = (one.expect("a hash"), other.expect("a hash"));
    assert_ne!(one.expose(), other.expose(), "each has a salt of its own");
    assert_eq!(parse(one.expose()), Ok(one.clone()));
    assert_eq!((one.verify(&password), other.verify(&password)), (Ok(()), Ok(())));
    for wrong in ["", "correct horse battery staple ", "Correct horse battery staple"] {
        assert_eq!(one.verify(&wrong.into()), Err(NotVerified::WrongPassword), "{wrong:?}");
    }
    // In the form of one, with parameters that Argon2 does not allow.
    let impossible = parse("$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo");
    let impossible = impossible.expect("a hash");
    assert_eq!(impossible.verify(&password), Err(NotVerified::Unsupported));
}

#[test]
fn an_error_does_not_repeat_the_hash() {
    for text in ["$hunter2", "$hunter2$", "$2b$hunter2", "$argon2id$hunter2", "$argon2id$v=hunter2"]
    {
        let fault = parse(text).expect_err(text);
        assert!(!format!("{fault} {fault:?}").contains("hunter2"), "{fault}");
    }
}

#[test]
fn the_database_refuses_what_is_too_long_or_begins_otherwise() {
    let fixture = Fixture::created();
    fixture.sql(
        "INSERT INTO password_history (user_id, password_hash, password_algorithm)
         SELECT id, password_hash, password_algorithm FROM users",
    );
    let database = fixture.database();
    let broken = |table: &str, value: &str| {
        use diesel::prelude::*;
        let update = format!("UPDATE {table} SET password_hash = '{value}'");
        let error = database.write(|conn| {
            let update = diesel::sql_query(update);
            Ok(zenith_db::dispatch!(conn, |conn| update.execute(conn)).map(drop)?)
        });
        let error = error.expect_err(value);
        let violation = error.violation().expect("a violation");
        assert!(
            violation.concerns(users::password_hash)
                || violation.concerns(password_history::password_hash)
        );
        violation.rule()
    };
    for table in ["users", "password_history"] {
        assert_eq!(broken(table, "correct horse"), Rule::Check);
        assert_eq!(broken(table, &format!("${}", "x".repeat(255))), Rule::Length);
    }
}
