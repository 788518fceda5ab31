//! Measurements over time.

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use typed_builder::TypedBuilder;

use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::Result;
use crate::error::{Rule, Violation};
use crate::models::query::{OptionalFilter, PageSize};
use crate::schema::system_metrics;
use crate::types::{Json, MetricType, SystemMetricId, UtcTime};

diesel::alias! {
    // The values that retention is about to delete.
    const DOOMED: Alias<Doomed> = system_metrics as doomed;
}

/// One measured value.
#[derive(Clone, Debug, PartialEq, Identifiable, Queryable, Selectable, Serialize, Deserialize)]
#[diesel(table_name = system_metrics)]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct SystemMetric {
    /// The row's key.
    pub id: SystemMetricId,
    /// What was measured.
    pub metric_name: String,
    /// The value.
    pub metric_value: f64,
    /// Its unit.
    pub metric_unit: Option<String>,
    /// What the value is.
    pub metric_type: MetricType,
    /// Of which component.
    pub component: Option<String>,
    /// When.
    pub timestamp: UtcTime,
    /// What distinguishes it further, by name.
    pub tags: Json<Value>,
    /// What the application keeps beside.
    pub metadata: Json<Value>,
}

/// A measured value to record.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = system_metrics)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewSystemMetric<'a> {
    /// What was measured, 1 to 100 characters.
    pub metric_name: &'a str,
    /// The value; finite.
    pub metric_value: f64,
    /// Its unit, 1 to 20 characters.
    #[builder(default, setter(into))]
    pub metric_unit: Option<&'a str>,
    /// What the value is.
    pub metric_type: MetricType,
    /// Of which component, 1 to 100 characters.
    #[builder(default, setter(into))]
    pub component: Option<&'a str>,
    /// OptionalFilter; unless told, now.
    #[builder(default = UtcTime::now())]
    pub timestamp: UtcTime,
    /// What distinguishes it further, an object; unless told, nothing.
    #[builder(default = Json::empty_object())]
    pub tags: Json<Value>,
    /// What the application keeps beside; unless told, an empty object.
    #[builder(default = Json::empty_object())]
    pub metadata: Json<Value>,
}

/// The values of one interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricBucket {
    /// When the interval begins: a whole number of intervals after the start of the series.
    pub start: UtcTime,
    /// How many values it has; an interval without any is left out.
    pub count: u64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// Their mean.
    pub mean: f64,
    /// The last.
    pub last: f64,
}

/// How many rows one statement writes.
const ROWS_PER_STATEMENT: usize = 64;

impl SystemMetric {
    /// Records values, any number of them, all or none. Returns how many.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if a value is not finite or breaks a rule.
    pub fn insert_all(
        connection: &mut DbConnection,
        values: &[NewSystemMetric<'_>],
    ) -> Result<usize> {
        // SQLite would take NaN for NULL, and name another rule.
        if values.iter().any(|value| value.metric_value.is_nan()) {
            let rule = "system_metrics_metric_value_finite";
            return Err(Violation::new(Rule::Range, rule).into());
        }
        connection.write(|connection| {
            for some in values.chunks(ROWS_PER_STATEMENT) {
                dispatch!(&mut *connection, |connection| diesel::insert_into(
                    system_metrics::table
                )
                .values(some)
                .execute(connection))?;
            }
            Ok(values.len())
        })
    }

    /// The values of a metric from `from` to before `until`, gathered into intervals of
    /// `interval_seconds` (0 is taken as 1), oldest first. With a component, only of that one.
    ///
    /// The values are gathered here, so that both backends give the same numbers. SQLite's are read one
    /// at a time; PostgreSQL sends them all first, so ask it for a range that fits into memory.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn series(
        connection: &mut DbConnection,
        name: &str,
        component: Option<&str>,
        (from, until): (UtcTime, UtcTime),
        interval_seconds: u32,
    ) -> Result<Vec<MetricBucket>> {
        let mut builder = BucketBuilder::new(from, interval_seconds.max(1));
        dispatch!(connection, |connection| {
            let values = system_metrics::table
                .select((system_metrics::timestamp, system_metrics::metric_value))
                .filter(system_metrics::metric_name.eq(name))
                .filter(OptionalFilter(
                    component.map(|component| system_metrics::component.eq(component)),
                ))
                .filter(system_metrics::timestamp.ge(from).and(system_metrics::timestamp.lt(until)))
                .order((system_metrics::timestamp, system_metrics::id))
                .load_iter::<(UtcTime, f64), DefaultLoadingMode>(connection)?;
            for value in values {
                let (time, value) = value?;
                builder.add(time, value);
            }
        });
        Ok(builder.buckets)
    }

    /// Retention: deletes at most `batch` values from before `before`, the oldest first. Returns how
    /// many; 0 is the end.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn delete_older_than(
        connection: &mut DbConnection,
        before: UtcTime,
        batch: PageSize,
    ) -> Result<usize> {
        let old = DOOMED
            .select(DOOMED.field(system_metrics::id))
            .filter(DOOMED.field(system_metrics::timestamp).lt(before))
            .order((DOOMED.field(system_metrics::timestamp), DOOMED.field(system_metrics::id)))
            .limit(batch.rows().into());
        Ok(dispatch!(connection, |connection| diesel::delete(system_metrics::table)
            .filter(system_metrics::id.eq_any(old))
            .execute(connection))?)
    }
}

/// Intervals being filled with values that come in the order of time.
struct BucketBuilder {
    from: UtcTime,
    seconds: u32,
    buckets: Vec<MetricBucket>,
}

impl BucketBuilder {
    const fn new(from: UtcTime, seconds: u32) -> Self {
        Self { from, seconds, buckets: Vec::new() }
    }

    #[expect(clippy::cast_precision_loss, reason = "2^53 values in one interval are not to be had")]
    fn add(&mut self, time: UtcTime, value: f64) {
        let start = time.interval_start(self.from, self.seconds);
        match self.buckets.last_mut() {
            Some(bucket) if bucket.start == start => {
                bucket.count += 1;
                bucket.min = bucket.min.min(value);
                bucket.max = bucket.max.max(value);
                // Step by step: the sum of large values could overflow, their mean cannot.
                let count = bucket.count as f64;
                bucket.mean += value / count - bucket.mean / count;
                bucket.last = value;
            }
            _ => self.buckets.push(MetricBucket {
                start,
                count: 1,
                min: value,
                max: value,
                mean: value,
                last: value,
            }),
        }
    }
}
