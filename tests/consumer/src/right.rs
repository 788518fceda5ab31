//! Queries of an application's own, which must compile, and run on each database: see `tests/schema/right.rs`.

use diesel::dsl::{case_when, count, count_star, exists, max, not, sum};
use diesel::prelude::*;
use diesel::upsert::excluded;
use zenith_db::prelude::*;
use zenith_db::schema::{
    chat_history, chat_sessions, document_chunks, documents, role_permissions, roles,
    system_settings, users,
};
use zenith_db::{Result, dispatch};

/// What the queries find.
struct Sample {
    ann: UserId,
    chat: ChatSessionId,
    document: Document,
}

impl Sample {
    fn new(conn: &mut Writer<'_>) -> Result<Self> {
        let role = Role::find_by_name(conn, SystemRole::User.name())?.map(|role| role.id);
        let hash = PasswordHash::hash(&"correct horse battery staple".into())?;
        let new = NewUser::builder().username("ann".parse()?).email("ann@example.org".parse()?);
        let ann =
            new.password_hash(hash).role_id(role.unwrap_or(RoleId(0))).build().insert(conn)?.id;
        let new = NewDocument::builder().user_id(ann).filename("a.pdf").original_filename("A.pdf");
        let new = new.file_path("a").file_size(3).file_hash(Sha256Hash::of("a"));
        let new = new.mime_type("application/pdf").tags(["urgent"].iter().collect()).build();
        let document = new.insert(conn)?;
        let chat = NewChatSession::builder().user_id(ann).title("first").build().insert(conn)?.id;
        let message = NewChatMessage::builder().chat_session_id(chat).user_id(ann);
        let message = message.message_content("question").message_type(MessageType::User);
        message.build().insert(conn)?;
        Ok(Self { ann, chat, document })
    }
}

diesel::table! {
    /// A table of the application.
    notes (id) {
        id -> BigInt,
        user_id -> zenith_db::types::UserId,
        document_id -> Nullable<zenith_db::types::DocumentId>,
        written_at -> zenith_db::types::UtcTime,
        text -> Text,
    }
}
diesel::joinable!(notes -> users (user_id));
diesel::joinable!(notes -> documents (document_id));
zenith_db::allow_tables_with_ours!(notes: users, documents);

const NOTES: &str = "CREATE TEMPORARY TABLE notes (
    id BIGINT PRIMARY KEY, user_id BIGINT NOT NULL, document_id BIGINT, written_at TIMESTAMP NOT NULL,
    text TEXT NOT NULL CONSTRAINT notes_text_length CHECK (length(text) > 0))";

#[diesel::declare_sql_function]
extern "SQL" {
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
    fn coalesce<
        T: diesel::sql_types::SqlType<IsNull = diesel::sql_types::is_nullable::NotNull>
            + diesel::sql_types::SingleValue,
    >(
        value: diesel::sql_types::Nullable<T>,
        otherwise: T,
    ) -> T;
}

/// A projection of the application.
#[derive(Debug, PartialEq, Queryable, Selectable)]
#[diesel(table_name = documents)]
struct Listed {
    id: DocumentId,
    document_id: DocumentPublicId,
    user_id: UserId,
    processing_status: ProcessingStatus,
    upload_started_at: UtcTime,
    tags: JsonText<Vec<String>>,
}

/// A row of a query in SQL.
#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = UserId)]
    user_id: UserId,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    documents: i64,
}

/// Runs every query. Each shows a kind of its own.
pub(crate) fn run(conn: &mut Writer<'_>) -> Result<()> {
    let sample = Sample::new(conn)?;
    let reads = [values, joins, aggregates, subqueries, functions, relations, sql_and_json];
    let writes = [updates, inserts, own_table];
    reads.iter().try_for_each(|group| group(conn, &sample))?;
    writes.iter().try_for_each(|group| group(conn, &sample))
}

fn values(conn: &mut DbConnection, sample: &Sample) -> Result<()> {
    let ann = sample.ann;
    let id = sample.document.id;
    let document = &sample.document;
    // A row by its key.
    let found: Listed = dispatch!(&mut *conn, |c| documents::table
        .find(id)
        .select(Listed::as_select())
        .get_result(c))?;
    assert_eq!((found.id, found.user_id, found.document_id), (id, ann, document.document_id));
    assert_eq!(found.tags.get()?, ["urgent"]);
    // By a public id.
    let by_public_id = documents::table.filter(documents::document_id.eq(document.document_id));
    let name: String =
        dispatch!(&mut *conn, |c| by_public_id.select(documents::filename).get_result(c))?;
    assert_eq!(name, "a.pdf");
    // By an owner, a word and a flag.
    let pending = documents::table
        .filter(documents::user_id.eq(ann))
        .filter(documents::processing_status.eq(ProcessingStatus::Pending))
        .filter(not(documents::is_archived));
    assert_eq!(dispatch!(&mut *conn, |c| pending.count().get_result::<i64>(c))?, 1);
    // Within times.
    let recent = documents::table.filter(
        documents::upload_started_at.between(UtcTime::now().minus_seconds(3600), UtcTime::MAX),
    );
    assert_eq!(dispatch!(&mut *conn, |c| recent.count().get_result::<i64>(c))?, 1);
    // A page by a time and a key.
    let (time, key) = (found.upload_started_at, DocumentId(i64::MAX));
    let before = documents::upload_started_at
        .lt(time)
        .or(documents::upload_started_at.eq(time).and(documents::id.lt(key)));
    let page: Vec<Listed> = dispatch!(&mut *conn, |c| documents::table
        .filter(before)
        .order((documents::upload_started_at.desc(), documents::id.desc()))
        .limit(10)
        .select(Listed::as_select())
        .load(c))?;
    assert_eq!(page, [found]);
    // One of several words.
    let one_of = [UploadStatus::Uploading, UploadStatus::Uploaded, UploadStatus::Failed];
    let one_of = documents::table.filter(documents::upload_status.eq_any(one_of));
    assert_eq!(dispatch!(&mut *conn, |c| one_of.count().get_result::<i64>(c))?, 1);
    Ok(())
}

fn joins(conn: &mut DbConnection, sample: &Sample) -> Result<()> {
    let ann = sample.ann;
    let id = sample.document.id;
    // A join along the reference.
    let titles: Vec<(String, Option<String>)> = dispatch!(&mut *conn, |c| users::table
        .inner_join(chat_sessions::table)
        .select((users::username, chat_sessions::title))
        .load(c))?;
    assert_eq!(titles, [("ann".into(), Some("first".into()))]);
    // A join between two keys.
    let role: String = dispatch!(&mut *conn, |c| users::table
        .inner_join(roles::table.on(roles::id.eq(users::role_id)))
        .filter(users::id.eq(ann))
        .select(roles::name)
        .get_result(c))?;
    assert_eq!(role, "user");
    // An outer join.
    let chunks: Vec<(DocumentId, Option<DocumentChunkId>)> =
        dispatch!(&mut *conn, |c| documents::table
            .left_join(document_chunks::table)
            .select((documents::id, document_chunks::id.nullable()))
            .load(c))?;
    assert_eq!(chunks, [(id, None)]);
    Ok(())
}

fn aggregates(conn: &mut DbConnection, sample: &Sample) -> Result<()> {
    let ann = sample.ann;
    let id = sample.document.id;
    // The last time.
    let last: Option<UtcTime> = dispatch!(&mut *conn, |c| chat_sessions::table
        .select(max(chat_sessions::updated_at))
        .get_result(c))?;
    assert!(last.is_some());
    // The greatest key.
    let greatest: Option<DocumentId> =
        dispatch!(&mut *conn, |c| documents::table.select(max(documents::id)).get_result(c))?;
    assert_eq!(greatest, Some(id));
    // A sum of counters.
    let messages = chat_sessions::table.filter(chat_sessions::message_count.gt(0)).count();
    assert_eq!(dispatch!(&mut *conn, |c| messages.get_result::<i64>(c))?, 1);
    let chunks: Option<i64> = dispatch!(&mut *conn, |c| documents::table
        .select(sum(documents::chunk_count))
        .get_result(c))?;
    assert_eq!(chunks, Some(0));
    // Groups by a key.
    let by_owner: Vec<(UserId, i64)> = dispatch!(&mut *conn, |c| documents::table
        .group_by(documents::user_id)
        .select((documents::user_id, count(documents::id)))
        .load(c))?;
    assert_eq!(by_owner, [(ann, 1)]);
    // Groups by a word, of which some are left out.
    let by_state: Vec<(ProcessingStatus, i64)> = dispatch!(&mut *conn, |c| documents::table
        .group_by(documents::processing_status)
        .having(count_star().ge(1))
        .select((documents::processing_status, count_star()))
        .load(c))?;
    assert_eq!(by_state, [(ProcessingStatus::Pending, 1)]);
    // How many different keys.
    let owners: i64 = dispatch!(&mut *conn, |c| documents::table
        .select(count(documents::user_id).aggregate_distinct())
        .get_result(c))?;
    assert_eq!(owners, 1);
    Ok(())
}

fn updates(conn: &mut Writer<'_>, sample: &Sample) -> Result<()> {
    let ann = sample.ann;
    let id = sample.document.id;
    // An update that counts.
    let counted = diesel::update(documents::table.find(id)).set((
        documents::access_count.eq(documents::access_count + 1),
        documents::last_accessed_at.eq(UtcTime::now()),
    ));
    assert_eq!(dispatch!(&mut *conn, |c| counted.execute(c))?, 1);
    // A key and a time that are taken away.
    let cleared = diesel::update(users::table.find(ann))
        .set((users::created_by.eq(None::<UserId>), users::last_login.eq(None::<UtcTime>)));
    assert_eq!(dispatch!(&mut *conn, |c| cleared.execute(c))?, 1);
    Ok(())
}

fn subqueries(conn: &mut DbConnection, sample: &Sample) -> Result<()> {
    let ann = sample.ann;
    // What exists.
    let said = exists(chat_history::table.filter(chat_history::user_id.eq(ann)));
    assert!(dispatch!(&mut *conn, |c| diesel::select(said).get_result::<bool>(c))?);
    // What does not.
    let silent = users::table
        .filter(not(exists(chat_history::table.filter(chat_history::user_id.eq(users::id)))))
        .filter(users::id.eq(ann));
    assert_eq!(dispatch!(&mut *conn, |c| silent.count().get_result::<i64>(c))?, 0);
    Ok(())
}

fn functions(conn: &mut DbConnection, sample: &Sample) -> Result<()> {
    // A pattern.
    let like = documents::table.filter(documents::original_filename.like("%.pdf"));
    assert_eq!(dispatch!(&mut *conn, |c| like.count().get_result::<i64>(c))?, 1);
    // A function of SQL.
    let lowered = documents::table.filter(lower(documents::original_filename).eq("a.pdf"));
    assert_eq!(dispatch!(&mut *conn, |c| lowered.count().get_result::<i64>(c))?, 1);
    // A function of any type.
    let seen: UtcTime = dispatch!(&mut *conn, |c| documents::table
        .select(coalesce(documents::last_accessed_at, documents::upload_started_at))
        .get_result(c))?;
    assert!(seen >= sample.document.upload_started_at);
    // A distinction of cases.
    let next = case_when(
        documents::processing_status.eq(ProcessingStatus::Pending),
        ProcessingStatus::Processing.into_sql::<ProcessingStatus>(),
    )
    .otherwise(documents::processing_status);
    let next: ProcessingStatus =
        dispatch!(&mut *conn, |c| documents::table.select(next).get_result(c))?;
    assert_eq!(next, ProcessingStatus::Processing);
    Ok(())
}

fn inserts(conn: &mut Writer<'_>, sample: &Sample) -> Result<()> {
    let ann = sample.ann;
    let chat = sample.chat;
    // An upsert.
    for value in ["1", "2"] {
        let setting = (
            system_settings::key.eq("PAGES"),
            system_settings::value.eq(value),
            system_settings::value_type.eq(ValueType::Integer),
        );
        dispatch!(&mut *conn, |c| diesel::insert_into(system_settings::table)
            .values(&setting)
            .on_conflict(system_settings::key)
            .do_update()
            .set(system_settings::value.eq(excluded(system_settings::value)))
            .execute(c))?;
    }
    let stored = system_settings::table.filter(system_settings::key.eq("PAGES"));
    let stored: Option<String> =
        dispatch!(&mut *conn, |c| stored.select(system_settings::value).get_result(c))?;
    assert_eq!(stored.as_deref(), Some("2"));
    // A batch.
    let chats = ["second", "third"].map(|title| {
        (
            chat_sessions::session_id.eq(ChatSessionPublicId::new()),
            chat_sessions::user_id.eq(ann),
            chat_sessions::title.eq(title),
        )
    });
    let inserted = dispatch!(&mut *conn, |c| diesel::insert_into(chat_sessions::table)
        .values(&chats[..])
        .execute(c))?;
    assert_eq!(inserted, 2);
    // What was inserted, with its key.
    let key: ChatSessionId = dispatch!(&mut *conn, |c| diesel::insert_into(chat_sessions::table)
        .values((
            chat_sessions::session_id.eq(ChatSessionPublicId::new()),
            chat_sessions::user_id.eq(ann),
        ))
        .returning(chat_sessions::id)
        .get_result(c))?;
    assert!(key > chat);
    // A query that is put together at run time.
    for title in [None, Some("first")] {
        let expected = title.map_or(4, |_| 1);
        let found: i64 = dispatch!(&mut *conn, |c| {
            let mut query =
                chat_sessions::table.filter(chat_sessions::user_id.eq(ann)).into_boxed();
            if let Some(title) = title {
                query = query.filter(chat_sessions::title.eq(title));
            }
            query.count().get_result(c)
        })?;
        assert_eq!(found, expected);
    }
    Ok(())
}

fn relations(conn: &mut DbConnection, sample: &Sample) -> Result<()> {
    let chat = sample.chat;
    // Rows that belong to others.
    let chat_row = ChatSession::find(conn, chat)?.into_iter().collect::<Vec<_>>();
    let messages: Vec<ChatMessage> =
        dispatch!(&mut *conn, |c| ChatMessage::belonging_to(&chat_row)
            .select(ChatMessage::as_select())
            .load(c))?;
    let grouped = messages.grouped_by(&chat_row);
    assert_eq!(grouped.iter().map(Vec::len).collect::<Vec<_>>(), [1]);
    // A table with itself.
    let granted = diesel::alias!(role_permissions as granted);
    let shared: i64 =
        dispatch!(&mut *conn, |c| role_permissions::table
            .inner_join(granted.on(
                granted.field(role_permissions::permission_id).eq(role_permissions::permission_id)
            ))
            .filter(granted.field(role_permissions::role_id).ne(role_permissions::role_id))
            .count()
            .get_result(c))?;
    assert!(shared > 0);
    Ok(())
}

fn sql_and_json(conn: &mut DbConnection, sample: &Sample) -> Result<()> {
    let ann = sample.ann;
    let id = sample.document.id;
    // SQL, with typed values and rows.
    let sql = "SELECT user_id, count(*) AS documents FROM documents WHERE processing_status <> 'failed' GROUP BY user_id";
    let counted: Vec<Counted> = dispatch!(&mut *conn, |c| diesel::sql_query(sql).load(c))?;
    assert_eq!(
        counted.iter().map(|row| (row.user_id, row.documents)).collect::<Vec<_>>(),
        [(ann, 1)]
    );
    // JSON, written and read.
    let tags: JsonText<Vec<String>> = ["a", "b"].iter().collect();
    let tagged = diesel::update(documents::table.find(id)).set(documents::tags.eq(&tags));
    dispatch!(&mut *conn, |c| tagged.execute(c))?;
    let stored: JsonText<Vec<String>> =
        dispatch!(&mut *conn, |c| documents::table.find(id).select(documents::tags).get_result(c))?;
    assert_eq!(stored, tags);
    Ok(())
}

fn own_table(conn: &mut Writer<'_>, sample: &Sample) -> Result<()> {
    let ann = sample.ann;
    let id = sample.document.id;
    // A table of the application, joined with two of ours.
    dispatch!(&mut *conn, |c| diesel::sql_query(NOTES).execute(c))?;
    let note = (
        notes::id.eq(1_i64),
        notes::user_id.eq(ann),
        notes::document_id.eq(Some(id)),
        notes::written_at.eq(UtcTime::now()),
        notes::text.eq("read this"),
    );
    dispatch!(&mut *conn, |c| diesel::insert_into(notes::table).values(note).execute(c))?;
    let noted: Vec<(String, String, UtcTime)> = dispatch!(&mut *conn, |c| notes::table
        .inner_join(users::table)
        .inner_join(documents::table)
        .filter(notes::document_id.eq(id))
        .select((users::username, documents::filename, notes::written_at))
        .load(c))?;
    assert_eq!(noted.len(), 1);
    // What a form shows beside the field of a broken rule.
    let emptied = conn.write(|conn| {
        let empty = diesel::update(notes::table).set(notes::text.eq(""));
        Ok(dispatch!(conn, |c| empty.execute(c))?)
    });
    let shown = emptied.err().and_then(|error| {
        let broken = error.violation().filter(|broken| broken.concerns(notes::text))?;
        Some(broken.message())
    });
    assert_eq!(shown, Some("is too short or too long"));
    // A deletion.
    let third = chat_sessions::table.filter(chat_sessions::title.eq("third"));
    assert_eq!(dispatch!(&mut *conn, |c| diesel::delete(third).execute(c))?, 1);
    Ok(())
}
