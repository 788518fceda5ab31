//! JSON that another program stored: a row is read whatever it holds, and written back to the byte.

use serde_json::{Value, json};
use zenith_db::prelude::*;

use super::cursors::read_back;
use crate::support::json_text;
use crate::support::models::Models;

/// Texts that both databases take for JSON and `serde_json` does not decode, or not without loss.
fn odd() -> Vec<JsonText> {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let texts = [r#"{"a":1e400}"#, r#"{"a":"\ud800"}"#, r#"{"a":123456789012345678901}"#, &deep];
    texts.map(|text| serde_json::from_str(text).expect("JSON")).into()
}

/// One row that cannot be read would hide the others of its page.
#[test]
fn a_page_is_read_whatever_json_its_rows_hold() {
    let models = Models::new();
    let ann = models.ann();
    for metadata in odd() {
        let event = NewAuditEvent::builder()
            .event_type(EventType::new("t"))
            .event_category(EventCategory::new("c"))
            .action("a");
        let event = event.metadata(metadata.clone()).build();
        models.run(|conn| event.append(conn));
        let message = NewNotification::builder().title("odd").message("text");
        let message = message.type_(NotificationType::Info).metadata(metadata.clone()).build();
        models.run(|conn| message.send_to(conn, ann));
        let changes = UserChanges { metadata: Some(metadata), ..UserChanges::default() };
        models.run(|conn| changes.update(conn, ann));
    }
    let entries = models
        .run(|conn| AuditEntry::page(conn, AuditFilter::default(), None, PageSize::of(50)))
        .rows;
    let found: Vec<_> = entries.into_iter().rev().map(|entry| entry.metadata).collect();
    assert_eq!(found, odd());
    let now = UtcTime::now();
    let page =
        |conn: &mut _| Notification::page_for_user(conn, ann, false, now, None, PageSize::of(50));
    assert_eq!(models.run(|conn| page(conn)).rows.len(), odd().len());
    assert_eq!(models.run(|conn| User::find(conn, ann)).expect("ann").metadata, odd()[3]);
}

#[test]
fn odd_json_is_decoded_never_and_passed_on_always() {
    for json in odd() {
        assert!(json.get().is_err(), "{json:?}");
        let text = serde_json::to_string(&json).expect("JSON");
        assert_eq!(text, json.as_str());
    }
}

#[test]
fn what_was_read_is_written_back_to_the_byte() {
    let models = Models::new();
    let ann = models.ann();
    let numbers =
        json!({ "most": u64::MAX, "least": i64::MIN, "third": 0.333_333_333_333_333_3_f64 });
    for stored in [json_text(&numbers), r#" { "b" : 1.50, "a" : [ ] } "#.parse().expect("JSON")] {
        let changes = UserChanges { metadata: Some(stored.clone()), ..UserChanges::default() };
        let user = models.run(|conn| changes.update(conn, ann));
        assert_eq!(user.metadata, stored);
        let again = UserChanges { metadata: Some(user.metadata), ..UserChanges::default() };
        assert_eq!(models.run(|conn| again.update(conn, ann)).metadata, stored);
    }
    let user = models.run(|conn| User::find(conn, ann)).expect("ann");
    let fields: Value = serde_json::to_value(&user).expect("JSON");
    assert_eq!(fields["metadata"], json!({ "b": 1.5, "a": [] }));
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Answer {
    ok: bool,
    #[serde(flatten)]
    page: Page<User>,
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    User(User),
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
enum Untagged {
    User(Box<User>),
}

#[test]
fn rows_are_read_back_within_an_answer_of_any_form() {
    let models = Models::new();
    let page = models.run(|conn| User::page(conn, UserFilter::default(), None, PageSize::of(1)));
    let user = page.rows[0].clone();
    read_back(&Answer { ok: true, page });
    read_back(&Tagged::User(user.clone()));
    read_back(&Untagged::User(Box::new(user)));
    // Where serde has the text, every digit is kept.
    let digits = "{\"n\":123456789012345678901234567890.5}";
    let read: JsonText = serde_json::from_str(digits).expect("JSON");
    assert_eq!(read.as_str(), digits);
}
