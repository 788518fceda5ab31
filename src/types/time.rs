//! Time: an instant in UTC, stored in one fixed width, so that text order is time order.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, DurationRound, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::sql_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::stored_text::to_sql_as_text;

/// An instant in UTC, to the microsecond (finer parts are cut off, so that what is read back equals
/// what was written).
///
/// There is no way to put a local time in: it is made from [`DateTime<Utc>`] or from
/// [`UtcTime::now`]. SQLite stores it as `YYYY-MM-DD HH:MM:SS.ffffff`, always 26 characters, and
/// refuses any other form; years 0 to 9999.
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
#[diesel(sql_type = Timestamp)]
#[serde(from = "DateTime<Utc>", into = "DateTime<Utc>")]
pub struct UtcTime(DateTime<Utc>);

const STORED: &str = "%Y-%m-%d %H:%M:%S%.6f";

impl UtcTime {
    /// The present moment.
    #[must_use]
    pub fn now() -> Self {
        Utc::now().into()
    }

    /// The last instant that can be stored: the end of the year 9999.
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

    /// The first instant that can be stored: the beginning of the year 0.
    pub const MIN: Self = Self(
        match NaiveDate::from_ymd_opt(0, 1, 1) {
            Some(date) => date,
            None => NaiveDate::MIN,
        }
        .and_time(NaiveTime::MIN)
        .and_utc(),
    );

    /// This many seconds earlier; at the least, [`UtcTime::MIN`].
    #[must_use]
    pub fn minus_seconds(self, seconds: u32) -> Self {
        let earlier = self.0.checked_sub_signed(TimeDelta::seconds(seconds.into()));
        earlier.map_or(Self::MIN, Self).max(Self::MIN)
    }

    /// This many seconds later; at the most, [`UtcTime::MAX`].
    #[must_use]
    pub fn plus_seconds(self, seconds: u32) -> Self {
        let later = self.0.checked_add_signed(TimeDelta::seconds(seconds.into()));
        later.map_or(Self::MAX, Self).min(Self::MAX)
    }

    /// The start of the interval of this many seconds in which it lies, counted from `origin`.
    #[must_use]
    pub(crate) fn interval_start(self, origin: Self, seconds: u32) -> Self {
        let length = i64::from(seconds.max(1)) * 1_000_000;
        let since = (self.0 - origin.0).num_microseconds().unwrap_or(0);
        Self(self.0 - TimeDelta::microseconds(since.rem_euclid(length)))
    }

    /// The instant as chrono has it, for arithmetic and formatting.
    #[must_use]
    pub const fn as_datetime(self) -> DateTime<Utc> {
        self.0
    }
}

impl From<DateTime<Utc>> for UtcTime {
    fn from(time: DateTime<Utc>) -> Self {
        // The cut fails only beyond the years 1678 to 2262, where the time has no finer part to us.
        Self(time.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(time))
    }
}

impl From<UtcTime> for DateTime<Utc> {
    fn from(time: UtcTime) -> Self {
        time.0
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format(STORED).fmt(f)
    }
}

impl fmt::Debug for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}Z")
    }
}

/// Reads exactly the stored form.
impl FromStr for UtcTime {
    type Err = chrono::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        NaiveDateTime::parse_from_str(text, STORED).map(|time| Self(time.and_utc()))
    }
}

impl<DB: Backend> FromSql<Timestamp, DB> for UtcTime
where
    NaiveDateTime: FromSql<Timestamp, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        NaiveDateTime::from_sql(value).map(|time| Self(time.and_utc()))
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
    fn parts_below_a_microsecond_are_cut_off() {
        let fine = DateTime::from_timestamp(1_700_000_000, 123_456_789).expect("a valid time");
        assert_eq!(UtcTime::from(fine).to_string(), "2023-11-14 22:13:20.123456");
    }
}
