//! What users choose for themselves, on top of the settings of the installation.

use diesel::prelude::*;
use serde_json::{Value, json};
use zenith_db::dispatch;
use zenith_db::models::SettingText;
use zenith_db::prelude::*;
use zenith_db::schema::{user_preferences, users};
use zenith_db::{Error, SettingFault};

use crate::support::models::Models;

const NOBODY: UserId = UserId(4711);
/// A setting that each user may choose.
const IDLE_MINUTES: &str = "IDLE_MINUTES";

/// A database in which [`IDLE_MINUTES`] is 1440.
fn with_idle_minutes() -> Models {
    let models = Models::new();
    let new = NewSystemSetting::builder().key(IDLE_MINUTES).value("1440").category("security");
    add_setting(&models, &new.value_type(ValueType::Integer).is_user_settable(true).build());
    models
}

fn get<T: SettingValue>(models: &Models, user: UserId, key: &str) -> T {
    models.run(|conn| UserPreference::get_undeclared(conn, user, key))
}

fn set<T: SettingValue>(models: &Models, user: UserId, key: &str, value: &T) -> UserPreference {
    models.run(|conn| UserPreference::set_undeclared::<T>(conn, user, key, value.given()))
}

fn unset(models: &Models, user: UserId, key: &str) -> bool {
    models.run(|conn| UserPreference::unset_undeclared(conn, user, key))
}

fn get_fault<T: SettingValue + std::fmt::Debug>(
    models: &Models,
    user: UserId,
    key: &str,
) -> SettingFault {
    fault(models.fails(|conn| UserPreference::get_undeclared::<T>(conn, user, key)))
}

fn set_fault<T: SettingValue>(models: &Models, key: &str, value: &T) -> SettingFault {
    let ann = models.ann();
    let fault = fault(
        models.fails(|conn| UserPreference::set_undeclared::<T>(conn, ann, key, value.given())),
    );
    let left = listed(models, ann, "general");
    assert!(!left.contains(&key.to_owned()), "nothing is recorded");
    fault
}

pub(super) fn fault(error: Error) -> SettingFault {
    match error {
        Error::Setting { fault, .. } => fault,
        other => panic!("no fault of a setting: {other:?}"),
    }
}

fn listed(models: &Models, user: UserId, category: &str) -> Vec<String> {
    let chosen = models.run(|conn| UserPreference::list_in_category(conn, user, category));
    chosen.into_iter().map(|preference| preference.key).collect()
}

fn add_setting(models: &Models, new: &NewSystemSetting<'_>) {
    models.run(|conn| new.insert(conn));
}

#[test]
fn a_choice_overrides_the_setting_until_it_is_forgotten() {
    let models = with_idle_minutes();
    let (ann, admin) = (models.ann(), models.user("admin"));
    let key = IDLE_MINUTES;
    assert_eq!(get::<i64>(&models, ann, key), 1440);
    let chosen = set(&models, ann, key, &30_i64);
    assert_eq!(
        (chosen.user_id, chosen.key.as_str(), chosen.value_type),
        (ann, key, ValueType::Integer)
    );
    assert_eq!(chosen.value.as_ref().map(SettingText::expose), Some("30"));
    assert_eq!(chosen.category, "security");
    assert_eq!((get::<i64>(&models, ann, key), get::<i64>(&models, admin, key)), (30, 1440));

    models.run(|conn| SystemSetting::set_undeclared::<i64>(conn, key, 60, None));
    assert_eq!((get::<i64>(&models, ann, key), get::<i64>(&models, admin, key)), (30, 60));
    assert!(!unset(&models, admin, key));
    assert!(!unset(&models, ann, "SESSION"));
    assert!(unset(&models, ann, key));
    assert!(!unset(&models, ann, key));
    assert_eq!(get::<i64>(&models, ann, key), 60);
}

#[test]
fn a_choice_is_changed_in_its_place() {
    let models = Models::new();
    let ann = models.ann();
    let first = set(&models, ann, "theme", &"dark".to_owned());
    let other = set(&models, models.user("admin"), "theme", &"blue".to_owned());
    let before = UtcTime::now();
    // Without a setting of this name, nothing holds it to a type.
    let second = set(&models, ann, "theme", &json!({"name": "light"}));
    assert_eq!((second.id, second.created_at), (first.id, first.created_at));
    assert!(second.updated_at >= before);
    assert_eq!((second.value_type, second.category.as_str()), (ValueType::Json, "general"));
    assert_eq!(get::<Value>(&models, ann, "theme"), json!({"name": "light"}));
    assert_eq!(get::<String>(&models, other.user_id, "theme"), "blue");
    // Once there is one, the choice goes to its category.
    let new =
        NewSystemSetting::builder().key("theme").category("display").is_user_settable(true).build();
    add_setting(&models, &new);
    assert_eq!(set(&models, ann, "theme", &String::new()).category, "display");
}

#[test]
fn every_type_is_chosen_and_read_back() {
    let models = Models::new();
    let ann = models.ann();
    set(&models, ann, "string", &"ß\n🦀".to_owned());
    set(&models, ann, "integer", &i64::MIN);
    set(&models, ann, "float", &f64::MAX);
    set(&models, ann, "boolean", &false);
    set(&models, ann, "json", &json!([null, "\0"]));
    assert_eq!(get::<String>(&models, ann, "string"), "ß\n🦀");
    assert_eq!(get::<i64>(&models, ann, "integer"), i64::MIN);
    assert_eq!(get::<f64>(&models, ann, "float").to_bits(), f64::MAX.to_bits());
    assert!(!get::<bool>(&models, ann, "boolean"));
    assert_eq!(get::<Value>(&models, ann, "json"), json!([null, "\0"]));
    let (stored, asked) = (ValueType::String, ValueType::Integer);
    let wrong = SettingFault::WrongType { stored, asked };
    assert_eq!(get_fault::<i64>(&models, ann, "string"), wrong);
    let nan = set_fault(&models, "ratio", &f64::NAN);
    assert!(matches!(nan, SettingFault::NotOfType { value_type: ValueType::Float, .. }));
}

#[test]
fn what_is_neither_chosen_nor_set_says_so() {
    let models = with_idle_minutes();
    let ann = models.ann();
    assert_eq!(get_fault::<i64>(&models, ann, "NONE"), SettingFault::Unknown);
    assert_eq!(get_fault::<i64>(&models, ann, "idle_minutes"), SettingFault::Unknown);
    add_setting(&models, &NewSystemSetting::builder().key("EMPTY").is_user_settable(true).build());
    assert_eq!(get_fault::<String>(&models, ann, "EMPTY"), SettingFault::Empty);
    let (stored, asked) = (ValueType::Integer, ValueType::String);
    let wrong = SettingFault::WrongType { stored, asked };
    assert_eq!(get_fault::<String>(&models, ann, IDLE_MINUTES), wrong);
    // Who is not there has chosen nothing.
    assert_eq!(get::<i64>(&models, NOBODY, IDLE_MINUTES), 1440);
    assert!(!unset(&models, NOBODY, IDLE_MINUTES));
}

#[test]
fn a_choice_has_the_type_of_the_setting_and_passes_its_rule() {
    let models = Models::new();
    let rule = "range 8..72";
    let new = NewSystemSetting::builder().key("FONT").value("12").validation_rule(rule);
    add_setting(&models, &new.value_type(ValueType::Integer).is_user_settable(true).build());
    for (value, accepted) in [(7, false), (8, true), (72, true), (73, false)] {
        if accepted {
            set(&models, models.ann(), "FONT", &value);
            assert!(unset(&models, models.ann(), "FONT"));
        } else {
            let broken = SettingFault::BreaksRule { value: value.to_string(), rule: rule.into() };
            assert_eq!(set_fault(&models, "FONT", &value), broken);
        }
    }
    let (stored, asked) = (ValueType::Integer, ValueType::Float);
    assert_eq!(set_fault(&models, "FONT", &12.0), SettingFault::WrongType { stored, asked });
    assert_eq!(get::<i64>(&models, models.ann(), "FONT"), 12);
}

#[test]
fn what_is_read_only_or_secret_is_not_chosen() {
    let models = Models::new();
    let ann = models.ann();
    assert_eq!(set_fault(&models, "SETUP_COMPLETED", &true), SettingFault::ReadOnly);
    assert_eq!(set_fault(&models, "SETUP_COMPLETED", &1_i64), SettingFault::ReadOnly);
    let secret = NewSystemSetting::builder().key("TOKEN").value("enc:v1:geheim").is_secret(true);
    add_setting(&models, &secret.build());
    assert_eq!(set_fault(&models, "TOKEN", &"mine".to_owned()), SettingFault::Secret);
    let refused = SettingFault::NotUserSettable;
    assert_eq!(get_fault::<String>(&models, ann, "TOKEN"), refused);
    // What the installation keeps for itself is neither shown to a user nor overridden by one.
    for key in ["SCHEMA_VERSION", "SESSION_TIMEOUT", "AUDIT_LOGGING"] {
        assert_eq!(get_fault::<String>(&models, ann, key), refused);
    }
    assert_eq!(set_fault(&models, "MAX_LOGIN_ATTEMPTS", &99_999_i64), refused);
}

#[test]
fn a_choice_has_a_name_and_a_user_and_no_nul() {
    let models = Models::new();
    let ann = models.ann();
    let choose = |user, key: &str, value: &str| {
        let (key, value) = (key.to_owned(), value.to_owned());
        move |conn: &mut Writer<'_>| {
            UserPreference::set_undeclared::<String>(conn, user, &key, &value)
        }
    };
    let long = "ö".repeat(101);
    for key in ["", &long, "a\0"] {
        models.violates(Rule::Length, user_preferences::key, choose(ann, key, "x"));
    }
    models.violates(Rule::Text, user_preferences::value, choose(ann, "k", "a\0b"));
    let user = user_preferences::user_id;
    models.violates(Rule::UnknownReference, user, choose(NOBODY, "k", "x"));
    let longest = "ö".repeat(100);
    models.run(choose(ann, &longest, ""));
    assert_eq!(get::<String>(&models, ann, &longest), "");
}

#[test]
fn choices_are_listed_by_category_and_name() {
    let models = with_idle_minutes();
    let (ann, admin) = (models.ann(), models.user("admin"));
    for key in ["c", "a", "b"] {
        set(&models, ann, key, &true);
    }
    set(&models, admin, "d", &true);
    set(&models, ann, IDLE_MINUTES, &1_i64);
    assert_eq!(listed(&models, ann, "general"), ["a", "b", "c"]);
    assert_eq!(listed(&models, admin, "general"), ["d"]);
    assert_eq!(listed(&models, ann, "security"), [IDLE_MINUTES]);
    for (user, category) in [(ann, ""), (ann, "%"), (ann, "General"), (NOBODY, "general")] {
        assert_eq!(listed(&models, user, category), Vec::<String>::new());
    }
}

#[test]
fn choices_go_with_their_user() {
    let models = Models::new();
    let (ann, admin) = (models.ann(), models.user("admin"));
    set(&models, ann, "theme", &"dark".to_owned());
    set(&models, admin, "theme", &"blue".to_owned());
    models.run(|conn| {
        dispatch!(conn, |conn| diesel::delete(users::table.find(ann)).execute(conn))?;
        Ok(())
    });
    assert_eq!(listed(&models, ann, "general"), Vec::<String>::new());
    assert_eq!(get_fault::<String>(&models, ann, "theme"), SettingFault::Unknown);
    assert_eq!(get::<String>(&models, admin, "theme"), "blue");
}

#[test]
fn a_choice_is_shown_and_serialised() {
    let models = Models::new();
    let chosen = set(&models, models.ann(), "theme", &"dark".to_owned());
    assert!(format!("{chosen:?}").contains("\"dark\""));
    let fields = serde_json::to_value(&chosen).expect("JSON");
    assert_eq!((&fields["value"], &fields["value_type"]), (&json!("dark"), &json!("string")));
}
