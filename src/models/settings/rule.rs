//! Validation rules of settings, as one line of text in `validation_rule`.
//!
//! | rule | the value must be |
//! | --- | --- |
//! | `range 1..100` | a number from 1 to 100, both included; either bound may be omitted |
//! | `one-of debug\|info\|warning` | exactly one of these words |
//! | `pattern [a-z]+-[0-9]{4}` | a text that the regular expression matches from beginning to end |
//!
//! A range is for settings of type integer and float; the other two compare the value's text.
//! Regular expressions have the syntax of the crate `regex-lite` and take time linear in the text.

use std::cmp::Ordering;
use std::str::FromStr;

use regex_lite::Regex;

/// Validation rule of a setting, parsed from its text: a keyword followed by its argument.
///
/// ```
/// # use zenith_db::models::ValidationRule;
/// let rule: ValidationRule = "range 1..100".parse()?;
/// assert!(rule.allows("100") && !rule.allows("101"));
/// # Ok::<(), zenith_db::models::BadRule>(())
/// ```
#[derive(Clone, Debug)]
pub enum ValidationRule {
    /// `range MIN..MAX`: a number within these bounds, both included. Either bound may be omitted.
    Range {
        /// Lower bound, if any.
        min: Option<Number>,
        /// Upper bound, if any.
        max: Option<Number>,
    },
    /// `one-of A|B|C`: exactly one of these words.
    OneOf(Vec<String>),
    /// `pattern REGEX`: a text that the regular expression matches from beginning to end.
    Pattern(Regex),
}

/// Number in a rule. Integers are compared exactly, whatever their size.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// Integer within 64 bits.
    Whole(i64),
    /// Any other number.
    Real(f64),
}

/// Reason why a validation rule cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadRule(String);

impl Number {
    fn parse(text: &str) -> Option<Self> {
        let whole = text.parse().ok().map(Self::Whole);
        whole.or_else(|| text.parse().ok().filter(|n: &f64| n.is_finite()).map(Self::Real))
    }

    fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(&b)),
            (Self::Real(a), Self::Real(b)) => a.partial_cmp(&b),
            (Self::Whole(a), Self::Real(b)) => Some(compare_whole(a, b)),
            (Self::Real(a), Self::Whole(b)) => Some(compare_whole(b, a).reverse()),
        }
    }
}

/// Compares exactly: neither number is rounded to the other's type. `real` must be finite.
#[expect(clippy::cast_possible_truncation, reason = "it is whole, and within 64 bits")]
fn compare_whole(whole: i64, real: f64) -> Ordering {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    if real >= TWO_TO_63 {
        return Ordering::Less;
    }
    if real < -TWO_TO_63 {
        return Ordering::Greater;
    }
    let floor = real.floor();
    let beyond = if real > floor { Ordering::Less } else { Ordering::Equal };
    whole.cmp(&(floor as i64)).then(beyond)
}

/// Returns the regular expression anchored at both ends.
fn anchored(pattern: &str) -> Result<Regex, regex_lite::Error> {
    // By itself first: `a)|(?:b` must not become an expression by what is put around it.
    Regex::new(pattern)?;
    // What ends in a comment, as `(?x)` allows, takes the bracket into it unless the line ends.
    Regex::new(&format!("^(?:{pattern})$")).or_else(|_| Regex::new(&format!("^(?:{pattern}\n)$")))
}

impl FromStr for ValidationRule {
    type Err = BadRule;

    fn from_str(text: &str) -> Result<Self, BadRule> {
        let bad = |reason: &str| BadRule(reason.to_owned());
        let (keyword, rest) = text.trim().split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        match keyword {
            _ if rest.is_empty() => {
                Err(bad("a rule is `range MIN..MAX`, `one-of A|B|C` or `pattern REGEX`"))
            }
            "range" => {
                let (min, max) =
                    rest.split_once("..").ok_or_else(|| bad("a range is written MIN..MAX"))?;
                let bound = |text: &str| match text.trim() {
                    "" => Ok(None),
                    text => Number::parse(text)
                        .map(Some)
                        .ok_or_else(|| BadRule(format!("{text:?} is not a number"))),
                };
                let (min, max) = (bound(min)?, bound(max)?);
                match (min, max) {
                    (None, None) => Err(bad("a range must have at least one bound")),
                    (Some(a), Some(b)) if a.compare(b) == Some(Ordering::Greater) => {
                        Err(bad("the range is empty"))
                    }
                    _ => Ok(Self::Range { min, max }),
                }
            }
            "one-of" => {
                Ok(Self::OneOf(rest.split('|').map(|word| word.trim().to_owned()).collect()))
            }
            "pattern" => {
                anchored(rest).map(Self::Pattern).map_err(|cause| BadRule(cause.to_string()))
            }
            other => Err(BadRule(format!(
                "{other:?} is not a rule; the rules are range, one-of and pattern"
            ))),
        }
    }
}

impl ValidationRule {
    /// Whether a value, in its text form, satisfies the rule.
    #[must_use]
    pub fn allows(&self, value: &str) -> bool {
        match self {
            Self::Range { min, max } => Number::parse(value).is_some_and(|value| {
                let at_least = |min| value.compare(min).is_some_and(Ordering::is_ge);
                let at_most = |max| value.compare(max).is_some_and(Ordering::is_le);
                min.is_none_or(at_least) && max.is_none_or(at_most)
            }),
            Self::OneOf(words) => words.iter().any(|word| word == value),
            // `$` is the end of the text, never of a line: multi-line mode is off.
            Self::Pattern(regex) => regex.is_match(value),
        }
    }
}
