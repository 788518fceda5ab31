//! What holds for every value of a setting and every text of a rule, tried on many at random.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseResult};
use serde_json::Value;
use zenith_db::models::ValidationRule;
use zenith_db::prelude::*;
use zenith_db::{Error, SettingFault};

use crate::support::models::Models;

/// Random cases, and no file that keeps the failing ones: they become tests of their own.
fn cases(count: u32) -> Config {
    Config { cases: count, failure_persistence: None, ..Config::default() }
}

/// A database with a setting of each type, called as the type is.
fn with_settings() -> Models {
    let models = Models::new();
    for value_type in ValueType::ALL.iter().copied() {
        let new = NewSystemSetting::builder().key(value_type.as_str()).value_type(value_type);
        let new = new.is_user_settable(true);
        models.run(|conn| new.build().insert(conn));
    }
    models
}

/// A setting under this rule; each rule has its own.
fn with_rule(models: &Models, value_type: ValueType, rule: &str) -> String {
    let key = UserPublicId::new().to_string();
    let new = NewSystemSetting::builder().key(&key).value_type(value_type).validation_rule(rule);
    models.run(|conn| new.build().insert(conn));
    key
}

/// Sets a value, as a setting and as a preference, and reads it back from both.
fn reads_back<T>(models: &Models, value: &T, same: impl Fn(&T, &T) -> bool) -> TestCaseResult
where
    T: SettingValue + std::fmt::Debug,
{
    let (key, ann) = (T::TYPE.as_str(), models.ann());
    let read = models.database().write(|conn| {
        SystemSetting::set_undeclared::<T>(conn, key, value.given(), None)?;
        UserPreference::set_undeclared::<T>(conn, ann, key, value.given())?;
        let chosen = UserPreference::get_undeclared::<T>(conn, ann, key)?;
        Ok((SystemSetting::get_undeclared::<T>(conn, key)?, chosen))
    });
    match read {
        Ok((read, chosen)) => {
            prop_assert!(same(&read, value), "{read:?} is not {value:?}");
            prop_assert!(same(&chosen, value), "{chosen:?} is not {value:?}");
        }
        Err(error) => prop_assert!(false, "{value:?}: {error:?}"),
    }
    Ok(())
}

/// Tries to set a value under a rule: it is accepted exactly if `fits`, and refused for no other
/// reason.
fn follows_rule<T>(models: &Models, rule: &str, value: &T, fits: bool) -> TestCaseResult
where
    T: SettingValue + std::fmt::Debug,
{
    let key = with_rule(models, T::TYPE, rule);
    let set = models
        .database()
        .write(|conn| SystemSetting::set_undeclared::<T>(conn, &key, value.given(), None));
    match set {
        Ok(_) => prop_assert!(fits, "`{rule}` took {value:?}"),
        Err(Error::Setting { fault: SettingFault::BreaksRule { .. }, .. }) => {
            prop_assert!(!fits, "`{rule}` refused {value:?}");
        }
        Err(other) => prop_assert!(false, "{other:?}"),
    }
    Ok(())
}

/// Whole numbers, more often near the ends of what there is and near each other.
fn whole() -> impl Strategy<Value = i64> {
    prop_oneof![
        any::<i64>(),
        -3..=3_i64,
        (0..=3_i64).prop_map(|n| i64::MAX - n),
        (0..=3_i64).prop_map(|n| i64::MIN + n),
        (-3..=3_i64).prop_map(|n| 9_007_199_254_740_992 + n),
    ]
}

fn finite() -> impl Strategy<Value = f64> {
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    prop_oneof![NORMAL | SUBNORMAL | ZERO | POSITIVE | NEGATIVE, -2.0..2.0_f64]
}

/// JSON without decimals: those are a test of their own.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn pick(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(words).prop_map(str::to_owned)
}

#[test]
fn every_text_without_a_nul_reads_back() {
    let models = with_settings();
    proptest!(cases(256), |(text in any::<String>(), tail in "[\\s\"'%_\\\\;:0-9a-z]{0,8}")| {
        let text = format!("{text}{tail}").replace('\0', "");
        reads_back(&models, &text, |a, b| a == b)?;
    });
}

#[test]
fn every_whole_number_and_truth_reads_back() {
    let models = with_settings();
    proptest!(cases(128), |(number in whole(), truth in any::<bool>())| {
        reads_back(&models, &number, |a, b| a == b)?;
        reads_back(&models, &truth, |a, b| a == b)?;
    });
}

#[test]
fn every_finite_number_reads_back_to_the_bit() {
    let models = with_settings();
    proptest!(cases(256), |(number in finite())| {
        reads_back(&models, &number, |a, b| a.to_bits() == b.to_bits())?;
    });
}

#[test]
fn all_json_without_decimals_reads_back() {
    let models = with_settings();
    proptest!(cases(128), |(json in json())| reads_back(&models, &json, |a, b| a == b)?);
}

#[test]
fn every_decimal_in_json_reads_back() {
    let models = with_settings();
    proptest!(cases(256), |(number in finite())| {
        reads_back(&models, &Value::from(number), |a, b| a == b)?;
    });
}

#[test]
fn a_whole_number_is_accepted_exactly_within_its_range() {
    let models = Models::new();
    let bound = || prop::option::of(whole());
    proptest!(cases(256), |(value in whole(), min in bound(), max in bound())| {
        prop_assume!(min.is_some() || max.is_some());
        prop_assume!(min.zip(max).is_none_or(|(min, max)| min <= max));
        let text = |bound: Option<i64>| bound.map(|n| n.to_string()).unwrap_or_default();
        let rule = format!("range {}..{}", text(min), text(max));
        let fits = min.is_none_or(|min| min <= value) && max.is_none_or(|max| value <= max);
        follows_rule(&models, &rule, &value, fits)?;
    });
}

#[test]
fn a_decimal_is_accepted_exactly_within_its_range() {
    let models = Models::new();
    proptest!(cases(256), |(value in finite(), a in finite(), b in finite(), end in any::<bool>())| {
        let (min, max) = if a <= b { (a, b) } else { (b, a) };
        // A value at an end is in.
        let value = if end { min } else { value };
        let fits = min <= value && value <= max;
        follows_rule(&models, &format!("range {min:?}..{max:?}"), &value, fits)?;
    });
}

#[test]
fn an_empty_range_is_refused_and_any_other_is_not() {
    proptest!(cases(256), |(min in whole(), max in whole())| {
        let rule = format!("range {min}..{max}").parse::<ValidationRule>();
        prop_assert_eq!(rule.is_ok(), min <= max);
    });
}

#[test]
fn a_text_is_accepted_exactly_if_it_is_one_of_the_words() {
    const WORDS: &[&str] = &["a", "A", "ab", "ä", ".", "1", "1.0"];
    let models = Models::new();
    let words = || prop::collection::vec(pick(WORDS), 1..4);
    proptest!(cases(128), |(words in words(), value in prop_oneof![3 => pick(WORDS), 1 => any::<String>()])| {
        let value = value.replace('\0', "");
        let fits = words.contains(&value);
        follows_rule(&models, &format!("one-of {}", words.join("|")), &value, fits)?;
    });
}

#[test]
fn a_text_is_accepted_exactly_if_the_pattern_describes_all_of_it() {
    // Each pattern with what it means, written out.
    type Means = fn(&str) -> bool;
    const PATTERNS: &[(&str, Means)] = &[
        ("a|b", |text| ["a", "b"].contains(&text)),
        ("a|ab", |text| ["a", "ab"].contains(&text)),
        ("a*", |text| text.chars().all(|c| c == 'a')),
        ("[ab]{2,3}", |text| {
            (2..=3).contains(&text.len()) && text.bytes().all(|c| b"ab".contains(&c))
        }),
        ("(?s).+", |text| !text.is_empty()),
        (".*", |text| !text.contains('\n')),
        ("(?m)^a$", |text| text == "a"),
        (r"(a|b)\n?", |text| ["a", "b", "a\n", "b\n"].contains(&text)),
    ];
    let models = Models::new();
    let pattern = prop::sample::select(PATTERNS);
    proptest!(cases(256), |((pattern, means) in pattern, text in "[ab\\n]{0,4}")| {
        follows_rule(&models, &format!("pattern {pattern}"), &text, means(&text))?;
    });
}

#[test]
fn no_text_makes_reading_a_rule_panic() {
    let keyword =
        prop_oneof![pick(&["range ", "one-of ", "pattern ", "range", " ", ""]), any::<String>(),];
    let rest = prop_oneof![
        any::<String>(),
        "[-+0-9.eE ]{0,12}\\.\\.[-+0-9.eE ]{0,12}",
        r"[-ab()\[\]{}|*+?^$\\.,:<>P=!0-9imsxU]{0,24}",
    ];
    proptest!(cases(256), |(keyword in keyword, rest in rest, value in any::<String>())| {
        match format!("{keyword}{rest}").parse::<ValidationRule>() {
            // Whether it allows the value is not the question here: it answers.
            Ok(rule) => prop_assert_eq!(rule.allows(&value), rule.allows(&value)),
            Err(reason) => prop_assert!(!reason.to_string().is_empty()),
        }
    });
}
