//! One value of the former application into one of ours, by its rule.

use std::borrow::Cow;

use zenith_db::internal::models::canonical;
use zenith_db::types::{PublicId, Sha256Hash, UtcTime};

use super::cell::Cell;
use super::json::{grants_everything, is_json, json_texts, optional_json};
use super::normalise::Knowledge;
use super::rules::Rule;
use super::time;

/// The value, and why it is not the old one.
pub(super) type Converted = (Cell, Option<&'static str>);

pub(super) type Outcome = Result<Converted, String>;

pub(super) const DEFAULT: &str = "was missing: the default";
pub(super) const EMPTY: &str = "empty text written as no value";
pub(super) const NUMBER: &str =
    "number stored as text, or with a fraction of zero, written as a number";
const FLAG: &str = "flag written as 0 or 1";

/// The rules that look at one value alone.
pub(super) fn convert(rule: Rule, old: &Cell, knowledge: &Knowledge) -> Outcome {
    match rule {
        Rule::Id | Rule::Integer => integer(old, None)?.ok_or_else(missing),
        Rule::IntegerOr(default) => {
            Ok(integer(old, Some(default))?.unwrap_or((Cell::Integer(default), Some(DEFAULT))))
        }
        Rule::OptionalInteger => Ok(integer(old, None)?.unwrap_or((Cell::Null, None))),
        Rule::Flag(default) => flag(old, default),
        Rule::Time => time(old, knowledge.now),
        Rule::RequiredTime => optional_time(old)?.ok_or_else(missing),
        Rule::OptionalTime => match optional_time(old)? {
            Some(converted) => Ok(converted),
            None if old.is_null() => Ok((Cell::Null, None)),
            None => Ok((Cell::Null, Some(EMPTY))),
        },
        Rule::OptionalJson => optional_json(old),
        Rule::JsonTexts => json_texts(old),
        Rule::Superuser => {
            let granted =
                text(old).ok().flatten().is_some_and(|(text, _)| grants_everything(&text));
            Ok((Cell::Integer(granted.into()), None))
        }
        rule => text_by_rule(rule, old),
    }
}

fn text_by_rule(rule: Rule, old: &Cell) -> Outcome {
    let Some((found, read)) = text(old)? else {
        return match rule {
            Rule::OptionalText | Rule::FilledText | Rule::Token | Rule::ParentMessage => {
                Ok((Cell::Null, None))
            }
            Rule::TextOr(default) => Ok((default.to_cell(), Some(DEFAULT))),
            Rule::Word([default, ..]) => Ok((default.to_cell(), Some(DEFAULT))),
            _ => Err(missing()),
        };
    };
    let becomes = |new: String, reason| {
        let reason = if new == found { read } else { Some(reason) };
        Ok((Cell::Text(new), reason))
    };
    match rule {
        Rule::FilledText | Rule::Token | Rule::ParentMessage if found.is_empty() => {
            Ok((Cell::Null, Some(EMPTY)))
        }
        Rule::TextOr(default) if found.is_empty() => Ok((default.to_cell(), Some(DEFAULT))),
        Rule::Canonical => becomes(canonical(&found), "written in lower case, nothing around it"),
        Rule::Uuid | Rule::ParentMessage => match found.trim().parse::<PublicId>() {
            Ok(id) => becomes(id.to_string(), "UUID written in its one form"),
            Err(_) => Err(format!("{} is not a UUID", shown(&found))),
        },
        Rule::PasswordHash => {
            becomes(phc(&found).to_owned(), "hash without the prefix of its algorithm")
        }
        Rule::Sha256 => {
            let lower = found.trim().to_ascii_lowercase();
            match lower.parse::<Sha256Hash>() {
                Ok(_) => becomes(lower, "hash written in lower case"),
                // Not shown: it may be what lets somebody in.
                Err(_) => Err("is not a SHA-256 hash".into()),
            }
        }
        Rule::Token => {
            let hash = Sha256Hash::of(found.as_bytes()).to_string();
            Ok((Cell::Text(hash), Some("token replaced by its SHA-256 hash: links go on working")))
        }
        Rule::Word(words) | Rule::RequiredWord(words) => match (rule, word(&found, words)) {
            (_, Some(word)) => becomes(word.to_owned(), "word written as the vocabulary has it"),
            (Rule::Word([default, ..]), None) if found.trim().is_empty() => {
                Ok((default.to_cell(), Some(DEFAULT)))
            }
            _ => Err(format!("{} is not one of {}", shown(&found), words.join(", "))),
        },
        _ => Ok((Cell::Text(found.into_owned()), read)),
    }
}

trait ToCell {
    fn to_cell(&self) -> Cell;
}

impl ToCell for str {
    fn to_cell(&self) -> Cell {
        Cell::Text(self.to_owned())
    }
}

fn missing() -> String {
    "is missing".into()
}

/// A value for a message: short, and on one line.
fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

/// Text, and why it had to be read as text.
pub(super) type Read<'a> = (Cow<'a, str>, Option<&'static str>);

/// The value as text.
pub(super) fn text(old: &Cell) -> Result<Option<Read<'_>>, String> {
    Ok(Some(match old {
        Cell::Null => return Ok(None),
        Cell::Text(text) => (Cow::Borrowed(text.as_str()), None),
        Cell::Integer(number) => (number.to_string().into(), Some("number written as text")),
        Cell::Real(number) => (number.to_string().into(), Some("number written as text")),
        Cell::BadText(_) => return Err("is text that is not valid UTF-8".into()),
        Cell::Blob(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => (text.into(), Some("bytes written as the text that they are")),
            Err(_) => return Err("is bytes that are no text".into()),
        },
    }))
}

/// The whole number that a value is; `None` for no value and for empty text.
fn integer(old: &Cell, default: Option<i64>) -> Result<Option<Converted>, String> {
    let whole = |number: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "compared with the number it is from")]
        let integer = number as i64;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53, or refused")]
        #[expect(clippy::float_cmp, reason = "only the very same number is meant")]
        let same = number.abs() < 9.0e15 && integer as f64 == number;
        same.then_some((Cell::Integer(integer), Some(NUMBER)))
    };
    let refused = |what: &dyn std::fmt::Display| Err(format!("{what} is not a whole number"));
    match old {
        Cell::Null => Ok(None),
        Cell::Integer(number) => Ok(Some((Cell::Integer(*number), None))),
        Cell::Real(number) => whole(*number).map_or_else(|| refused(number), |done| Ok(Some(done))),
        other => {
            let Some((text, _)) = text(other)? else { return Ok(None) };
            let trimmed = text.trim();
            if trimmed.is_empty() {
                let value = default.map_or(Cell::Null, Cell::Integer);
                return Ok(Some((value, Some(EMPTY))));
            }
            if let Ok(number) = trimmed.parse() {
                return Ok(Some((Cell::Integer(number), Some(NUMBER))));
            }
            let real = trimmed.parse().ok().and_then(whole);
            real.map_or_else(|| refused(&shown(trimmed)), |done| Ok(Some(done)))
        }
    }
}

fn flag(old: &Cell, default: bool) -> Outcome {
    let word = match old {
        Cell::Null => return Ok((Cell::Integer(default.into()), Some(DEFAULT))),
        Cell::Integer(number @ (0 | 1)) => return Ok((Cell::Integer(*number), None)),
        other => text(other)?.map(|(text, _)| text.trim().to_ascii_lowercase()).unwrap_or_default(),
    };
    match word.as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Ok((Cell::Integer(1), Some(FLAG))),
        "0" | "false" | "f" | "no" | "n" | "off" => Ok((Cell::Integer(0), Some(FLAG))),
        "" => Ok((Cell::Integer(default.into()), Some(DEFAULT))),
        other => Err(format!("{} is neither true nor false", shown(other))),
    }
}

/// A key that was revoked is not active, whatever its flag says.
pub(super) fn active(old: &Cell, revoked_at: &Cell) -> Outcome {
    let (cell, reason) = flag(old, true)?;
    let revoked = !revoked_at.is_null() && revoked_at.as_text() != Some("");
    if revoked && cell == Cell::Integer(1) {
        return Ok((Cell::Integer(0), Some("revoked, and so not active")));
    }
    Ok((cell, reason))
}

pub(super) fn time(old: &Cell, now: UtcTime) -> Outcome {
    let missing = || (Cell::Text(now.to_string()), Some("was missing: the time of the adoption"));
    Ok(optional_time(old)?.unwrap_or_else(missing))
}

fn optional_time(old: &Cell) -> Result<Option<Converted>, String> {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53, or refused")]
    let (found, shown) = match old {
        Cell::Null => return Ok(None),
        Cell::Integer(number) => (time::from_seconds(*number as f64), number.to_string()),
        Cell::Real(number) => (time::from_seconds(*number), number.to_string()),
        other => match text(other)? {
            Some((text, _)) if !text.trim().is_empty() => (time::parse(&text), shown(&text)),
            _ => return Ok(None),
        },
    };
    match found {
        Some((time, reason)) => Ok(Some((Cell::Text(time.to_string()), reason))),
        None => Err(format!("{shown} is not a time")),
    }
}

/// A hash without the former application's name of its algorithm before it.
fn phc(hash: &str) -> &str {
    let hash = hash.trim();
    match hash.split_once(':') {
        Some(("argon2id" | "bcrypt", rest)) if rest.starts_with('$') => rest,
        _ => hash,
    }
}

/// What the hash says; the old column says `bcrypt` unless told.
pub(super) fn algorithm(old: &Cell, hash: &Cell) -> Outcome {
    let hash = text(hash)?.map(|(text, _)| text).unwrap_or_default();
    let said = match phc(&hash).split('$').nth(1) {
        Some("argon2id") => "argon2id",
        Some("2a" | "2b" | "2x" | "2y") => "bcrypt",
        _ => return Err("the password's hash is neither Argon2id nor bcrypt".into()),
    };
    let reason = (old.as_text() != Some(said)).then_some("what the hash itself says");
    Ok((said.to_cell(), reason))
}

fn word<'a>(text: &str, words: &[&'a str]) -> Option<&'a str> {
    let lower = text.trim().to_ascii_lowercase();
    words.iter().copied().find(|word| *word == lower)
}

/// Text that agrees with its type. A secret is left to the database, which takes it only encrypted.
pub(super) fn setting(old: &Cell, value_type: &Cell, is_secret: &Cell) -> Outcome {
    const REASON: &str = "written as its type has it";
    let Some((found, read)) = text(old)? else { return Ok((Cell::Null, None)) };
    let secret = flag(is_secret, false).is_ok_and(|(cell, _)| cell == Cell::Integer(1));
    let kind = value_type.as_text().map(|text| text.trim().to_ascii_lowercase());
    let trimmed = found.trim();
    let written = match kind.as_deref() {
        _ if secret => None,
        Some("integer") => trimmed.parse::<i64>().ok().map(|number| number.to_string()),
        Some("boolean") => match flag(&Cell::Text(trimmed.to_owned()), false) {
            _ if trimmed.is_empty() => None,
            Ok((cell, _)) => Some((cell == Cell::Integer(1)).to_string()),
            Err(_) => None,
        },
        Some("float") => trimmed.parse::<f64>().ok().filter(|n| n.is_finite()).map(|number| {
            if is_json(trimmed) { trimmed.to_owned() } else { format!("{number:?}") }
        }),
        _ => None,
    };
    match written {
        Some(new) if new != found => Ok((Cell::Text(new), Some(REASON))),
        // What agrees with nothing is for the table's own check to refuse.
        _ => Ok((Cell::Text(found.into_owned()), read)),
    }
}

/// A reference that must be there.
pub(super) fn parent(old: &Cell, table: &'static str, known: &Knowledge) -> Result<Cell, String> {
    let Some((Cell::Integer(id), _)) = integer(old, None)? else { return Err(missing()) };
    if known.kept.get(table).is_some_and(|kept| kept.contains(&id)) {
        return Ok(Cell::Integer(id));
    }
    let quarantined = known.quarantined.get(table).is_some_and(|ids| ids.contains(&id));
    Err(if quarantined {
        format!("refers to row {id} of {table}, which breaks a rule itself")
    } else {
        format!("refers to row {id} of {table}, which does not exist")
    })
}

/// A reference that may be missing, and whether what it refers to is there, as far as is known.
pub(super) fn reference(old: &Cell, table: &'static str, known: &Knowledge) -> (Cell, bool) {
    match integer(old, None) {
        Ok(Some((Cell::Integer(id), _))) => {
            let there = known.kept.get(table).is_none_or(|kept| kept.contains(&id));
            if there { (Cell::Integer(id), true) } else { (Cell::Null, false) }
        }
        Ok(_) => (Cell::Null, true),
        Err(_) => (Cell::Null, false),
    }
}
