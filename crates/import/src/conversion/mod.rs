//! Conversion of single values by the rules of their columns.

mod json;
mod number;
mod outcome;
mod password;
mod reference;
mod setting;
mod time;

use uuid::Uuid;
use zenith_db::internal::models::{canonical, invisible_in};
use zenith_db::types::{Ciphertext, Sha256Hash, UtcTime};

pub(super) use self::json::{
    Entries, LEGACY, Metadata, is_json, metadata, permission_names, with_legacy,
};
pub(super) use self::number::active;
pub(super) use self::outcome::{Converted, NUMBER, Outcome, text};
pub(super) use self::password::algorithm;
pub(super) use self::reference::{parent, reference};
pub(super) use self::setting::setting;
pub(super) use self::time::time_of_creation;

use self::json::{grants_everything, json_texts, optional_json};
use self::number::{flag, integer};
use self::outcome::{DEFAULT, EMPTY, missing, shown, text_cell};
use self::password::phc;
use self::time::optional_time;
use super::cell::Cell;
use super::rules::ColumnRule;

/// Applies a rule that needs no other value than the one that it converts.
pub(super) fn convert(rule: ColumnRule, old: &Cell, now: UtcTime) -> Outcome {
    match rule {
        ColumnRule::Id | ColumnRule::Integer => integer(old, None)?.ok_or_else(missing),
        ColumnRule::IntegerOr(default) => {
            Ok(integer(old, Some(default))?.unwrap_or((Cell::Integer(default), Some(DEFAULT))))
        }
        ColumnRule::OptionalInteger => Ok(integer(old, None)?.unwrap_or((Cell::Null, None))),
        ColumnRule::Flag(default) => flag(old, default),
        ColumnRule::Time => time::time(old, now),
        ColumnRule::RequiredTime => optional_time(old)?.ok_or_else(missing),
        ColumnRule::OptionalTime => match optional_time(old)? {
            Some(converted) => Ok(converted),
            None if old.is_null() => Ok((Cell::Null, None)),
            None => Ok((Cell::Null, Some(EMPTY))),
        },
        ColumnRule::OptionalJson => optional_json(old),
        ColumnRule::JsonTexts => json_texts(old),
        ColumnRule::Superuser => {
            let granted =
                text(old).ok().flatten().is_some_and(|(text, _)| grants_everything(&text));
            Ok((Cell::Integer(granted.into()), None))
        }
        rule => convert_text(rule, old),
    }
}

const LOWER: &str = "lower case, surrounding white space removed";
const COMPOSED: &str = "lower case, composed (Unicode NFC), surrounding white space removed";

fn convert_text(rule: ColumnRule, old: &Cell) -> Outcome {
    let Some((found, read)) = text(old)? else {
        return match rule {
            ColumnRule::OptionalText
            | ColumnRule::FilledText
            | ColumnRule::EncryptedText
            | ColumnRule::Token
            | ColumnRule::ParentMessage => Ok((Cell::Null, None)),
            ColumnRule::TextOr(default) => Ok((text_cell(default), Some(DEFAULT))),
            ColumnRule::OneOf([default, ..]) => Ok((text_cell(default), Some(DEFAULT))),
            _ => Err(missing()),
        };
    };
    let becomes = |new: String, reason| {
        let reason = if new == found { read } else { Some(reason) };
        Ok((Cell::Text(new), reason))
    };
    match rule {
        ColumnRule::FilledText | ColumnRule::Token | ColumnRule::ParentMessage
            if found.is_empty() =>
        {
            Ok((Cell::Null, Some(EMPTY)))
        }
        ColumnRule::TextOr(default) if found.is_empty() => Ok((text_cell(default), Some(DEFAULT))),
        ColumnRule::Canonical => {
            let new = canonical(&found);
            if let Some(character) = invisible_in(&new) {
                let number = u32::from(character);
                return Err(format!("has a control or an invisible character (U+{number:04X})"));
            }
            let is_composed = new == found.trim().to_lowercase();
            becomes(new, if is_composed { LOWER } else { COMPOSED })
        }
        ColumnRule::Uuid | ColumnRule::ParentMessage => match found.trim().parse::<Uuid>() {
            Ok(id) => becomes(id.hyphenated().to_string(), "UUID written in its canonical form"),
            Err(_) => Err(format!("{} is not a UUID", shown(&found))),
        },
        ColumnRule::PasswordHash => {
            if let Some(reason) = password::excess(&found) {
                return Err(reason);
            }
            becomes(phc(&found).to_owned(), "hash without the prefix of its algorithm")
        }
        // Not shown, whatever it is.
        ColumnRule::EncryptedText if found.is_empty() => Ok((Cell::Null, Some(EMPTY))),
        ColumnRule::EncryptedText if found.parse::<Ciphertext>().is_err() => {
            Err("is not encrypted (enc:v<digit>:<text>)".into())
        }
        ColumnRule::Sha256 => {
            let lower = found.trim().to_ascii_lowercase();
            match lower.parse::<Sha256Hash>() {
                Ok(_) => becomes(lower, "hash written in lower case"),
                // Not shown: it may be a token that grants access.
                Err(_) => Err("is not a SHA-256 hash".into()),
            }
        }
        ColumnRule::Token => {
            let hash = Sha256Hash::of(found.as_bytes()).to_string();
            Ok((Cell::Text(hash), Some("token replaced by its SHA-256 hash: links still work")))
        }
        ColumnRule::OneOf(words) | ColumnRule::RequiredOneOf(words) => {
            match (rule, word(&found, words)) {
                (_, Some(word)) => becomes(word.to_owned(), LOWER),
                (ColumnRule::OneOf([default, ..]), None) if found.trim().is_empty() => {
                    Ok((text_cell(default), Some(DEFAULT)))
                }
                _ => Err(format!("{} is not one of {}", shown(&found), words.join(", "))),
            }
        }
        _ => Ok((Cell::Text(found.into_owned()), read)),
    }
}

fn word<'a>(text: &str, words: &[&'a str]) -> Option<&'a str> {
    let lower = text.trim().to_ascii_lowercase();
    words.iter().copied().find(|word| *word == lower)
}
