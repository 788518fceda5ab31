//! Columns of one meaning each, in queries of an application.

use diesel::prelude::*;
use zenith_db::dispatch;
use zenith_db::prelude::*;
use zenith_db::schema::{
    audit_log, chat_history, chat_sessions, documents, roles, user_sessions, users,
};

type Conn<'a> = &'a mut DbConnection;

fn the_key_of_a_document_as_that_of_a_user() {
    let _ = users::table.filter(users::id.eq(DocumentId(2))); //~ E0277
}

fn a_bare_number_as_a_key() {
    let _ = users::table.filter(users::id.eq(2_i64)); //~ E0277
}

fn a_row_by_the_key_of_another_table() {
    let _ = documents::table.find(UserId(1)); //~ E0277
}

fn an_owner_that_is_a_document() {
    let _ = documents::table.filter(documents::user_id.eq(documents::id)); //~ E0277
}

fn a_join_on_keys_of_two_tables() {
    let _ = users::table.inner_join(roles::table.on(users::id.eq(roles::id))); //~ E0277
}

fn any_of_the_keys_of_another_table() {
    let _ = users::table.filter(users::role_id.eq_any([UserId(1)])); //~ E0277
}

fn a_subquery_of_the_keys_of_another_table() {
    let _ = users::table.filter(users::role_id.eq_any(users::table.select(users::id))); //~ E0277
}

fn a_key_read_as_that_of_another_table(conn: Conn<'_>) {
    let _ = dispatch!(conn, |c| users::table.select(users::id).load::<DocumentId>(c)); //~ E0277
}

fn a_key_read_as_a_number(conn: Conn<'_>) {
    let _ = dispatch!(conn, |c| users::table.select(users::id).load::<i64>(c)); //~ E0277
}

fn a_number_read_as_a_key(conn: Conn<'_>) {
    let _ = dispatch!(conn, |c| users::table.count().get_result::<UserId>(c)); //~ E0277
}

fn the_next_key_by_addition() {
    let _ = users::table.select(users::id + 1); //~ E0369
}

fn a_reference_that_is_set_to_another_tables_key() {
    let _ = diesel::update(users::table).set(users::role_id.eq(PermissionId(1))); //~ E0277
}

fn an_insert_with_another_tables_key() {
    let _ = diesel::insert_into(chat_sessions::table).values(chat_sessions::user_id.eq(RoleId(1))); //~ E0277
}

fn the_public_id_of_a_user_as_that_of_a_document() {
    let _ = documents::table.filter(documents::document_id.eq(UserPublicId::new())); //~ E0277
}

fn a_key_as_a_public_id() {
    let _ = chat_history::table.filter(chat_history::parent_message_id.eq(ChatMessageId(1))); //~ E0277
}

fn a_word_that_no_vocabulary_has() {
    let _ = chat_history::table.filter(chat_history::message_type.eq("robot")); //~ E0277
}

fn a_word_of_another_vocabulary() {
    let _ = documents::table.filter(documents::processing_status.eq(UploadStatus::Failed)); //~ E0277
}

fn a_word_of_another_vocabulary_otherwise() {
    let done = ProcessingStatus::Completed.into_sql::<ProcessingStatus>();
    let failed = UploadStatus::Failed.into_sql::<UploadStatus>();
    let _ = diesel::dsl::case_when(documents::is_archived, done).otherwise(failed); //~ E0277
}

fn a_pattern_for_a_word() {
    let _ = chat_history::table.filter(chat_history::message_type.like("us%")); //~ E0599
}

fn the_greatest_word() {
    let _ = audit_log::table.select(diesel::dsl::max(audit_log::severity)); //~ E0277
}

fn a_word_read_as_text(conn: Conn<'_>) {
    let _ = dispatch!(conn, |c| audit_log::table.select(audit_log::severity).load::<String>(c)); //~ E0277
}

fn a_plain_password_in_the_column_of_hashes() {
    let _ = diesel::update(users::table).set(users::password_hash.eq("plain")); //~ E0277
}

fn a_token_in_the_column_of_its_hash() {
    let _ = user_sessions::table.filter(user_sessions::token_hash.eq("token")); //~ E0277
}

fn the_hash_of_a_content_as_that_of_a_token() {
    let _ = user_sessions::table.filter(user_sessions::token_hash.eq(Sha256Hash::of("token"))); //~ E0277
}

fn a_plain_second_factor_in_its_column() {
    let _ = diesel::update(users::table).set(users::two_factor_secret.eq("JBSWY3DPEHPK3PXP")); //~ E0277
}

fn plain_backup_codes_in_their_column() {
    let _ = diesel::update(users::table).set(users::backup_codes.eq("[\"1234\"]")); //~ E0277
}

fn a_text_as_a_hash_of_a_file() {
    let _ = documents::table.filter(documents::file_hash.eq("e3b0c44298fc1c14")); //~ E0277
}

fn a_text_as_a_time() {
    let _ = users::table.filter(users::created_at.lt("2026-11-28")); //~ E0277
}

fn a_local_time_as_a_time() {
    let _ = users::table.filter(users::created_at.lt(chrono::Local::now().naive_local())); //~ E0277
}

fn a_time_that_may_be_missing_as_one_that_is_there(conn: Conn<'_>) {
    let _ = dispatch!(conn, |c| users::table.select(users::last_login).load::<UtcTime>(c)); //~ E0277
}

fn text_that_is_json() {
    let _ = diesel::update(documents::table).set(documents::tags.eq("[]")); //~ E0277
}

fn json_read_as_text(conn: Conn<'_>) {
    let _ = dispatch!(conn, |c| documents::table.select(documents::tags).load::<String>(c)); //~ E0277
}

fn an_upsert_with_a_column_of_another_meaning() {
    let _ = diesel::insert_into(documents::table)
        .values(documents::user_id.eq(UserId(1)))
        .on_conflict(documents::id)
        .do_update()
        .set(documents::user_id.eq(diesel::upsert::excluded(documents::id))); //~ E0277
}

fn rows_that_belong_to_nobody_here(user: &User) {
    let _ = RolePermission::belonging_to(user); //~ E0277
}
