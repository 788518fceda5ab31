//! Rows that are inserted many at once: 64 to a statement, and of the rest as many as eights go into it, then what
//! is left.

use std::sync::{Arc, Mutex};

use diesel::connection::{Connection, InstrumentationEvent};
use serde_json::json;
use zenith_db::prelude::*;
use zenith_db::schema::{document_chunks, system_metrics};

use crate::support::content::upload;
use crate::support::json_text;
use crate::support::models::Models;

/// Chunks of which no two are alike, with and without each field that may be omitted.
fn chunks(number: usize) -> Vec<NewDocumentChunk<'static>> {
    let chunk = |place: i32| {
        let text = |what: &str| &*format!("{what} {place}").leak();
        NewDocumentChunk::builder()
            .chunk_index(place)
            .content(text("content"))
            .token_count(place % 100)
            .page_number((place % 2 == 0).then_some(place))
            .section_title((place % 3 == 0).then(|| text("title")))
            .vector_id((place % 5 == 0).then(|| text("vector")))
            .metadata(json_text(json!({ "place": place })))
            .build()
    };
    (0..).map(chunk).take(number).collect()
}

fn metrics(number: usize) -> Vec<NewSystemMetric<'static>> {
    let metric = NewSystemMetric::builder().metric_name(MetricName::new("load")).metric_value(0.5);
    vec![metric.metric_type(MetricType::Gauge).build(); number]
}

fn list(models: &Models, document: DocumentId) -> Vec<DocumentChunk> {
    models.run(|conn| DocumentChunk::list_for_document(conn, document))
}

#[test]
fn every_number_of_rows_arrives_as_it_was_given() {
    let models = Models::new();
    // The last has 32,772 values, of which a statement of SQLite binds at most 32,766.
    let numbers = [0, 1, 7, 8, 9, 15, 16, 17, 56, 63, 64, 65, 72, 73, 127, 128, 137, 2_731];
    // The second time the statements are there already.
    for number in numbers.into_iter().chain(numbers) {
        let document = upload(&models, models.ann(), "content").id;
        let given = chunks(number);
        let inserted = models.run(|conn| DocumentChunk::insert_all(conn, document, &given));
        assert_eq!(usize::try_from(inserted.chunk_count), Ok(number));
        let stored = list(&models, document);
        assert_eq!(stored.len(), number);
        assert!(stored.is_sorted_by_key(|chunk| chunk.id), "{number}");
        for (stored, given) in stored.iter().zip(&given) {
            assert_eq!((stored.document_id, stored.chunk_index), (document, given.chunk_index));
            assert_eq!((stored.chunk_id, &*stored.content), (given.chunk_id, given.content));
            assert_eq!(stored.content_hash, given.content_hash);
            assert_eq!(
                (stored.token_count, stored.page_number),
                (given.token_count, given.page_number)
            );
            assert_eq!(stored.section_title.as_deref(), given.section_title);
            assert_eq!(stored.vector_id.as_deref(), given.vector_id);
            assert_eq!(stored.metadata, given.metadata);
        }
    }
}

#[test]
fn a_broken_rule_among_many_rows_is_named_and_no_row_goes_in() {
    let models = Models::new();
    let document = upload(&models, models.ann(), "content").id;
    let many = || chunks(64 + 24 + 5);
    let refused = |place: usize, bad: &dyn Fn(&mut NewDocumentChunk<'static>)| {
        let mut many = many();
        bad(&mut many[place]);
        // What surrounds the failure is committed: the rows must be undone by themselves.
        models.run(|conn| Ok(DocumentChunk::insert_all(conn, document, &many).is_err()));
        move |conn: &mut Writer<'_>| DocumentChunk::insert_all(conn, document, &many)
    };
    for place in [0, 33, 63, 64, 75, 87, 88, 90, 92] {
        let long = refused(place, &|chunk| chunk.vector_id = Some("x".repeat(101).leak()));
        models.violates(Rule::Length, document_chunks::vector_id, long);
        let negative = refused(place, &|chunk| chunk.token_count = -1);
        models.violates(Rule::Count, document_chunks::token_count, negative);
        let twice = refused(place, &|chunk| chunk.chunk_index = i32::from(place == 0));
        models.violates(Rule::Duplicate, document_chunks::chunk_index, twice);
        let mut values = metrics(93);
        values[place].metric_unit = Some("");
        models.run(|conn| Ok(SystemMetric::insert_all(conn, &values).is_err()));
        models.violates(Rule::Length, system_metrics::metric_unit, |conn| {
            SystemMetric::insert_all(conn, &values)
        });
    }
    assert_eq!(list(&models, document), []);
    let found = models.run(|conn| Document::find(conn, document)).expect("a document");
    assert_eq!((found.chunk_count, found.total_tokens), (0, 0));
    let ages = (UtcTime::now().plus_seconds(60), PageSize::of(500));
    assert_eq!(models.run(|conn| SystemMetric::delete_older_than(conn, ages.0, ages.1)), 0);
    // The statements still serve.
    assert_eq!(
        models.run(|conn| DocumentChunk::insert_all(conn, document, &many())).chunk_count,
        93
    );
}

#[test]
fn fifteen_statements_are_prepared_for_every_number_of_rows() {
    let models = Models::new();
    let document = upload(&models, models.ann(), "content").id;
    // One transaction, and so one connection, on which nothing of the kind has run.
    let kept = models.run(|conn| {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&kept);
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::CacheQuery { sql, .. } = event
                && sql.starts_with("INSERT")
            {
                seen.lock().expect("a lock").push(sql.to_owned());
            }
        });
        let mut before = 0;
        for number in (0..=200).rev() {
            DocumentChunk::insert_all(conn, document, &chunks(number))?;
            DocumentChunk::delete_for_document(conn, document)?;
            SystemMetric::insert_all(conn, &metrics(number))?;
            let now = kept.lock().expect("a lock").len();
            assert!(now - before <= 6, "{} for {number} rows of each table", now - before);
            before = now;
        }
        let kept = kept.lock().expect("a lock").clone();
        Ok(kept)
    });
    for table in ["document_chunks", "system_metrics"] {
        assert_eq!(kept.iter().filter(|sql| sql.contains(table)).count(), 15, "{table}");
    }
}
