//! Pages, whatever their size and however many rows there are.

use proptest::prelude::*;
use zenith_db::prelude::*;

use crate::support::content::{document, message, open, open_at, time};
use crate::support::models::Models;
use crate::support::pages::{by_time, made, moderately, paged, reversed, times_and_size};

/// How many rows there are, and how many go on a page: also exactly as many, and one more or less.
fn rows_and_size() -> impl Strategy<Value = (u32, u32)> {
    (0..30_u32).prop_flat_map(|rows| {
        (
            Just(rows),
            prop_oneof![1..8_u32, Just(rows), Just(rows + 1), Just(rows.saturating_sub(1))],
        )
    })
}

proptest! {
    #![proptest_config(moderately())]

    #[test]
    fn messages_and_replies_come_once_and_in_order((rows, size) in rows_and_size()) {
        let models = Models::new();
        let session = open(&models, models.ann());
        let root = models.run(|conn| message(&session, "root").insert(conn));
        let mut ids = made(&models, rows, |conn, _| {
            let parent_message_id = Some(root.message_id);
            let new = NewChatMessage { parent_message_id, ..message(&session, "reply") };
            Ok(new.insert(conn)?.id)
        });
        let replies = |conn: &mut DbConnection, after, size| {
            ChatMessage::page_of_replies(conn, session.id, root.message_id, after, size)
        };
        prop_assert_eq!(&paged(&models, size, replies, |message| message.id), &ids);
        ids.insert(0, root.id);
        let page = |order| {
            let id = session.id;
            let page = move |conn: &mut DbConnection, cursor, size| {
                ChatMessage::page(conn, id, order, cursor, size)
            };
            paged(&models, size, page, |message| message.id)
        };
        prop_assert_eq!(&page(MessageOrder::OldestFirst), &ids);
        prop_assert_eq!(page(MessageOrder::NewestFirst), reversed(ids));
    }

    #[test]
    fn sessions_come_once_and_by_activity((times, size) in times_and_size()) {
        let models = Models::new();
        let ann = models.ann();
        let open = |&seconds| models.run(|conn| open_at(conn, ann, false, time(seconds)));
        let ids: Vec<_> = times.iter().map(open).collect();
        let page = |conn: &mut DbConnection, before, size| {
            ChatSession::page_for_user(conn, ann, false, before, size)
        };
        prop_assert_eq!(paged(&models, size, page, |session| session.id), by_time(&ids, &times));
    }

    #[test]
    fn documents_and_orphans_come_once_and_in_order((rows, size) in rows_and_size()) {
        let models = Models::new();
        let ann = models.ann();
        let ids = made(&models, rows, |conn, _| Ok(document(ann, "content").insert(conn)?.id));
        for user_id in [None, Some(ann)] {
            let filter = DocumentFilter { user_id, ..DocumentFilter::default() };
            let page = |conn: &mut DbConnection, before, size| {
                Document::page(conn, filter, before, size)
            };
            prop_assert_eq!(paged(&models, size, page, |document| document.id), reversed(ids.clone()));
        }
        let files = made(&models, rows, |conn, _| {
            let new = NewStoredFile::builder()
                .storage_path("p")
                .original_filename("n")
                .file_size(1)
                .mime_type("m")
                .file_hash(Sha256Hash::ZERO)
                .build();
            Ok(new.insert(conn)?.id)
        });
        prop_assert_eq!(paged(&models, size, StoredFile::page_of_orphans, |file| file.id), files);
    }

    #[test]
    fn what_belongs_to_a_user_comes_once_and_in_order((rows, size) in rows_and_size()) {
        let models = Models::new();
        let ann = models.ann();
        let ids = made(&models, rows, |conn, number| {
            let new = NewApiKey::builder()
                .user_id(ann)
                .name("key")
                .key(&number.to_string().into())
                .key_prefix("k");
            Ok(new.build().insert(conn)?.id)
        });
        let page =
            |conn: &mut DbConnection, after, size| ApiKey::page_for_user(conn, ann, after, size);
        prop_assert_eq!(paged(&models, size, page, |key| key.id), ids);

        let ids = made(&models, rows, |conn, _| {
            let new = NewNotification::builder().title("t").message("m");
            Ok(new.type_(NotificationType::Info).build().send_to(conn, ann)?.id)
        });
        let page = |conn: &mut DbConnection, before, size| {
            Notification::page_for_user(conn, ann, true, time(0), before, size)
        };
        prop_assert_eq!(paged(&models, size, page, |notification| notification.id), reversed(ids));
    }

    #[test]
    fn users_come_once_and_in_order((rows, size) in rows_and_size()) {
        let models = Models::new();
        let mut ids = vec![models.ann()];
        ids.extend((0..rows).map(|number| models.add_user(&format!("user{number}"))));
        let role_id = models.role("user");
        let page = |conn: &mut DbConnection, after, size| {
            Role::list_users(conn, role_id, after, size)
        };
        prop_assert_eq!(&paged(&models, size, page, |user| user.id), &ids);
        let filter = UserFilter { role_id: Some(role_id), ..UserFilter::default() };
        let page = |conn: &mut DbConnection, after, size| User::page(conn, filter, after, size);
        prop_assert_eq!(paged(&models, size, page, |user| user.id), ids);
    }

    #[test]
    fn what_happens_at_the_same_time_comes_once((times, size) in times_and_size()) {
        let models = Models::new();
        let ids: Vec<_> = times.iter().map(|&seconds| models.run(|conn| {
            NewBackupJob::builder().started_at(time(seconds)).build().insert(conn)
        }).id).collect();
        let jobs = paged(&models, size, BackupJob::page, |job| job.id);
        prop_assert_eq!(jobs, by_time(&ids, &times));

        let severity = Severity::Error;
        let ids: Vec<_> = times.iter().map(|&seconds| models.run(|conn| {
            let new = NewSecurityEvent::builder().event_type(EventType::new("t")).severity(severity);
            new.timestamp(time(seconds)).build().insert(conn)
        }).id).collect();
        let page = |conn: &mut DbConnection, before, size| {
            SecurityEvent::page_of_open(conn, severity, before, size)
        };
        prop_assert_eq!(paged(&models, size, page, |event| event.id), by_time(&ids, &times));

        let (ann, now) = (models.ann(), UtcTime::now());
        let end = now.plus_seconds(3_600);
        let ids: Vec<_> = times.iter().enumerate().map(|(number, &seconds)| models.run(|conn| {
            let new = NewUserSession::builder()
                .user_id(ann)
                .token(&number.to_string().into())
                .idle_expires_at(end)
                .expires_at(end)
                .build()
                .insert(conn)?;
            let used = now.plus_seconds(100 + seconds);
            assert!(UserSession::touch(conn, new.id, used, end)?);
            Ok(new.id)
        })).collect();
        let page = |conn: &mut DbConnection, before, size| {
            UserSession::page_for_user(conn, ann, before, size)
        };
        prop_assert_eq!(paged(&models, size, page, |session| session.id), by_time(&ids, &times));
    }

    #[test]
    fn audit_entries_come_once_and_in_order((rows, size) in rows_and_size()) {
        let models = Models::new();
        let ann = models.ann();
        let sequence = made(&models, rows, |conn, _| {
            let new = NewAuditEvent::builder().user_id(ann).event_type(EventType::new("t")).event_category(EventCategory::new("c"));
            Ok(new.action("a").build().append(conn)?.seq)
        });
        let filter = AuditFilter { user_id: Some(ann), ..AuditFilter::default() };
        let page =
            |conn: &mut DbConnection, before, size| AuditEntry::page(conn, filter, before, size);
        prop_assert_eq!(paged(&models, size, page, |entry| entry.seq), reversed(sequence));
    }
}
