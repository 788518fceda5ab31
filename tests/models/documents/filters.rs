//! Finding documents: each filter, alone and with others.

use zenith_db::prelude::*;

use crate::support::content::{document, upload};
use crate::support::models::Models;
use crate::support::pages::walk;

/// A way through every state.
const PROCESSING: [ProcessingStatus; 5] = [
    ProcessingStatus::Processing,
    ProcessingStatus::Completed,
    ProcessingStatus::Pending,
    ProcessingStatus::Processing,
    ProcessingStatus::Failed,
];

fn tagged(models: &Models, tags: &[&str]) -> DocumentId {
    let tags = tags.iter().collect::<JsonText<Vec<String>>>();
    let new = NewDocument { tags, ..document(models.ann(), "content") };
    models.run(|conn| new.insert(conn)).id
}

fn called(models: &Models, name: &str) -> DocumentId {
    let new = NewDocument { original_filename: name, ..document(models.ann(), "content") };
    models.run(|conn| new.insert(conn)).id
}

/// What the filter lets through, in pages of two.
fn filtered(models: &Models, filter: DocumentFilter<'_>) -> Vec<DocumentId> {
    let size = PageSize::of(2);
    let page = |before| models.run(|conn| Document::page(conn, filter, before, size));
    walk(size, page).into_iter().map(|document| document.id).collect()
}

fn by_tag(models: &Models, tag: &str) -> Vec<DocumentId> {
    filtered(models, DocumentFilter { tag: Some(tag), ..DocumentFilter::default() })
}

fn by_name(models: &Models, name: &str) -> Vec<DocumentId> {
    filtered(models, DocumentFilter { name: Some(name), ..DocumentFilter::default() })
}

#[test]
fn each_filter_alone_and_with_others_lets_through_what_it_says() {
    let models = Models::new();
    let (ann, bob) = (models.ann(), models.add_user("bob"));
    assert_eq!(filtered(&models, DocumentFilter::default()), []);
    let mut made = Vec::new();
    for number in 0..96 {
        let pick = |shift: u32| number >> shift & 1 == 1;
        let mut new = document(if pick(0) { ann } else { bob }, "content");
        new.upload_status = UploadStatus::ALL[number / 32];
        new.original_filename = if pick(1) { "report.pdf" } else { "letter.txt" };
        new.tags = if pick(2) { ["x", "y"].iter().collect() } else { ["y"].iter().collect() };
        let changes = DocumentChanges { is_archived: Some(pick(3)), ..DocumentChanges::default() };
        let id = models.run(|conn| new.insert(conn)).id;
        made.push(models.run(|conn| changes.update(conn, id)));
        if pick(4) && made[number].upload_status == UploadStatus::Uploaded {
            let to = ProcessingStatus::Processing;
            made[number] = models.run(|conn| Document::set_processing_status(conn, id, to, None));
        }
    }
    for chosen in 0..64_u32 {
        let is_set = |bit: u32| chosen >> bit & 1 == 1;
        let filter = DocumentFilter {
            user_id: is_set(0).then_some(bob),
            upload_status: is_set(1).then_some(UploadStatus::Uploaded),
            processing_status: is_set(2).then_some(ProcessingStatus::Pending),
            is_archived: is_set(3).then_some(false),
            tag: is_set(4).then_some("x"),
            name: is_set(5).then_some("REPORT"),
        };
        let lets_through = |document: &&Document| {
            filter.user_id.is_none_or(|user| document.user_id == user)
                && filter.upload_status.is_none_or(|status| document.upload_status == status)
                && filter.processing_status.is_none_or(|s| document.processing_status == s)
                && filter.is_archived.is_none_or(|archived| document.is_archived == archived)
                && (!is_set(4) || document.tags.get().expect("tags").contains(&"x".to_owned()))
                && (!is_set(5) || document.original_filename == "report.pdf")
        };
        let expected: Vec<_> = made.iter().rev().filter(lets_through).map(|d| d.id).collect();
        assert!(!expected.is_empty());
        assert_eq!(filtered(&models, filter), expected, "{filter:?}");
    }
}

#[test]
fn each_state_is_a_filter() {
    let models = Models::new();
    for &upload_status in UploadStatus::ALL {
        let new = NewDocument { upload_status, ..document(models.ann(), upload_status.as_str()) };
        let id = models.run(|conn| new.insert(conn)).id;
        let filter =
            DocumentFilter { upload_status: Some(upload_status), ..DocumentFilter::default() };
        assert_eq!(filtered(&models, filter), [id]);
    }
    let id = upload(&models, models.ann(), "to process").id;
    for status in PROCESSING {
        models.run(|conn| Document::set_processing_status(conn, id, status, None));
        let filter =
            DocumentFilter { processing_status: Some(status), ..DocumentFilter::default() };
        assert_eq!(filtered(&models, filter).first(), Some(&id), "{status}");
        assert!(
            status == ProcessingStatus::Pending || filtered(&models, filter).len() == 1,
            "{status}"
        );
    }
}

#[test]
fn a_tag_is_found_exactly() {
    let models = Models::new();
    let tags = [
        "plain",
        "Plain",
        "plain text",
        "ä",
        "Ä",
        "a\u{308}",
        "日本",
        "🦀",
        "%",
        "_",
        "100%",
        "a_b",
        "\\",
        "\\\\",
        "\\n",
        "\n",
        "\t",
        "\u{1}",
        "\0",
        "'",
        "''",
        "; DROP TABLE documents",
        "*",
        "?",
        "[a]",
        "{}",
        "null",
        "1",
        " ",
        "/",
        "\u{2028}",
    ];
    // Each beside one that no other document has.
    let numbered = tags.iter().enumerate();
    let ids: Vec<_> =
        numbered.map(|(n, tag)| tagged(&models, &[tag, &format!("own {n}")])).collect();
    tagged(&models, &[]);
    let doubled = tagged(&models, &["doubled", "doubled"]);
    assert_eq!(by_tag(&models, "doubled"), [doubled]);
    for (tag, id) in tags.iter().zip(ids) {
        assert_eq!(by_tag(&models, tag), [id], "{tag:?}");
    }
    for absent in ["plai", "lain", "PLAIN", "own", "own %", "100", "a", "b", "own 1\"", "[]"] {
        assert_eq!(by_tag(&models, absent), [], "{absent:?}");
    }
}

#[test]
fn what_lies_between_tags_or_in_quotes_inside_one_is_no_tag() {
    let models = Models::new();
    let two = tagged(&models, &["one", "two"]);
    let quotes = tagged(&models, &["say \"hello\" twice"]);
    let quote = tagged(&models, &["\""]);
    let comma = tagged(&models, &[",", ",\",", ""]);
    for (tag, expected) in [
        ("one", vec![two]),
        (",", vec![comma]),
        ("hello", vec![]),
        (" twice", vec![]),
        ("say \"hello\" twice", vec![quotes]),
        ("\"", vec![quote]),
        ("", vec![comma]),
        ("one\",\"two", vec![]),
        (",\",", vec![comma]),
    ] {
        assert_eq!(by_tag(&models, tag), expected, "{tag:?}");
    }
}

#[test]
fn a_text_is_found_anywhere_in_the_name() {
    let models = Models::new();
    let names =
        ["Annual Report.PDF", "100%.txt", "100 percent.txt", "a_b.txt", "axb.txt", "c\\d.txt"];
    let ids = names.map(|name| called(&models, name));
    let crab = called(&models, "die 🦀 Übung.txt");
    let at = |places: &[usize]| places.iter().map(|&n| ids[n]).collect::<Vec<_>>();
    for (text, places) in [
        ("annual", vec![0]),
        ("ANNUAL REPORT.pdf", vec![0]),
        (".pdf", vec![0]),
        ("100", vec![2, 1]),
        ("100%", vec![1]),
        ("%", vec![1]),
        ("_", vec![3]),
        ("a_b", vec![3]),
        ("A_B", vec![3]),
        ("\\", vec![5]),
        ("c\\d", vec![5]),
        ("\\%", vec![]),
        ("\\_", vec![]),
        ("100%%", vec![]),
        ("'", vec![]),
        ("reports", vec![]),
    ] {
        assert_eq!(by_name(&models, text), at(&places), "{text:?}");
    }
    assert_eq!(by_name(&models, "🦀 Übung.TXT"), [crab]);
    assert_eq!(by_name(&models, "").len(), 7);
}

#[test]
fn no_name_has_a_nul_in_it() {
    let models = Models::new();
    called(&models, "report");
    assert_eq!(by_name(&models, "report\0"), []);
    assert_eq!(by_name(&models, "port\0 of call"), []);
}
