//! Series of measured values, against a plain reckoning of the same; and their retention.

use chrono::DateTime;
use proptest::prelude::*;
use proptest::test_runner::{Config as ProptestConfig, TestRunner};
use zenith_db::prelude::*;

use crate::support::models::Models;

const MICROS: i64 = 1_000_000;

/// 2026-01-01 00:00:00.123456: no whole number of anything.
const ORIGIN: i64 = 1_767_225_600_123_456;

/// A time, so many microseconds after [`ORIGIN`].
fn at(micros: i64) -> UtcTime {
    DateTime::from_timestamp_micros(ORIGIN + micros).expect("a time").into()
}

fn measured<'a>(
    name: &'a str,
    component: Option<&'a str>,
    micros: i64,
    value: f64,
) -> NewSystemMetric<'a> {
    let new =
        NewSystemMetric::builder().metric_name(MetricName::undeclared(name)).metric_value(value);
    new.metric_type(MetricType::Gauge)
        .component(component.map(Component::undeclared))
        .timestamp(at(micros))
        .build()
}

fn insert(models: &Models, values: &[NewSystemMetric<'_>]) {
    models.run(|conn| SystemMetric::insert_all(conn, values));
}

fn series(
    models: &Models,
    name: &str,
    component: Option<&str>,
    (from, until): (i64, i64),
    seconds: u32,
) -> Vec<MetricBucket> {
    let range = (at(from), at(until));
    models.run(|conn| {
        SystemMetric::series(
            conn,
            MetricName::undeclared(name),
            component.map(Component::undeclared),
            range,
            seconds,
        )
    })
}

/// One value: its component, its time, and how much it is.
type Measured = (Option<&'static str>, i64, f64);

/// Goes through the intervals one by one and looks for each one's values among all.
#[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
fn reckoned(
    values: &[Measured],
    component: Option<&str>,
    (from, until): (i64, i64),
    seconds: u32,
) -> Vec<MetricBucket> {
    let length = i64::from(seconds.max(1)) * MICROS;
    let mut buckets = Vec::new();
    let mut start = from;
    while start < until {
        let end = until.min(start + length);
        let mut inside: Vec<_> = values
            .iter()
            .filter(|(of, ..)| component.is_none() || component == *of)
            .filter(|(_, time, _)| (start..end).contains(time))
            .map(|(_, time, value)| (*time, *value))
            .collect();
        // A stable sort: of one time, what was inserted last is the last.
        inside.sort_by_key(|(time, _)| *time);
        if let Some((_, last)) = inside.last() {
            let all = || inside.iter().map(|(_, value)| *value);
            buckets.push(MetricBucket {
                start: at(start),
                count: inside.len() as u64,
                min: all().fold(f64::INFINITY, f64::min),
                max: all().fold(f64::NEG_INFINITY, f64::max),
                mean: all().sum::<f64>() / inside.len() as f64,
                last: *last,
            });
        }
        start += length;
    }
    buckets
}

/// The same but for the mean, which may be off by a billionth of the largest value.
fn assert_same(found: &[MetricBucket], expected: &[MetricBucket]) {
    assert_eq!(found.len(), expected.len(), "{found:?} {expected:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(MetricBucket { mean: expected.mean, ..*found }, *expected);
        let largest = expected.min.abs().max(expected.max.abs());
        assert!((found.mean - expected.mean).abs() <= 1e-9 * largest, "{found:?} {expected:?}");
    }
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![-1e6..1e6, Just(0.0), Just(1.0), -1e300..1e300, -1e-300..1e-300]
}

/// From before the range to after it; about half of them exactly on a whole second, or next to it.
fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![
        -5 * MICROS..70 * MICROS,
        (-5_i64..70).prop_map(|seconds| seconds * MICROS),
        (-5_i64..70).prop_map(|seconds| seconds * MICROS - 1),
    ]
}

#[test]
fn a_series_is_what_a_plain_reckoning_gives() {
    let models = Models::new();
    let component = prop_oneof![Just(None), Just(Some("a")), Just(Some("b"))];
    let values = proptest::collection::vec((component, any_time(), any_value()), 0..150);
    let range = (any_time(), any_time());
    let config = ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() };
    let case = std::cell::Cell::new(0_u32);
    let tried =
        TestRunner::new(config).run(&(values, range, 0_u32..40), |(values, range, seconds)| {
            case.set(case.get() + 1);
            // Every case has a metric of its own, among those of the others.
            let name = format!("metric {}", case.get());
            let rows: Vec<_> =
                values.iter().map(|(of, time, v)| measured(&name, *of, *time, *v)).collect();
            insert(&models, &rows);
            for range in [range, (0, 60 * MICROS)] {
                for component in [None, Some("a"), Some("b"), Some("c")] {
                    let found = series(&models, &name, component, range, seconds);
                    assert_same(&found, &reckoned(&values, component, range, seconds));
                }
            }
            Ok(())
        });
    tried.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn a_value_on_a_boundary_belongs_to_the_interval_that_begins() {
    let models = Models::new();
    let times = [-1, 0, 1, 10 * MICROS - 1, 10 * MICROS, 20 * MICROS - 1, 20 * MICROS];
    let values = times.map(|time| measured("m", None, time, 1.0));
    insert(&models, &values);
    let found = series(&models, "m", None, (0, 20 * MICROS), 10);
    let starts: Vec<_> = found.iter().map(|bucket| (bucket.start, bucket.count)).collect();
    assert_eq!(starts, [(at(0), 3), (at(10 * MICROS), 2)]);
    // Intervals are counted from the start of the series, wherever that lies.
    let found = series(&models, "m", None, (1, 30 * MICROS), 10);
    let starts: Vec<_> = found.iter().map(|bucket| (bucket.start, bucket.count)).collect();
    assert_eq!(starts, [(at(1), 3), (at(10 * MICROS + 1), 2)]);
}

#[test]
fn an_interval_without_values_is_left_out_and_of_no_seconds_is_of_one() {
    let models = Models::new();
    let times = [0, 500_000, MICROS, 5 * MICROS];
    insert(&models, &times.map(|time| measured("m", None, time, 1.0)));
    let range = (0, 10 * MICROS);
    let found = series(&models, "m", None, range, 0);
    let starts: Vec<_> = found.iter().map(|bucket| (bucket.start, bucket.count)).collect();
    assert_eq!(starts, [(at(0), 2), (at(MICROS), 1), (at(5 * MICROS), 1)]);
    assert_eq!(found, series(&models, "m", None, range, 1));
}

#[test]
fn an_empty_range_and_an_unknown_metric_have_no_series() {
    let models = Models::new();
    insert(&models, &[measured("m", Some("a"), 0, 1.0)]);
    for range in [(0, 0), (1, 0), (1, MICROS), (-MICROS, 0)] {
        assert_eq!(series(&models, "m", None, range, 1), [], "{range:?}");
    }
    assert_eq!(series(&models, "M", None, (0, MICROS), 1), []);
    assert_eq!(series(&models, "m", Some("b"), (0, MICROS), 1), []);
    assert_eq!(series(&models, "m", Some(""), (0, MICROS), 1), []);
    assert_eq!(series(&models, "m", Some("a"), (0, 1), 1).len(), 1);
}

#[test]
fn a_series_may_be_as_long_as_time() {
    let models = Models::new();
    insert(&models, &[measured("m", None, 0, 1.0)]);
    let whole = (UtcTime::MIN, UtcTime::MAX);
    for seconds in [1, 86_400, u32::MAX] {
        let found = models
            .run(|conn| SystemMetric::series(conn, MetricName::new("m"), None, whole, seconds));
        let bucket = found[0];
        assert_eq!((found.len(), bucket.count), (1, 1));
        assert!(bucket.start <= at(0) && at(0) < bucket.start.plus_seconds(seconds));
    }
}

#[test]
fn the_mean_of_huge_values_is_finite() {
    let models = Models::new();
    let huge = f64::MAX;
    let cases: [(&str, &[f64], f64); 5] = [
        ("twice", &[huge, huge], huge),
        ("least", &[-huge, -huge, -huge], -huge),
        ("both", &[huge, -huge], 0.0),
        ("swing", &[huge, -huge, huge, -huge], 0.0),
        ("third", &[-huge, huge, huge], huge / 3.0),
    ];
    for (name, values, mean) in cases {
        let rows: Vec<_> = values.iter().map(|value| measured(name, None, 0, *value)).collect();
        insert(&models, &rows);
        let bucket = series(&models, name, None, (0, 1), 1)[0];
        assert!((bucket.mean / huge - mean / huge).abs() < 1e-9, "{name}: {bucket:?}");
        assert_eq!(Some(bucket.last), values.last().copied(), "{name}");
    }
}

#[test]
fn the_mean_of_equal_values_is_their_value() {
    let models = Models::new();
    for (name, value) in [("a", 0.1), ("b", 1e300), ("c", -3.3e-300), ("d", f64::MAX)] {
        insert(&models, &vec![measured(name, None, 0, value); 100]);
        let bucket = series(&models, name, None, (0, 1), 1)[0];
        let expected = MetricBucket {
            start: at(0),
            count: 100,
            min: value,
            max: value,
            mean: value,
            last: value,
        };
        assert_eq!(bucket, expected);
    }
}

#[test]
fn retention_deletes_what_is_older_in_batches_the_oldest_first() {
    let models = Models::new();
    // Not inserted in the order of their times.
    let times = [9, 2, 7, 4, 5, 0, 1, 8, 3, 6];
    insert(&models, &times.map(|time| measured("m", None, time, 1.0)));
    let left = || series(&models, "m", None, (0, 20), 1).iter().map(|b| b.count).sum::<u64>();
    let oldest = |time| series(&models, "m", None, (0, time), 1);
    let delete = |before, batch| {
        let batch = PageSize::of(batch);
        models.run(|conn| SystemMetric::delete_older_than(conn, at(before), batch))
    };
    assert_eq!(delete(0, 500), 0);
    assert_eq!(delete(8, 3), 3);
    assert_eq!((left(), oldest(3)), (7, vec![]));
    assert_eq!([delete(8, 3), delete(8, 3), delete(8, 3)], [3, 2, 0]);
    // The one at the very time stays.
    assert_eq!((left(), oldest(9).len()), (2, 1));
    assert_eq!([delete(100, 500), delete(100, 500)], [2, 0]);
    assert_eq!(left(), 0);
}
