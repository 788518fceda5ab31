//! Settings of the installation: typed values, rules, secrets, and what is refused.

use serde_json::{Value, json};
use zenith_db::models::SettingText;
use zenith_db::prelude::*;
use zenith_db::schema::system_settings;
use zenith_db::types::NotCiphertext;
use zenith_db::{Error, SettingFault};

use crate::support::models::Models;

/// A setting without a value.
fn add(models: &Models, key: &str, value_type: ValueType, rule: Option<&str>) -> SystemSetting {
    let new = NewSystemSetting::builder().key(key).value_type(value_type).validation_rule(rule);
    models.run(|conn| new.build().insert(conn))
}

fn get<T: SettingValue>(models: &Models, key: &str) -> T {
    models.run(|conn| SystemSetting::get_undeclared(conn, key))
}

fn set<T: SettingValue>(models: &Models, key: &str, value: &T) -> SystemSetting {
    models.run(|conn| SystemSetting::set_undeclared::<T>(conn, key, value.given(), None))
}

fn get_fault<T: SettingValue + std::fmt::Debug>(models: &Models, key: &str) -> SettingFault {
    fault(key, models.fails(|conn| SystemSetting::get_undeclared::<T>(conn, key)))
}

fn set_fault<T: SettingValue>(models: &Models, key: &str, value: &T) -> SettingFault {
    fault(
        key,
        models.fails(|conn| SystemSetting::set_undeclared::<T>(conn, key, value.given(), None)),
    )
}

fn fault(expected: &str, error: Error) -> SettingFault {
    match error {
        Error::Setting { key, fault } if key == expected => fault,
        other => panic!("not a fault of {expected}: {other:?}"),
    }
}

fn secret<'a>(key: &'a str, value: &'a str) -> NewSystemSetting<'a> {
    NewSystemSetting::builder().key(key).value(value).is_secret(true).build()
}

/// Inserts a setting that must break the rule of this name.
fn breaks(models: &Models, new: &NewSystemSetting<'_>, constraint: &str) {
    let error = models.fails(|conn| new.insert(conn));
    let violation = error.violation().unwrap_or_else(|| panic!("no violation: {error:?}"));
    assert_eq!((violation.rule(), violation.constraint()), (Rule::Check, Some(constraint)));
}

#[test]
fn every_type_is_written_and_read_back_at_its_extremes() {
    let models = Models::new();
    for value_type in ValueType::ALL {
        add(&models, value_type.as_str(), *value_type, None);
    }
    for text in ["", " ", "true", "ß 漢 🦀 '\"\\%_", "a\nb\r\n", "encrypted", &"x".repeat(100_000)]
    {
        set(&models, "string", &text.to_owned());
        assert_eq!(get::<String>(&models, "string"), text);
    }
    for number in [0, -1, i64::MIN, i64::MAX, 9_007_199_254_740_993] {
        set(&models, "integer", &number);
        assert_eq!(get::<i64>(&models, "integer"), number);
    }
    let floats = [f64::MIN, f64::MAX, f64::MIN_POSITIVE, 5e-324, 0.1, -0.0, 1e16, 1.0, 123_456.789];
    for number in floats {
        set(&models, "float", &number);
        assert_eq!(get::<f64>(&models, "float").to_bits(), number.to_bits(), "{number}");
    }
    for truth in [true, false] {
        set(&models, "boolean", &truth);
        assert_eq!(get::<bool>(&models, "boolean"), truth);
    }
    for json in
        [json!(null), json!(""), json!([]), json!({"a\0": [1, "\u{1f980}"]}), json!(u64::MAX)]
    {
        set(&models, "json", &json);
        assert_eq!(get::<Value>(&models, "json"), json);
    }
}

#[test]
fn every_type_is_refused_by_every_other() {
    let models = Models::new();
    for stored in ValueType::ALL.iter().copied() {
        let key = stored.as_str();
        add(&models, key, stored, None);
        let wrong = |asked| SettingFault::WrongType { stored, asked };
        let try_type = |asked, read: SettingFault, written: Option<SettingFault>| {
            // Empty as it is, it tells the type first.
            let expected = if asked == stored { SettingFault::Empty } else { wrong(asked) };
            assert_eq!(read, expected, "{asked} of {stored}");
            assert_eq!(written, (asked != stored).then(|| wrong(asked)), "{asked} to {stored}");
        };
        macro_rules! try_types {
            ($($type:ty = $value:expr,)+) => {$(
                let read = get_fault::<$type>(&models, key);
                // What fits would no longer be empty.
                let written = (<$type>::TYPE != stored).then(|| set_fault(&models, key, &$value));
                try_type(<$type>::TYPE, read, written);
            )+};
        }
        try_types! {
            String = "1".to_owned(),
            i64 = 1_i64,
            f64 = 1.0_f64,
            bool = true,
            Value = json!(1),
        }
        assert_eq!(
            models.run(|conn| SystemSetting::find_by_key(conn, key)).expect(key).value,
            None
        );
    }
}

#[test]
fn a_number_without_a_text_is_refused() {
    let models = Models::new();
    add(&models, "RATIO", ValueType::Float, None);
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let fault = set_fault(&models, "RATIO", &number);
        assert!(matches!(fault, SettingFault::NotOfType { value_type: ValueType::Float, .. }));
    }
    assert_eq!(get_fault::<f64>(&models, "RATIO"), SettingFault::Empty);
}

#[test]
fn what_is_set_records_who_and_when_and_nothing_else() {
    let models = Models::new();
    let admin = models.user("admin");
    let new = NewSystemSetting {
        key: "GREETING",
        value: Some("hello"),
        description: Some("what is said first"),
        validation_rule: Some("one-of hello|hi"),
        category: "chat",
        ..NewSystemSetting::builder().key("").build()
    };
    let made = models.run(|conn| new.insert(conn));
    assert_eq!((made.key.as_str(), made.updated_by), ("GREETING", None));
    assert_eq!(made.value.as_ref().and_then(SettingText::as_public), Some("hello"));
    let before = UtcTime::now();
    let set = models
        .run(|conn| SystemSetting::set_undeclared::<String>(conn, "GREETING", "hi", Some(admin)));
    assert!(set.updated_at >= before);
    assert_eq!(
        (set.updated_by, set.value.as_ref().map(SettingText::expose)),
        (Some(admin), Some("hi"))
    );
    let (value, updated_by, updated_at) = (set.value.clone(), set.updated_by, set.updated_at);
    assert_eq!(set, SystemSetting { value, updated_by, updated_at, ..made });
    let by = Some(UserId(4711));
    let column = system_settings::updated_by;
    let unknown = Rule::UnknownReference;
    models.violates(unknown, column, |conn| {
        SystemSetting::set_undeclared::<String>(conn, "GREETING", "hi", by)
    });
    assert_eq!(models.run(|conn| SystemSetting::find_by_key(conn, "GREETING")), Some(set));
}

#[test]
fn an_unknown_setting_is_unknown_to_every_query() {
    let models = Models::new();
    assert_eq!(models.run(|conn| SystemSetting::find_by_key(conn, "NONE")), None);
    // Names are compared exactly.
    for key in ["NONE", "", "max_login_attempts", "MAX_LOGIN_ATTEMPTS "] {
        assert_eq!(get_fault::<i64>(&models, key), SettingFault::Unknown);
        assert_eq!(set_fault(&models, key, &1_i64), SettingFault::Unknown);
    }
    assert_eq!(get::<i64>(&models, "MAX_LOGIN_ATTEMPTS"), 5);
}

#[test]
fn a_read_only_setting_is_read_and_not_written() {
    let models = Models::new();
    assert!(get::<bool>(&models, "DATABASE_INITIALIZED"));
    let before = models.run(|conn| SystemSetting::find_by_key(conn, "SCHEMA_VERSION"));
    assert_eq!(set_fault(&models, "SCHEMA_VERSION", &"1".to_owned()), SettingFault::ReadOnly);
    // Before the type is looked at.
    assert_eq!(set_fault(&models, "SCHEMA_VERSION", &1_i64), SettingFault::ReadOnly);
    let mut locked = secret("LOCKED", "enc:v1:x");
    locked.is_readonly = true;
    models.run(|conn| locked.insert(conn));
    let error = models
        .fails(|conn| SystemSetting::set_secret(conn, SecretSetting::new("LOCKED"), None, None));
    assert_eq!(fault("LOCKED", error), SettingFault::ReadOnly);
    assert!(
        models.run(|conn| SystemSetting::get_secret(conn, SecretSetting::new("LOCKED"))).is_some()
    );
    assert_eq!(models.run(|conn| SystemSetting::find_by_key(conn, "SCHEMA_VERSION")), before);
}

#[test]
fn a_secret_is_written_read_and_taken_away_as_ciphertext() {
    let models = Models::new();
    let admin = models.user("admin");
    let (first, second) = ("enc:v1:geheim", "enc:v9:anders");
    models.run(|conn| secret("SMTP_PASSWORD", first).insert(conn));
    let stored =
        || models.run(|conn| SystemSetting::get_secret(conn, SecretSetting::new("SMTP_PASSWORD")));
    assert_eq!(stored(), first.parse().ok());
    let next: Ciphertext = second.parse().expect("ciphertext");
    let set = |value, by| {
        move |conn: &mut Writer<'_>| {
            SystemSetting::set_secret(conn, SecretSetting::new("SMTP_PASSWORD"), value, by)
        }
    };
    assert_eq!(models.run(set(Some(&next), Some(admin))).updated_by, Some(admin));
    assert_eq!(stored(), Some(next.clone()));
    let column = system_settings::updated_by;
    models.violates(Rule::UnknownReference, column, set(None, Some(UserId(4711))));
    assert_eq!(stored(), Some(next.clone()));
    assert_eq!(models.run(set(None, None)).value, None);
    assert_eq!(stored(), None);
}

#[test]
fn a_secret_and_what_is_none_are_not_taken_for_each_other() {
    let models = Models::new();
    models.run(|conn| secret("TOKEN", "enc:v1:geheim").insert(conn));
    assert_eq!(get_fault::<String>(&models, "TOKEN"), SettingFault::Secret);
    assert_eq!(get_fault::<i64>(&models, "TOKEN"), SettingFault::Secret);
    assert_eq!(set_fault(&models, "TOKEN", &"enc:v1:x".to_owned()), SettingFault::Secret);
    add(&models, "PLAIN", ValueType::String, None);
    let cipher: Ciphertext = "enc:v1:x".parse().expect("ciphertext");
    for key in ["PLAIN", "SESSION_TIMEOUT"] {
        let read = models.fails(|conn| SystemSetting::get_secret(conn, SecretSetting::new(key)));
        assert_eq!(fault(key, read), SettingFault::NotSecret);
        let set = models.fails(|conn| {
            SystemSetting::set_secret(conn, SecretSetting::new(key), Some(&cipher), None)
        });
        assert_eq!(fault(key, set), SettingFault::NotSecret);
    }
}

#[test]
fn a_secret_is_stored_only_as_ciphertext() {
    let models = Models::new();
    for text in ["geheim", "", "enc:v1:", "enc:vx:geheim", "enc:v10:geheim", " enc:v1:geheim"] {
        breaks(&models, &secret("TOKEN", text), "system_settings_secret_is_encrypted");
        assert_eq!(text.parse::<Ciphertext>(), Err(NotCiphertext), "{text:?}");
    }
    // Neither its type nor its rule says anything about ciphertext.
    let typed = NewSystemSetting {
        value_type: ValueType::Integer,
        validation_rule: Some("range 1..2"),
        ..secret("TOKEN", "enc:v0:\n")
    };
    models.run(|conn| typed.insert(conn));
}

#[test]
fn a_secret_is_neither_shown_nor_serialised() {
    let models = Models::new();
    let setting = models.run(|conn| secret("TOKEN", "enc:v1:geheim").insert(conn));
    assert_eq!(setting.value.as_ref().and_then(SettingText::as_public), None);
    assert_eq!(serde_json::to_value(&setting).expect("JSON")["value"], Value::Null);
    let stored = models.run(|conn| SystemSetting::get_secret(conn, SecretSetting::new("TOKEN")));
    let listed = models.run(|conn| SystemSetting::list_in_category(conn, "general"));
    for text in [format!("{setting:?} {stored:?} {listed:#?}"), format!("{listed:?}")] {
        assert!(!text.contains("geheim") && text.contains("***"), "{text}");
    }
    let plain = set(&models, "SESSION_TIMEOUT", &7_i64);
    assert!(format!("{plain:?}").contains("\"7\""));
    assert_eq!(serde_json::to_value(&plain).expect("JSON")["value"], "7");
}

#[test]
fn what_makes_a_secret_does_not_show_it() {
    assert!(!format!("{:?}", secret("TOKEN", "enc:v1:geheim")).contains("geheim"));
}

#[test]
fn a_public_text_that_is_no_ciphertext_is_public() {
    let models = Models::new();
    add(&models, "CODEC", ValueType::String, None);
    let setting = set(&models, "CODEC", &"enc:vorbis".to_owned());
    assert_eq!(setting.value.as_ref().and_then(SettingText::as_public), Some("enc:vorbis"));
}

#[test]
fn a_value_that_breaks_the_rule_is_refused_and_changes_nothing() {
    let models = Models::new();
    add(&models, "PORT", ValueType::Integer, Some("range 1..65535"));
    add(&models, "LEVEL", ValueType::String, Some("one-of debug|info"));
    add(&models, "FLAG", ValueType::Boolean, Some("one-of true"));
    add(&models, "SHAPE", ValueType::Json, Some(r"pattern \[.*\]"));
    let broken = |value: &str, rule: &str| SettingFault::BreaksRule {
        value: value.to_owned(),
        rule: rule.to_owned(),
    };
    set(&models, "PORT", &65535_i64);
    assert_eq!(set_fault(&models, "PORT", &65536_i64), broken("65536", "range 1..65535"));
    assert_eq!(set_fault(&models, "PORT", &0_i64), broken("0", "range 1..65535"));
    assert_eq!(get::<i64>(&models, "PORT"), 65535);
    let trace = "trace".to_owned();
    assert_eq!(set_fault(&models, "LEVEL", &trace), broken("trace", "one-of debug|info"));
    set(&models, "LEVEL", &"info".to_owned());
    assert_eq!(set_fault(&models, "FLAG", &false), broken("false", "one-of true"));
    set(&models, "FLAG", &true);
    assert_eq!(set_fault(&models, "SHAPE", &json!({})), broken("{}", r"pattern \[.*\]"));
    set(&models, "SHAPE", &json!([1]));
}

#[test]
fn a_new_setting_is_refused_whose_rule_or_value_does_not_fit() {
    let models = Models::new();
    let new = |rule, value| {
        let new = NewSystemSetting::builder().key("K").validation_rule(rule).value(value);
        new.value_type(ValueType::Integer).build()
    };
    for rule in ["", "range 2..1", "pattern (", "between 1 and 2"] {
        let error = models.fails(|conn| new(Some(rule), None).insert(conn));
        assert!(matches!(fault("K", error), SettingFault::BadRule { rule: r, .. } if r == rule));
    }
    let error = models.fails(|conn| new(Some("range 1..2"), Some("3")).insert(conn));
    assert!(matches!(fault("K", error), SettingFault::BreaksRule { .. }));
    models.run(|conn| new(Some("range 1..2"), Some("2")).insert(conn));
    assert_eq!(get::<i64>(&models, "K"), 2);
}
