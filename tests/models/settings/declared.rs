//! Settings and preferences that a constant declares.

use serde_json::{Value, json};
use zenith_db::models::SettingText;
use zenith_db::prelude::*;
use zenith_db::schema::user_preferences;
use zenith_db::{Result, SettingFault};

use super::preferences::fault;
use crate::support::models::Models;

const LIMIT: Setting<u32> = Setting::new("LIMIT", 50)
    .rule("range 1..2000")
    .category("documents")
    .description("Size of the largest document, in MiB");
const OFFSET: Setting<i32> = Setting::new("OFFSET", -5);
const RATIO: Setting<f64> = Setting::new("RATIO", 0.5);
const LAYOUT: Setting<Value> = Setting::new("LAYOUT", "{\"columns\": [1, 2]}");
const BROKEN: Setting<Value> = Setting::new("BROKEN", "{");
const BAD_RULE: Setting<bool> = Setting::new("BAD_RULE", true).rule("sometimes");
const BAD_DEFAULT: Setting<u32> = Setting::new("BAD_DEFAULT", 0).rule("range 1..2");
const THEME: Preference<String> =
    Setting::new("theme", "light").rule("one-of light|dark").category("appearance").for_users();
const SMTP_PASSWORD: SecretSetting = SecretSetting::new("SMTP_PASSWORD").category("mail");

fn row(models: &Models, key: &str) -> Option<SystemSetting> {
    models.run(|conn| SystemSetting::find_by_key(conn, key))
}

#[test]
fn the_settings_of_the_seeds_are_read_by_their_constants() {
    let models = Models::new();
    models.run(|conn| {
        assert_eq!(SystemSetting::get(conn, Setting::MAX_LOGIN_ATTEMPTS)?, 5);
        assert_eq!(SystemSetting::get(conn, Setting::SESSION_TIMEOUT)?, 1440);
        assert!(SystemSetting::get(conn, Setting::DATABASE_INITIALIZED)?);
        assert!(SystemSetting::get(conn, Setting::SCHEMA_VERSION)?.starts_with("2026"));
        SystemSetting::set(conn, Setting::MAX_LOGIN_ATTEMPTS, 9, None)?;
        assert_eq!(SystemSetting::get(conn, Setting::MAX_LOGIN_ATTEMPTS)?, 9);
        Ok(())
    });
    let zero = |conn: &mut Writer<'_>| SystemSetting::set(conn, Setting::LOCKOUT_DURATION, 0, None);
    assert!(matches!(fault(models.fails(zero)), SettingFault::BreaksRule { .. }));
    let set = |conn: &mut Writer<'_>| SystemSetting::set(conn, Setting::FIRST_SETUP, true, None);
    assert_eq!(fault(models.fails(set)), SettingFault::ReadOnly);
}

#[test]
fn a_setting_without_a_row_has_its_default_and_gets_the_row_when_it_is_set() {
    let models = Models::new();
    models.run(|conn| {
        assert_eq!(SystemSetting::get(conn, LIMIT)?, 50);
        assert_eq!(SystemSetting::get(conn, OFFSET)?, -5);
        assert_eq!(SystemSetting::get(conn, RATIO)?.to_bits(), 0.5_f64.to_bits());
        assert_eq!(SystemSetting::get(conn, LAYOUT)?, json!({"columns": [1, 2]}));
        Ok(())
    });
    assert_eq!(row(&models, "LIMIT"), None);
    let admin = models.user("admin");
    let made = models.run(|conn| SystemSetting::set(conn, LIMIT, 100, Some(admin)));
    assert_eq!((made.value_type, made.updated_by), (ValueType::Integer, Some(admin)));
    assert_eq!((made.category.as_str(), made.is_user_settable), ("documents", false));
    assert_eq!(made.validation_rule.as_deref(), Some("range 1..2000"));
    assert_eq!(made.description.as_deref(), Some("Size of the largest document, in MiB"));
    assert_eq!(models.run(|conn| SystemSetting::get(conn, LIMIT)), 100);
    models.run(|conn| SystemSetting::set(conn, LAYOUT, &json!([]), None));
    assert_eq!(models.run(|conn| SystemSetting::get(conn, LAYOUT)), json!([]));
}

/// Does what must fail, in a savepoint on a server, whose transaction is committed, and returns the fault.
fn fault_within<T>(
    models: &Models,
    work: impl FnOnce(&mut Writer<'_>) -> Result<T>,
) -> SettingFault {
    models.run(|conn| match conn.write(work) {
        Ok(_) => panic!("this fails"),
        Err(error) => Ok(fault(error)),
    })
}

#[test]
fn what_a_declaration_gets_wrong_is_said_and_leaves_no_row() {
    let models = Models::new();
    let broken = fault(models.fails(|conn| SystemSetting::get(conn, BROKEN)));
    assert!(matches!(broken, SettingFault::NotOfType { value_type: ValueType::Json, .. }));
    let broken = fault_within(&models, |conn| SystemSetting::declare(conn, BROKEN));
    assert!(matches!(broken, SettingFault::NotOfType { .. }));
    let bad = fault_within(&models, |conn| SystemSetting::set(conn, BAD_RULE, false, None));
    assert!(matches!(bad, SettingFault::BadRule { .. }));
    let bad = fault_within(&models, |conn| SystemSetting::declare(conn, BAD_DEFAULT));
    assert!(matches!(bad, SettingFault::BreaksRule { .. }));
    for key in ["BROKEN", "BAD_RULE", "BAD_DEFAULT"] {
        assert_eq!(row(&models, key), None, "{key}");
    }
    assert_eq!(
        models.run(|conn| SystemSetting::set(conn, BAD_DEFAULT, 1, None)).key,
        "BAD_DEFAULT"
    );
}

#[test]
fn a_value_that_is_refused_leaves_no_row_even_if_the_transaction_goes_on() {
    let models = Models::new();
    models.run(|conn| {
        for value in [0, 2001] {
            // Not in a savepoint: nothing has been sent to the database.
            let refused = SystemSetting::set(conn, LIMIT, value, None).expect_err("out of range");
            assert!(matches!(fault(refused), SettingFault::BreaksRule { .. }));
        }
        Ok(())
    });
    let nobody = Some(UserId(4711));
    models.run(|conn| {
        let refused = conn.write(|conn| SystemSetting::set(conn, LIMIT, 5, nobody));
        assert!(refused.is_err_and(|error| error.violation().is_some()));
        let refused =
            conn.write(|conn| SystemSetting::set_secret(conn, SMTP_PASSWORD, None, nobody));
        assert!(refused.is_err_and(|error| error.violation().is_some()));
        Ok(())
    });
    assert_eq!((row(&models, "LIMIT"), row(&models, "SMTP_PASSWORD")), (None, None));
}

#[test]
fn declaring_inserts_the_row_once_and_keeps_what_an_administrator_has_changed() {
    let models = Models::new();
    assert!(models.run(|conn| SystemSetting::declare(conn, LIMIT)));
    models.run(|conn| SystemSetting::set(conn, LIMIT, 70, None));
    let kept = row(&models, "LIMIT");
    assert!(!models.run(|conn| SystemSetting::declare(conn, LIMIT)));
    assert_eq!(row(&models, "LIMIT"), kept);
    assert!(!models.run(|conn| SystemSetting::declare(conn, Setting::SESSION_TIMEOUT)));
    assert!(models.run(|conn| SystemSetting::declare(conn, THEME.setting())));
    assert!(row(&models, "theme").expect("a row").is_user_settable);
    assert!(models.run(|conn| SystemSetting::declare_secret(conn, SMTP_PASSWORD)));
    assert!(!models.run(|conn| SystemSetting::declare_secret(conn, SMTP_PASSWORD)));
    assert_eq!(models.run(|conn| SystemSetting::get_secret(conn, SMTP_PASSWORD)), None);
}

#[test]
fn a_row_that_was_there_before_becomes_one_for_users_when_it_is_declared() {
    let models = Models::new();
    let ann = models.ann();
    models.run(|conn| NewSystemSetting::builder().key("theme").value("dark").build().insert(conn));
    let set = |conn: &mut Writer<'_>| UserPreference::set(conn, ann, THEME, "light");
    assert_eq!(fault(models.fails(set)), SettingFault::NotUserSettable);
    assert!(models.run(|conn| SystemSetting::declare(conn, THEME.setting())));
    assert!(!models.run(|conn| SystemSetting::declare(conn, THEME.setting())));
    models.run(set);
    let kept = row(&models, "theme").expect("a row");
    assert_eq!(kept.value.as_ref().map(SettingText::expose), Some("dark"));
    // One that no preference declares is never opened to users.
    assert!(!models.run(|conn| SystemSetting::declare(conn, Setting::SESSION_TIMEOUT)));
}

#[test]
fn what_another_program_has_stored_is_an_error_and_no_other_number() {
    let models = Models::new();
    models.run(|conn| SystemSetting::declare(conn, LIMIT));
    let stored = |value: &str, value_type: &str| {
        models.fixture().sql(&format!(
            "UPDATE system_settings SET value = {value}, value_type = '{value_type}' WHERE key = 'LIMIT'"
        ));
        fault(models.fails(|conn| SystemSetting::get(conn, LIMIT)))
    };
    for value in ["-1", "4294967296"] {
        let out = SettingFault::OutOfRange { value: value.into(), asked: "u32" };
        assert_eq!(stored(&format!("'{value}'"), "integer"), out);
    }
    assert_eq!(stored("NULL", "integer"), SettingFault::Empty);
    let (stored_type, asked) = (ValueType::String, ValueType::Integer);
    let wrong = SettingFault::WrongType { stored: stored_type, asked };
    assert_eq!(stored("'5'", "string"), wrong);
}

#[test]
fn a_preference_is_the_users_or_the_installations_or_the_default() {
    let models = Models::new();
    let (ann, admin) = (models.ann(), models.user("admin"));
    let theme = |user| models.run(|conn| UserPreference::get(conn, user, THEME));
    assert_eq!((theme(ann), theme(admin)), ("light".into(), "light".into()));
    let chosen = models.run(|conn| UserPreference::set(conn, ann, THEME, "dark"));
    assert_eq!((chosen.key.as_str(), chosen.category.as_str()), ("theme", "appearance"));
    assert_eq!((theme(ann), theme(admin)), ("dark".into(), "light".into()));
    models.run(|conn| SystemSetting::set(conn, THEME.setting(), "dark", None));
    assert_eq!(theme(admin), "dark");
    let set = |conn: &mut Writer<'_>| UserPreference::set(conn, ann, THEME, "blue");
    assert!(matches!(fault(models.fails(set)), SettingFault::BreaksRule { .. }));
    assert!(models.run(|conn| UserPreference::unset(conn, ann, THEME)));
    assert!(!models.run(|conn| UserPreference::unset(conn, ann, THEME)));
    // An administrator may take the choice away, and what was chosen counts no longer.
    models.run(|conn| UserPreference::set(conn, ann, THEME, "light"));
    assert_eq!(theme(ann), "light");
    let settable =
        |may: bool| models.run(|conn| SystemSetting::set_user_settable(conn, "theme", may));
    assert!(!settable(false).is_user_settable);
    assert_eq!(theme(ann), "dark");
    let error = models.fails(|conn| UserPreference::get_undeclared::<String>(conn, ann, "theme"));
    assert_eq!(fault(error), SettingFault::NotUserSettable);
    let set = |conn: &mut Writer<'_>| UserPreference::set(conn, ann, THEME, "light");
    assert_eq!(fault(models.fails(set)), SettingFault::NotUserSettable);
    settable(true);
    assert_eq!(theme(ann), "light");
    let error = models.fails(|conn| SystemSetting::set_user_settable(conn, "none", true));
    assert_eq!(fault(error), SettingFault::Unknown);
    let user = user_preferences::user_id;
    let of_nobody = |conn: &mut Writer<'_>| UserPreference::set(conn, UserId(4711), OWN, 1);
    models.violates(Rule::UnknownReference, user, of_nobody);
}

const OWN: Preference<i64> = Setting::new("own", 0).for_users();

#[test]
fn a_preference_without_a_row_keeps_its_declared_rule() {
    let models = Models::new();
    let ann = models.ann();
    let set = |conn: &mut Writer<'_>| UserPreference::set(conn, ann, THEME, "blue");
    assert!(matches!(fault(models.fails(set)), SettingFault::BreaksRule { .. }));
    assert_eq!(models.run(|conn| UserPreference::get(conn, ann, THEME)), "light");
}

#[test]
fn a_secret_gets_its_row_when_it_is_set_and_is_nothing_before() {
    let models = Models::new();
    let cipher: Ciphertext = "enc:v1:c2VjcmV0".parse().expect("a ciphertext");
    assert_eq!(models.run(|conn| SystemSetting::get_secret(conn, SMTP_PASSWORD)), None);
    let set =
        models.run(|conn| SystemSetting::set_secret(conn, SMTP_PASSWORD, Some(&cipher), None));
    assert!(set.is_secret && set.category == "mail");
    let read = models.run(|conn| SystemSetting::get_secret(conn, SMTP_PASSWORD));
    assert_eq!(read.as_ref().map(Ciphertext::expose), Some(cipher.expose()));
    // By the key of a setting that is no secret, and the other way round.
    let wrong = SecretSetting::new("SESSION_TIMEOUT");
    let error = models.fails(|conn| SystemSetting::set_secret(conn, wrong, Some(&cipher), None));
    assert_eq!(fault(error), SettingFault::NotSecret);
    let plain: Setting<String> = Setting::new("SMTP_PASSWORD", "");
    let error = models.fails(|conn| SystemSetting::get(conn, plain));
    assert_eq!(fault(error), SettingFault::Secret);
    let error = models.fails(|conn| SystemSetting::set(conn, plain, "hunter2", None));
    assert_eq!(fault(error), SettingFault::Secret);
}

#[test]
fn a_declaration_says_its_key_and_its_default() {
    for setting in [LIMIT, Setting::MAX_LOGIN_ATTEMPTS] {
        assert!(!format!("{setting:?}").is_empty());
        assert!(setting.default_value().expect("a default") > 0);
    }
    assert_eq!((LIMIT.key(), format!("{THEME:?}").as_str()), ("LIMIT", "Preference(\"theme\")"));
}
