//! Metrics: measured values over time.

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::Result;
use crate::error::{Rule, Violation};
use crate::models::query::{OptionalFilter, PageSize, insert_rows, retained};
use crate::schema::system_metrics;
use crate::types::{Component, JsonText, MetricName, MetricType, SystemMetricId, UtcTime};

diesel::alias! {
    // The values that retention is about to delete.
    const DOOMED: Alias<Doomed> = system_metrics as doomed;
}

retained!(SystemMetric, system_metrics, SystemMetricId, timestamp, system_metrics::timestamp);

/// One measured value.
#[derive(Clone, Debug, PartialEq, Identifiable, Queryable, Selectable, Serialize, Deserialize)]
#[diesel(table_name = system_metrics)]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct SystemMetric {
    /// Primary key.
    pub id: SystemMetricId,
    /// Name of the metric.
    pub metric_name: String,
    /// Measured value.
    pub metric_value: f64,
    /// Unit of the value.
    pub metric_unit: Option<String>,
    /// Type of the metric.
    pub metric_type: MetricType,
    /// Component that was measured.
    pub component: Option<String>,
    /// Time of the measurement.
    pub timestamp: UtcTime,
    /// Further dimensions of the metric, as a JSON object.
    pub tags: JsonText,
    /// Application-defined metadata.
    pub metadata: JsonText,
}

/// Measured value to insert.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = system_metrics)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewSystemMetric<'a> {
    /// Name of the metric.
    pub metric_name: MetricName<'a>,
    /// Measured value; finite.
    pub metric_value: f64,
    /// Unit of the value, 1 to 20 characters.
    #[builder(default, setter(into))]
    pub metric_unit: Option<&'a str>,
    /// Type of the metric.
    pub metric_type: MetricType,
    /// Component that was measured.
    #[builder(default, setter(into))]
    pub component: Option<Component<'a>>,
    /// Time of the measurement; now by default.
    #[builder(default = UtcTime::now())]
    pub timestamp: UtcTime,
    /// Further dimensions of the metric, as a JSON object; empty by default.
    #[builder(default = JsonText::empty_object())]
    pub tags: JsonText,
    /// Application-defined metadata; an empty object by default.
    #[builder(default = JsonText::empty_object())]
    pub metadata: JsonText,
}

/// Summary of the values of one interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricBucket {
    /// Start of the interval: the start of the series plus a whole number of intervals.
    pub start: UtcTime,
    /// Number of values, at least 1: an interval without values has no bucket.
    pub count: u64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Mean of the values.
    pub mean: f64,
    /// Last value in the order of time.
    pub last: f64,
}

impl SystemMetric {
    /// Inserts measured values in one transaction. Returns the number of inserted values.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if a value is not finite or breaks a rule.
    pub fn insert_all(
        connection: &mut Writer<'_>,
        values: &[NewSystemMetric<'_>],
    ) -> Result<usize> {
        // SQLite would take NaN for NULL, and name another rule.
        if values.iter().any(|value| value.metric_value.is_nan()) {
            let rule = "system_metrics_metric_value_finite";
            return Err(Violation::new(Rule::Range, rule).into());
        }
        connection.write(|connection| {
            Ok(dispatch!(connection, |connection| insert_rows(
                connection,
                system_metrics::table,
                values,
                |value| Insertable::<system_metrics::table>::values(value).values,
            ))?)
        })
    }

    /// Returns the values of a metric from `from` (inclusive) to `until` (exclusive), summarised in
    /// intervals of `interval_seconds` (0 counts as 1), oldest first. If `component` is `None`, the
    /// values of all components.
    ///
    /// The values are summarised in this process, so that both backends return the same numbers. From
    /// SQLite they are read one at a time; PostgreSQL sends all of them first, so choose a range whose
    /// values fit into memory.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn series(
        connection: &mut DbConnection,
        name: MetricName<'_>,
        component: Option<Component<'_>>,
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

    /// Deletes values measured before `before`, oldest first and at most `batch` of them. Returns the
    /// number of deleted values; call it until that is 0.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn delete_older_than(
        connection: &mut Writer<'_>,
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

/// Builds the buckets from values in the order of time.
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
