//! Settings as they are stored: names, categories, texts of every type, and what was put there by
//! others.

use diesel::prelude::*;
use serde_json::{Value, json};
use zenith_db::dispatch;
use zenith_db::prelude::*;
use zenith_db::schema::{system_settings, users};
use zenith_db::{Error, SettingFault};

use crate::support::models::Models;

fn typed(value_type: ValueType, value: &str) -> NewSystemSetting<'_> {
    NewSystemSetting::builder().key("K").value_type(value_type).value(value).build()
}

fn constraint(error: &Error) -> Option<&str> {
    error.violation().and_then(Violation::constraint)
}

const NOT_OF_TYPE: [(ValueType, &str); 20] = [
    (ValueType::Integer, ""),
    (ValueType::Integer, "x"),
    (ValueType::Integer, "007"),
    (ValueType::Integer, "+1"),
    (ValueType::Integer, "-0"),
    (ValueType::Integer, "1.0"),
    (ValueType::Integer, " 1"),
    (ValueType::Integer, "9223372036854775808"),
    (ValueType::Integer, "-9223372036854775809"),
    (ValueType::Float, ""),
    (ValueType::Float, "NaN"),
    (ValueType::Float, "inf"),
    (ValueType::Float, "1,5"),
    (ValueType::Float, "1e"),
    (ValueType::Float, ".5"),
    (ValueType::Boolean, "TRUE"),
    (ValueType::Boolean, "1"),
    (ValueType::Boolean, ""),
    (ValueType::Json, ""),
    (ValueType::Json, "{'a': 1}"),
];

#[test]
fn a_text_is_stored_only_if_it_is_of_its_type() {
    let models = Models::new();
    for (value_type, text) in NOT_OF_TYPE {
        let error = models.fails(|conn| typed(value_type, text).insert(conn));
        let name = "system_settings_value_agrees_with_type";
        assert_eq!(constraint(&error), Some(name), "{value_type} {text:?}");
    }
}

#[test]
fn a_value_of_another_type_says_which_column() {
    let models = Models::new();
    let column = system_settings::value;
    models.violates(Rule::Check, column, |conn| typed(ValueType::Integer, "x").insert(conn));
}

#[test]
fn every_text_of_a_number_that_is_stored_is_read() {
    let models = Models::new();
    for (text, number) in [("1", 1.0), ("-0.5", -0.5), ("1e3", 1000.0), ("2E-1", 0.2)] {
        let new = NewSystemSetting { key: text, ..typed(ValueType::Float, text) };
        models.run(|conn| new.insert(conn));
        let read: f64 = models.run(|conn| SystemSetting::get_undeclared(conn, text));
        assert!((read - number).abs() < f64::EPSILON, "{text}");
    }
}

#[test]
fn what_a_new_setting_is_given_can_be_read() {
    let models = Models::new();
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for (value_type, text) in [
        (ValueType::Float, "1e999"),
        (ValueType::Json, "1e999"),
        (ValueType::Json, r#""\ud800""#),
        (ValueType::Json, &deep),
    ] {
        models.fails(|conn| typed(value_type, text).insert(conn));
    }
}

#[test]
fn json_that_is_set_can_be_read() {
    let models = Models::new();
    models.run(|conn| typed(ValueType::Json, "null").insert(conn));
    let deep = (0..200).fold(json!(null), |inner, _| json!([inner]));
    models.fails(|conn| SystemSetting::set_undeclared::<Value>(conn, "K", &deep, None));
    assert_eq!(models.run(|conn| SystemSetting::get_undeclared::<Value>(conn, "K")), json!(null));
}

#[test]
fn a_number_in_json_is_what_was_written() {
    let models = Models::new();
    models.run(|conn| typed(ValueType::Json, "null").insert(conn));
    let number = json!(2.368_668_597_294_336_6e99);
    models.run(|conn| SystemSetting::set_undeclared::<Value>(conn, "K", &number, None));
    assert_eq!(models.run(|conn| SystemSetting::get_undeclared::<Value>(conn, "K")), number);
}

#[test]
fn a_text_with_a_nul_is_no_value() {
    let models = Models::new();
    let column = system_settings::value;
    models.violates(Rule::Text, column, |conn| typed(ValueType::String, "a\0b").insert(conn));
    models.run(|conn| typed(ValueType::String, "a").insert(conn));
    let nul = "a\0b".to_owned();
    models.violates(Rule::Text, column, |conn| {
        SystemSetting::set_undeclared::<String>(conn, "K", &nul, None)
    });
}

#[test]
fn a_name_is_unique_and_every_text_has_its_length() {
    let models = Models::new();
    let long = "ä".repeat(501);
    let of = |length: usize| long.get(..2 * length).expect("two bytes each");
    let base = NewSystemSetting::builder().key("K").build();
    let named = |key| NewSystemSetting { key, ..base.clone() };
    let grouped = |category| NewSystemSetting { category, ..base.clone() };
    for text in ["", of(101), "a\0"] {
        models.violates(Rule::Length, system_settings::key, |conn| named(text).insert(conn));
    }
    let taken = named("SESSION_TIMEOUT");
    models.violates(Rule::Duplicate, system_settings::key, |conn| taken.insert(conn));
    for text in ["", of(51), "a\0"] {
        let column = system_settings::category;
        models.violates(Rule::Length, column, |conn| grouped(text).insert(conn));
    }
    let said = NewSystemSetting { description: Some("a\0"), ..base.clone() };
    models.violates(Rule::Text, system_settings::description, |conn| said.insert(conn));
    let rule = |length: usize| format!("one-of {}", "x".repeat(length - "one-of ".len()));
    let (longest, longer) = (rule(500), rule(501));
    let ruled = NewSystemSetting { validation_rule: Some(&longer), ..base.clone() };
    models.violates(Rule::Length, system_settings::validation_rule, |conn| ruled.insert(conn));
    let limits = NewSystemSetting {
        key: of(100),
        category: of(50),
        validation_rule: Some(&longest),
        description: Some(""),
        ..base
    };
    let made = models.run(|conn| limits.insert(conn));
    assert_eq!(models.run(|conn| SystemSetting::find_by_key(conn, of(100))), Some(made));
}

#[test]
fn the_settings_of_a_category_come_by_name() {
    let models = Models::new();
    let keys = |category: &str| {
        let settings = models.run(|conn| SystemSetting::list_in_category(conn, category));
        settings.into_iter().map(|setting| setting.key).collect::<Vec<_>>()
    };
    let security = ["AUDIT_LOGGING", "LOCKOUT_DURATION", "MAX_LOGIN_ATTEMPTS"];
    assert_eq!(
        keys("security"),
        [&security[..], &["PASSWORD_EXPIRY_DAYS", "SESSION_TIMEOUT"]].concat()
    );
    assert_eq!(keys("backup"), ["BACKUP_ENABLED"]);
    for none in ["", "Security", "secur", "%"] {
        assert_eq!(keys(none), Vec::<String>::new(), "{none:?}");
    }
    for key in ["C", "A", "B"] {
        models.run(|conn| NewSystemSetting::builder().key(key).build().insert(conn));
    }
    assert_eq!(keys("general"), ["A", "B", "C"]);
}

#[test]
fn a_rule_that_was_put_there_and_is_none_refuses_every_value() {
    let models = Models::new();
    models.run(|conn| typed(ValueType::Integer, "1").insert(conn));
    // As an adopted database may have it: the model refuses such rules.
    models.run(|conn| {
        dispatch!(conn, |conn| diesel::update(system_settings::table)
            .filter(system_settings::key.eq("K"))
            .set((
                system_settings::validation_rule.eq("at least 1"),
                system_settings::is_user_settable.eq(true),
            ))
            .execute(conn))?;
        Ok(())
    });
    let error = models.fails(|conn| SystemSetting::set_undeclared::<i64>(conn, "K", 2, None));
    let is_bad = |fault: &SettingFault| {
        matches!(fault, SettingFault::BadRule { rule, reason }
        if rule == "at least 1" && reason.contains("\"at\" is not a rule"))
    };
    assert!(matches!(&error, Error::Setting { fault, .. } if is_bad(fault)), "{error:?}");
    assert_eq!(models.run(|conn| SystemSetting::get_undeclared::<i64>(conn, "K")), 1);
    let ann = models.ann();
    let error = models.fails(|conn| UserPreference::set_undeclared::<i64>(conn, ann, "K", 2));
    assert!(matches!(&error, Error::Setting { fault, .. } if is_bad(fault)), "{error:?}");
}

#[test]
fn a_setting_outlives_who_changed_it() {
    let models = Models::new();
    let bob = models.add_user("bob");
    models.run(|conn| SystemSetting::set(conn, Setting::SESSION_TIMEOUT, 7, Some(bob)));
    models.run(|conn| {
        dispatch!(conn, |conn| diesel::delete(users::table.find(bob)).execute(conn))?;
        Ok(())
    });
    let setting = models.run(|conn| SystemSetting::find_by_key(conn, "SESSION_TIMEOUT"));
    assert_eq!(setting.expect("a setting").updated_by, None);
    assert_eq!(models.run(|conn| SystemSetting::get(conn, Setting::SESSION_TIMEOUT)), 7);
}
