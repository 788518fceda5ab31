//! Pages, whatever is written between them and meanwhile.

use std::fmt::Debug;
use std::sync::mpsc::sync_channel;

use proptest::prelude::*;
use zenith_db::Result;
use zenith_db::prelude::*;

use crate::support::content::{document, message, open, open_at, time};
use crate::support::models::Models;
use crate::support::pages::{
    by_time, made, moderately, of_those, paged, reversed, times_and_size, walk,
    walk_while_rows_move,
};

proptest! {
    #![proptest_config(moderately())]

    #[test]
    fn what_is_inserted_between_pages_moves_no_row(
        rows in 1..20_u32,
        size in 1..6_u32,
        more in 1..4_u32,
    ) {
        let models = Models::new();
        let (ann, session) = (models.ann(), open(&models, models.ann()));
        let say = |conn: &mut Writer<'_>, _| Ok(message(&session, "x").insert(conn)?.id);
        let there = made(&models, rows, say);
        let (size, order) = (PageSize::of(size), MessageOrder::NewestFirst);
        let found = walk(size, |cursor| {
            made(&models, more, say);
            models.run(|conn| ChatMessage::page(conn, session.id, order, cursor, size))
        });
        let found = found.into_iter().map(|message| message.id).collect();
        prop_assert_eq!(of_those(found, &there), reversed(there));

        // Oldest first, the end moves on: one may stop when all that was there has been seen.
        let order = MessageOrder::OldestFirst;
        let there: Vec<_> = paged(&models, 500, |conn, cursor, size| {
            ChatMessage::page(conn, session.id, order, cursor, size)
        }, |message| message.id);
        let (mut found, mut cursor) = (Vec::new(), None);
        while found.last() < there.last() {
            made(&models, more, say);
            let page = models.run(|conn| ChatMessage::page(conn, session.id, order, cursor, size));
            found.extend(page.rows.iter().map(|message| message.id));
            cursor = page.next;
        }
        prop_assert_eq!(of_those(found, &there), there);

        let upload = |conn: &mut Writer<'_>, _| Ok(document(ann, "content").insert(conn)?.id);
        let there = made(&models, rows, upload);
        let found = walk(size, |cursor| {
            made(&models, more, upload);
            models.run(|conn| Document::page(conn, DocumentFilter::default(), cursor, size))
        });
        let found = found.into_iter().map(|document| document.id).collect();
        prop_assert_eq!(of_those(found, &there), reversed(there));
    }

    #[test]
    fn sessions_that_are_left_alone_stay_in_their_place(
        (times, size) in times_and_size(),
        touched in prop::collection::vec(any::<prop::sample::Index>(), 1..10),
    ) {
        let models = Models::new();
        let ann = models.ann();
        let open_then = |&seconds| models.run(|conn| open_at(conn, ann, false, time(seconds)));
        let ids: Vec<_> = times.iter().map(open_then).collect();
        let mut left_alone = by_time(&ids, &times);
        let (size, mut touched) = (PageSize::of(size), touched.into_iter());
        let found = walk_while_rows_move(size, |before| {
            open(&models, ann);
            if let Some(index) = touched.next().filter(|_| !ids.is_empty()) {
                let id = *index.get(&ids);
                left_alone.retain(|&other| other != id);
                models.run(|conn| ChatSessionChanges::default().update(conn, id));
            }
            models.run(|conn| ChatSession::page_for_user(conn, ann, false, before, size))
        });
        let found = found.into_iter().map(|session| session.id).collect();
        prop_assert_eq!(of_those(found, &left_alone), left_alone);
    }
}

/// Reads every page while another thread writes, of which at least one write falls between any two
/// pages.
fn read_while_written<T: Paged, I: Debug + PartialEq>(
    models: &Models,
    write: impl Fn(&mut Writer<'_>) -> Result<I> + Send,
    page: impl Fn(&mut DbConnection, Option<Cursor<T>>, PageSize) -> Result<Page<T>>,
    id: impl Fn(&T) -> I,
) -> Vec<I> {
    let (database, size) = (models.database(), PageSize::of(7));
    let (tell, told) = sync_channel(0);
    std::thread::scope(|scope| {
        // It ends when nobody listens any more.
        scope.spawn(move || while tell.send(database.write(&write).map(drop)).is_ok() {});
        let found = walk(size, |cursor| {
            told.recv().expect("the writer lives").expect("it writes");
            database.read(|conn| page(conn, cursor, size)).expect("a page")
        });
        drop(told);
        found.iter().map(id).collect()
    })
}

#[test]
fn a_thread_that_writes_meanwhile_moves_no_row() {
    let models = Models::new();
    let (ann, session) = (models.ann(), open(&models, models.ann()));
    let say = |conn: &mut Writer<'_>| Ok(message(&session, "x").insert(conn)?.id);
    let there = made(&models, 200, |conn, _| say(conn));
    let newest_first = |conn: &mut DbConnection, cursor, size| {
        ChatMessage::page(conn, session.id, MessageOrder::NewestFirst, cursor, size)
    };
    let found = read_while_written(&models, say, newest_first, |message| message.id);
    assert_eq!(of_those(found, &there), reversed(there));

    let upload = |conn: &mut Writer<'_>| Ok(document(ann, "content").insert(conn)?.id);
    let there = made(&models, 200, |conn, _| upload(conn));
    let page = |conn: &mut DbConnection, before, size| {
        Document::page(conn, DocumentFilter::default(), before, size)
    };
    let found = read_while_written(&models, upload, page, |document| document.id);
    assert_eq!(of_those(found, &there), reversed(there));

    // Two hundred of equal times, and one more that is changed all the time.
    let there = made(&models, 200, |conn, _| open_at(conn, ann, true, time(0)));
    let busy = models.run(|conn| open_at(conn, ann, true, time(0)));
    let change = |conn: &mut Writer<'_>| {
        open_at(conn, ann, true, UtcTime::now())?;
        Ok(ChatSessionChanges::default().update(conn, busy)?.id)
    };
    let page = |conn: &mut DbConnection, before, size| {
        ChatSession::page_for_user(conn, ann, true, before, size)
    };
    let found = read_while_written(&models, change, page, |session| session.id);
    assert_eq!(of_those(found, &there), reversed(there));
}
