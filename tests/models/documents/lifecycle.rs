//! The states of a document: every way between them, and who gets the work.

use std::sync::Barrier;

use diesel::prelude::*;
use zenith_db::Error;
use zenith_db::dispatch;
use zenith_db::prelude::*;
use zenith_db::schema::documents;

use crate::support::content::{document, time, upload};
use crate::support::models::Models;

const MISSING: DocumentId = DocumentId(4711);

const UPLOAD_STEPS: [(UploadStatus, UploadStatus); 3] = [
    (UploadStatus::Uploading, UploadStatus::Uploaded),
    (UploadStatus::Uploading, UploadStatus::Failed),
    (UploadStatus::Failed, UploadStatus::Uploading),
];

const PROCESSING_STEPS: [(ProcessingStatus, ProcessingStatus); 5] = [
    (ProcessingStatus::Pending, ProcessingStatus::Processing),
    (ProcessingStatus::Processing, ProcessingStatus::Completed),
    (ProcessingStatus::Processing, ProcessingStatus::Failed),
    (ProcessingStatus::Completed, ProcessingStatus::Pending),
    (ProcessingStatus::Failed, ProcessingStatus::Pending),
];

fn pairs<T: Copy>(words: &[T]) -> Vec<(T, T)> {
    words.iter().flat_map(|&from| words.iter().map(move |&to| (from, to))).collect()
}

/// A document in these states, with every time and an error, so that what a step clears or keeps can
/// be seen. No chain of steps leads to most of these.
fn document_in(models: &Models, upload: UploadStatus, processing: ProcessingStatus) -> Document {
    let new = NewDocument { upload_status: upload, ..document(models.ann(), "content") };
    let set = (
        documents::processing_status.eq(processing),
        documents::upload_started_at.eq(time(1)),
        documents::upload_completed_at.eq(time(2)),
        documents::processing_started_at.eq(time(3)),
        documents::processing_completed_at.eq(time(4)),
        documents::error_message.eq("before"),
    );
    models.run(|conn| {
        Ok(dispatch!(conn, |conn| diesel::insert_into(documents::table)
            .values((&new, set))
            .returning(Document::as_returning())
            .get_result(conn))?)
    })
}

fn find(models: &Models, id: DocumentId) -> Document {
    models.run(|conn| Document::find(conn, id)).expect("a document")
}

fn is_illegal(error: &Error, from: &str, to: &str) -> bool {
    let is_it = |what: &str, f: &str, t: &str| (what, f, t) == ("document", from, to);
    matches!(error, Error::IllegalTransition { what, from, to } if is_it(what, from, to))
        && error.to_string() == format!("a document cannot change from {from} to {to}")
}

#[test]
fn an_upload_goes_only_the_legal_ways() {
    let models = Models::new();
    for (from, to) in pairs(UploadStatus::ALL) {
        let legal = UPLOAD_STEPS.contains(&(from, to));
        assert_eq!(from.may_become(to), legal, "{from} to {to}");
        let before = document_in(&models, from, ProcessingStatus::Pending);
        let id = before.id;
        let step =
            |conn: &mut Writer<'_>| Document::set_upload_status(conn, id, to, Some("because"));
        if !legal {
            let error = models.fails(step);
            assert!(is_illegal(&error, from.as_str(), to.as_str()), "{from} to {to}: {error:?}");
            assert_eq!(find(&models, id), before);
            continue;
        }
        let after = models.run(step);
        let expected = Document {
            upload_status: to,
            upload_completed_at: after.upload_completed_at,
            error_message: (to == UploadStatus::Failed).then(|| "because".to_owned()),
            ..before
        };
        assert_eq!(after, expected, "{from} to {to}");
        let completed = to == UploadStatus::Uploaded;
        assert_eq!(after.upload_completed_at.is_some_and(|at| at > time(2)), completed);
        assert_eq!(after.upload_completed_at.is_none(), !completed);
        assert_eq!(find(&models, id), after);
    }
}

#[test]
fn processing_goes_only_the_legal_ways() {
    let models = Models::new();
    for (from, to) in pairs(ProcessingStatus::ALL) {
        let legal = PROCESSING_STEPS.contains(&(from, to));
        assert_eq!(from.may_become(to), legal, "{from} to {to}");
        let before = document_in(&models, UploadStatus::Uploaded, from);
        let id = before.id;
        let step =
            |conn: &mut Writer<'_>| Document::set_processing_status(conn, id, to, Some("because"));
        if !legal {
            let error = models.fails(step);
            assert!(is_illegal(&error, from.as_str(), to.as_str()), "{from} to {to}: {error:?}");
            assert_eq!(find(&models, id), before);
            continue;
        }
        let after = models.run(step);
        let now = |time: Option<UtcTime>| time.is_some_and(|at| at > before.upload_started_at);
        let (started, completed) = (after.processing_started_at, after.processing_completed_at);
        match to {
            ProcessingStatus::Pending => assert_eq!((started, completed), (None, None)),
            ProcessingStatus::Processing => {
                assert!(now(started) && started > before.processing_started_at);
                assert_eq!(completed, None);
            }
            ProcessingStatus::Completed | ProcessingStatus::Failed => {
                assert_eq!(started, before.processing_started_at);
                assert!(now(completed) && completed > before.processing_completed_at);
            }
        }
        let expected = Document {
            processing_status: to,
            processing_started_at: started,
            processing_completed_at: completed,
            error_message: (to == ProcessingStatus::Failed).then(|| "because".to_owned()),
            ..before
        };
        assert_eq!(after, expected, "{from} to {to}");
        assert_eq!(find(&models, id), after);
    }
}

#[test]
fn nothing_is_processed_that_is_not_uploaded() {
    let models = Models::new();
    for upload in [UploadStatus::Uploading, UploadStatus::Failed] {
        for (from, to) in pairs(ProcessingStatus::ALL) {
            let before = document_in(&models, upload, from);
            let error =
                models.fails(|conn| Document::set_processing_status(conn, before.id, to, None));
            assert!(is_illegal(&error, upload.as_str(), to.as_str()), "{upload}: {error:?}");
            assert_eq!(find(&models, before.id), before);
        }
    }
}

#[test]
fn a_document_goes_through_failures_to_completion() {
    let models = Models::new();
    let new =
        NewDocument { upload_status: UploadStatus::Uploading, ..document(models.ann(), "content") };
    let id = models.run(|conn| new.insert(conn)).id;
    let upload = |to, error: Option<&str>| {
        models.run(|conn| Document::set_upload_status(conn, id, to, error))
    };
    let process = |to, error: Option<&str>| {
        models.run(|conn| Document::set_processing_status(conn, id, to, error))
    };
    let failed = upload(UploadStatus::Failed, Some("the line broke"));
    assert_eq!(failed.error_message.as_deref(), Some("the line broke"));
    assert_eq!(upload(UploadStatus::Uploading, None).error_message, None);
    let uploaded = upload(UploadStatus::Uploaded, None);
    assert!(uploaded.upload_completed_at >= Some(uploaded.upload_started_at));
    process(ProcessingStatus::Processing, None);
    let failed = process(ProcessingStatus::Failed, Some("no text in it"));
    assert!(failed.processing_completed_at >= failed.processing_started_at);
    assert_eq!(failed.error_message.as_deref(), Some("no text in it"));
    process(ProcessingStatus::Pending, None);
    let again = process(ProcessingStatus::Processing, None);
    assert!(again.processing_started_at > failed.processing_started_at);
    let done = process(ProcessingStatus::Completed, None);
    assert_eq!(
        (done.error_message, done.upload_completed_at),
        (None, uploaded.upload_completed_at)
    );
    // What was completed can be done anew, such as with a better model.
    process(ProcessingStatus::Pending, None);
    process(ProcessingStatus::Processing, None);
    assert_eq!(process(ProcessingStatus::Failed, None).error_message, None);
}

#[test]
fn a_document_that_is_not_there_has_no_states() {
    let models = Models::new();
    let not_found = |error: Error| matches!(error, Error::NotFound { table: "documents", key } if key == "id 4711");
    for &to in UploadStatus::ALL {
        assert!(not_found(
            models.fails(|conn| Document::set_upload_status(conn, MISSING, to, None))
        ));
    }
    for &to in ProcessingStatus::ALL {
        assert!(not_found(
            models.fails(|conn| Document::set_processing_status(conn, MISSING, to, None))
        ));
    }
}

#[test]
fn a_step_touches_no_other_document_and_its_error_is_text() {
    let models = Models::new();
    let other = document_in(&models, UploadStatus::Uploaded, ProcessingStatus::Processing);
    let one = document_in(&models, UploadStatus::Uploaded, ProcessingStatus::Processing);
    let fail = |error: &'static str| {
        let to = ProcessingStatus::Failed;
        move |conn: &mut Writer<'_>| Document::set_processing_status(conn, one.id, to, Some(error))
    };
    models.violates(Rule::Text, documents::error_message, fail("a\0b"));
    assert_eq!(find(&models, one.id).processing_status, ProcessingStatus::Processing);
    models.run(fail("ä"));
    assert_eq!(find(&models, other.id), other);
}

#[test]
fn of_many_workers_that_take_the_same_document_one_gets_it() {
    const WORKERS: usize = 8;
    let models = Models::new();
    let id = upload(&models, models.ann(), "content").id;
    let (database, start) = (models.database(), Barrier::new(WORKERS));
    for _ in 0..20 {
        let take = || {
            start.wait();
            let to = ProcessingStatus::Processing;
            database.write(|conn| Document::set_processing_status(conn, id, to, None))
        };
        let taken: Vec<_> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(take)).collect();
            workers.into_iter().map(|worker| worker.join().expect("no panic")).collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = taken.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        let refused = |result| is_illegal(&Result::unwrap_err(result), "processing", "processing");
        assert!(lost.into_iter().all(refused));
        for to in [ProcessingStatus::Failed, ProcessingStatus::Pending] {
            models.run(|conn| Document::set_processing_status(conn, id, to, None));
        }
    }
}

#[test]
fn a_document_is_completed_though_the_clock_of_who_began_it_is_ahead() {
    let models = Models::new();
    let ahead = UtcTime::now().plus_seconds(3_600);
    let of_ann = |upload_status| NewDocument { upload_status, ..document(models.ann(), "content") };
    let begun = |new: NewDocument<'_>, processing| {
        let set = (
            documents::processing_status.eq(processing),
            documents::upload_started_at.eq(ahead),
            documents::processing_started_at.eq(ahead),
        );
        models.run(|conn| {
            Ok(dispatch!(conn, |conn| diesel::insert_into(documents::table)
                .values((&new, set))
                .returning(documents::id)
                .get_result(conn))?)
        })
    };
    let id = begun(of_ann(UploadStatus::Uploading), ProcessingStatus::Pending);
    models.run(|conn| Document::set_upload_status(conn, id, UploadStatus::Uploaded, None));
    for to in [ProcessingStatus::Completed, ProcessingStatus::Failed] {
        let id = begun(of_ann(UploadStatus::Uploaded), ProcessingStatus::Processing);
        models.run(|conn| Document::set_processing_status(conn, id, to, None));
    }
}
