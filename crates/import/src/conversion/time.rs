//! Times of the former application, in every form that it wrote.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use zenith_db::types::UtcTime;

use super::outcome::{Converted, Outcome, shown, text};
use crate::cell::Cell;

type Reason = &'static str;

const FORM: Reason = "time written in the stored form";
const OFFSET: Reason = "time with an offset converted to UTC";
const CUT: Reason = "time truncated to microseconds";
const UNIX: Reason = "seconds since 1970 written as a time";
const NOW: Reason = "was missing: the time of the adoption";
const CREATED: Reason = "was missing: the time of creation";

/// Converts a time; a missing one becomes `now`.
pub(super) fn time(old: &Cell, now: UtcTime) -> Outcome {
    Ok(optional_time(old)?.unwrap_or_else(|| (Cell::Text(now.to_string()), Some(NOW))))
}

/// Converts the missing time of a row's last change: a row whose changes are not known was last
/// changed when it was created.
pub(crate) fn time_of_creation(created_at: &Cell, now: UtcTime) -> Outcome {
    time(created_at, now).map(|(cell, _)| (cell, Some(CREATED)))
}

/// Converts a time; `None` for NULL and for empty text.
pub(super) fn optional_time(old: &Cell) -> Result<Option<Converted>, String> {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53, or refused")]
    let (found, shown) = match old {
        Cell::Null => return Ok(None),
        Cell::Integer(number) => (from_seconds(*number as f64), number.to_string()),
        Cell::Real(number) => (from_seconds(*number), number.to_string()),
        other => match text(other)? {
            Some((text, _)) if !text.trim().is_empty() => (parse(&text), shown(&text)),
            _ => return Ok(None),
        },
    };
    match found {
        Some((time, reason)) => Ok(Some((Cell::Text(time.to_string()), reason))),
        None => Err(format!("{shown} is not a time")),
    }
}

/// Parses a time in one of the forms `YYYY-MM-DD`, `YYYY-MM-DD HH:MM`, `…:SS` and `….f`, with a space
/// or a `T`, followed by nothing, `Z`, `UTC` or an offset. Without an offset it is UTC.
fn parse(text: &str) -> Option<(UtcTime, Option<Reason>)> {
    let trimmed = text.trim();
    let bytes = trimmed.as_bytes();
    let date = date(bytes.get(..10)?)?;
    let rest = trimmed.get(10..)?;
    let (clock, offset) = match rest.strip_prefix([' ', 'T', 't']) {
        Some(rest) => split_offset(rest)?,
        None if rest.is_empty() => ("00:00", None),
        None => return None,
    };
    let (time, cut) = clock_of(date, clock)?;
    let shifted = match offset {
        Some(seconds) => time.checked_sub_signed(TimeDelta::seconds(seconds))?,
        None => time,
    };
    let instant = UtcTime::from(shifted.and_utc());
    // A year that cannot be stored would silently become the first or the last instant.
    if instant.as_datetime().timestamp() != shifted.and_utc().timestamp() {
        return None;
    }
    let reason = if cut {
        Some(CUT)
    } else if offset.is_some_and(|seconds| seconds != 0) {
        Some(OFFSET)
    } else if is_stored_form(text) {
        None
    } else {
        Some(FORM)
    };
    Some((instant, reason))
}

/// Returns the time of a number of seconds since 1970. A number is read as a time only if that lies
/// between 1973 and 2100.
fn from_seconds(seconds: f64) -> Option<(UtcTime, Option<Reason>)> {
    if !(1.0e8..4.1e9).contains(&seconds) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "far below 2^53, as was just checked")]
    let microseconds = (seconds * 1e6).round() as i64;
    Some((DateTime::<Utc>::from_timestamp_micros(microseconds)?.into(), Some(UNIX)))
}

fn is_stored_form(text: &str) -> bool {
    let bytes = text.as_bytes();
    let fraction = bytes.get(20..).unwrap_or_default();
    fraction.len() == 6
        && fraction.iter().all(u8::is_ascii_digit)
        && bytes.get(10) == Some(&b' ')
        && bytes.get(19) == Some(&b'.')
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
    })
}

fn date(text: &[u8]) -> Option<NaiveDate> {
    match text {
        [y @ .., b'-', m1, m2, b'-', d1, d2] if y.len() == 4 => {
            let (month, day) = (number(&[*m1, *m2])?, number(&[*d1, *d2])?);
            NaiveDate::from_ymd_opt(number(y)?.try_into().ok()?, month, day)
        }
        _ => None,
    }
}

/// Parses the time of day. The flag says whether digits beyond microseconds were dropped.
fn clock_of(date: NaiveDate, text: &str) -> Option<(NaiveDateTime, bool)> {
    let (clock, fraction) = match text.split_once(['.', ',']) {
        Some((clock, fraction)) if clock.len() == 8 => (clock, fraction),
        Some(_) => return None,
        None => (text, ""),
    };
    let (hour, minute, second) = match clock.as_bytes() {
        [h1, h2, b':', m1, m2] => (number(&[*h1, *h2])?, number(&[*m1, *m2])?, 0),
        [h1, h2, b':', m1, m2, b':', s1, s2] => {
            (number(&[*h1, *h2])?, number(&[*m1, *m2])?, number(&[*s1, *s2])?)
        }
        _ => return None,
    };
    let fraction = fraction.as_bytes();
    if text.len() > clock.len() && fraction.is_empty() {
        return None;
    }
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let kept = fraction.get(..6).unwrap_or(fraction);
    let scale = 10_u32.pow(6 - u32::try_from(kept.len()).ok()?);
    let lost = fraction.get(6..).is_some_and(|rest| rest.iter().any(|digit| *digit != b'0'));
    Some((date.and_hms_micro_opt(hour, minute, second, number(kept)? * scale)?, lost))
}

/// Splits the time of day from the offset that follows it, in seconds east of UTC.
fn split_offset(text: &str) -> Option<(&str, Option<i64>)> {
    let text = text.trim_end();
    for suffix in ["Z", "z", "UTC", "GMT"] {
        if let Some(clock) = text.strip_suffix(suffix) {
            return Some((clock.trim_end(), Some(0)));
        }
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, None)) };
    let (clock, offset) = text.split_at_checked(at)?;
    let east = if offset.starts_with('-') { -1 } else { 1 };
    let digits: Vec<u8> = offset.bytes().skip(1).filter(|byte| *byte != b':').collect();
    let seconds = match digits.as_slice() {
        [h1, h2] => number(&[*h1, *h2])? * 3600,
        [h1, h2, m1, m2] if number(&[*m1, *m2])? < 60 => {
            number(&[*h1, *h2])? * 3600 + number(&[*m1, *m2])? * 60
        }
        _ => return None,
    };
    let seconds = east * i32::try_from(seconds).ok()?;
    FixedOffset::east_opt(seconds)?;
    Some((clock.trim_end(), Some(seconds.into())))
}
