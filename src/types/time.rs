//! Instants in UTC. SQLite stores them as text of a fixed width, so that the order of the texts is the
//! order of the times.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Timelike, Utc};
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::sql_types::{Text, Timestamp};
use diesel::sqlite::Sqlite;
use serde::{Deserialize, Serialize};

use super::sql_type::sql_type;
use super::stored_text::to_sql_as_text;
use crate::backend::MultiBackend;

/// Instant in UTC with a resolution of a microsecond. Smaller fractions are truncated, so that a value
/// that is written and read is the same.
///
/// It can be created from a [`DateTime<Utc>`], from its stored form, or by [`UtcTime::now`], but not from
/// a local time. SQLite stores it as `YYYY-MM-DD HH:MM:SS.ffffff`, always 26 characters, and the schema
/// refuses any other form. Years range from 0 to 9999; a `DateTime<Utc>` beyond them becomes
/// [`UtcTime::MIN`] or [`UtcTime::MAX`].
///
/// ```compile_fail
/// # use zenith_db::types::UtcTime;
/// let local = chrono::Local::now();
/// let stored = UtcTime::from(local);
/// ```
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
)]
#[diesel(sql_type = UtcTime)]
#[serde(from = "DateTime<Utc>", into = "DateTime<Utc>")]
pub struct UtcTime(DateTime<Utc>);

sql_type!(UtcTime over Timestamp, ordered);

impl UtcTime {
    /// Returns the current time.
    #[must_use]
    pub fn now() -> Self {
        super::clock::now().into()
    }

    /// Last instant that can be stored: the end of the year 9999.
    pub const MAX: Self = Self(
        match NaiveDate::from_ymd_opt(9999, 12, 31) {
            Some(date) => date,
            None => NaiveDate::MAX,
        }
        .and_time(match NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999) {
            Some(time) => time,
            None => NaiveTime::MIN,
        })
        .and_utc(),
    );

    /// First instant that can be stored: the beginning of the year 0.
    pub const MIN: Self = Self(
        match NaiveDate::from_ymd_opt(0, 1, 1) {
            Some(date) => date,
            None => NaiveDate::MIN,
        }
        .and_time(NaiveTime::MIN)
        .and_utc(),
    );

    /// Returns the time this many seconds earlier, but not before [`UtcTime::MIN`].
    #[must_use]
    pub fn minus_seconds(self, seconds: u32) -> Self {
        let earlier = self.0.checked_sub_signed(TimeDelta::seconds(seconds.into()));
        earlier.map_or(Self::MIN, Self).max(Self::MIN)
    }

    /// Returns the time this many seconds later, but not after [`UtcTime::MAX`].
    #[must_use]
    pub fn plus_seconds(self, seconds: u32) -> Self {
        let later = self.0.checked_add_signed(TimeDelta::seconds(seconds.into()));
        later.map_or(Self::MAX, Self).min(Self::MAX)
    }

    /// Returns the start of the interval that contains this time; intervals have this many seconds
    /// and are counted from `origin`.
    #[must_use]
    pub(crate) fn interval_start(self, origin: Self, seconds: u32) -> Self {
        let length = i64::from(seconds.max(1)) * 1_000_000;
        let since = (self.0 - origin.0).num_microseconds().unwrap_or(0);
        Self(self.0 - TimeDelta::microseconds(since.rem_euclid(length)))
    }

    /// Returns the time as chrono's type, for arithmetic and formatting.
    #[must_use]
    pub const fn as_datetime(self) -> DateTime<Utc> {
        self.0
    }
}

impl From<DateTime<Utc>> for UtcTime {
    fn from(time: DateTime<Utc>) -> Self {
        // A leap second, which cannot be stored, is the last microsecond before it.
        let nanoseconds = time.nanosecond().min(999_999_999);
        let time = time.with_nanosecond(nanoseconds / 1000 * 1000).unwrap_or(time);
        // A time beyond the years that can be stored becomes their first or last instant.
        Self(time).clamp(Self::MIN, Self::MAX)
    }
}

impl From<UtcTime> for DateTime<Utc> {
    fn from(time: UtcTime) -> Self {
        time.0
    }
}

/// Formats the time in the stored form.
impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Through a buffer: chrono's formatting, or `fmt` for each part, is a good part of what a look-up costs.
        let (date, time) = (self.0.date_naive(), self.0.time());
        let mut text = *b"0000-00-00 00:00:00.000000";
        let mut put = |at: std::ops::Range<usize>, number: u32| {
            let mut rest = number;
            for digit in text.get_mut(at).into_iter().flatten().rev() {
                *digit += u8::try_from(rest % 10).unwrap_or_default();
                rest /= 10;
            }
        };
        put(0..4, date.year().unsigned_abs());
        put(5..7, date.month());
        put(8..10, date.day());
        put(11..13, time.hour());
        put(14..16, time.minute());
        put(17..19, time.second());
        put(20..26, time.nanosecond() / 1_000);
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}Z")
    }
}

/// Text that is not a time in the stored form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time of the form YYYY-MM-DD HH:MM:SS.ffffff")]
pub struct NotUtcTime(String);

/// Parses exactly the stored form: an offset or a missing fraction is an error.
impl FromStr for UtcTime {
    type Err = NotUtcTime;

    fn from_str(text: &str) -> Result<Self, NotUtcTime> {
        parse(text.as_bytes()).map(Self).ok_or_else(|| NotUtcTime(text.to_owned()))
    }
}

fn parse(text: &[u8]) -> Option<DateTime<Utc>> {
    const MARKS: &[(usize, u8)] =
        &[(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':'), (19, b'.')];
    if text.len() != 26 || MARKS.iter().any(|(at, mark)| text.get(*at) != Some(mark)) {
        return None;
    }
    let number = |from: usize, to: usize| {
        text.get(from..to)?.iter().try_fold(0_u32, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
        })
    };
    let year = i32::try_from(number(0, 4)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(5, 7)?, number(8, 10)?)?;
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let time = NaiveTime::from_hms_micro_opt(hour, minute, second, number(20, 26)?)?;
    Some(date.and_time(time).and_utc())
}

impl FromSql<UtcTime, Sqlite> for UtcTime {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(<String as FromSql<Text, Sqlite>>::from_sql(value)?.parse()?)
    }
}

#[cfg(feature = "postgres")]
impl FromSql<UtcTime, diesel::pg::Pg> for UtcTime {
    fn from_sql(value: <diesel::pg::Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let time = <chrono::NaiveDateTime as FromSql<Timestamp, diesel::pg::Pg>>::from_sql(value)?;
        Ok(Self(time.and_utc()))
    }
}

impl FromSql<UtcTime, MultiBackend> for UtcTime {
    fn from_sql(value: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        value.from_sql::<Self, Self>()
    }
}

to_sql_as_text!(UtcTime, Timestamp, |time| time.to_string(), time.0.naive_utc());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_one_width_and_reads_back() {
        for text in ["0001-01-01 00:00:00.000000", "2026-11-23 08:00:00.100000"] {
            let time: UtcTime = text.parse().expect("the stored form");
            assert_eq!(time.to_string(), text);
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "2026-11-23 08:00:00",
            "2026-11-23T08:00:00.100000",
            "2026-11-23 08:00:00.100000+02:00",
            "2026-11-23 08:00:00.1000000",
            "2026-11-23 24:00:00.000000",
            "2026-02-29 08:00:00.000000",
            "2026-11-23 08:00:60.000000",
            "2026-11-23 08:00:00.+00001",
            "",
        ] {
            assert!(text.parse::<UtcTime>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_text_is_what_chrono_would_write() {
        for time in [UtcTime::MIN, UtcTime::now(), UtcTime::MAX] {
            let text = time.as_datetime().format("%Y-%m-%d %H:%M:%S%.6f").to_string();
            assert_eq!(time.to_string(), text);
            assert_eq!(text.parse(), Ok(time));
        }
    }

    #[test]
    fn parts_below_a_microsecond_are_cut_off() {
        let fine = DateTime::from_timestamp(1_700_000_000, 123_456_789).expect("a valid time");
        assert_eq!(UtcTime::from(fine).to_string(), "2023-11-14 22:13:20.123456");
    }
}
