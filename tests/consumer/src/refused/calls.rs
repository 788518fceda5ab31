//! Calls of the models, and values for them.

use diesel::prelude::*;
use zenith_db::Result;
use zenith_db::dispatch;
use zenith_db::models::SettingValue;
use zenith_db::prelude::*;
use zenith_db::schema::{
    audit_log, chat_history, chat_sessions, documents, roles, system_metrics, user_sessions, users,
};

type Conn<'a> = &'a mut DbConnection;

// Ids.

fn an_id_of_another_table(document: DocumentId) {
    let _ = NewChatSession::builder().user_id(document); //~ E0308
}

fn a_number_for_an_id(conn: Conn<'_>) {
    let _ = User::find(conn, 1); //~ E0308
}

fn a_uuid_for_an_integer_id_which_is_how_every_audit_event_was_once_lost() {
    let _ = NewAuditEvent::builder().user_id(UserPublicId::new()); //~ E0277
}

fn a_string_for_a_public_id(conn: Conn<'_>) {
    let _ = User::find_by_uuid(conn, "0191e7c2-0000-7000-8000-000000000000"); //~ E0308
}

fn ids_of_two_tables_compared(user: UserId, document: DocumentId) -> bool {
    user == document //~ E0308
}

fn a_cursor_of_another_table(conn: Conn<'_>, chat: ChatSessionId, document: Cursor<Document>) {
    let size = PageSize::default();
    let _ = ChatMessage::page(conn, chat, MessageOrder::OldestFirst, Some(document), size); //~ E0308
}

fn a_key_as_a_cursor(conn: Conn<'_>, user: UserId, chat: ChatSessionId) {
    let _ = ChatSession::page_for_user(conn, user, false, Some(chat), PageSize::default()); //~ E0308
}

// Times.

fn a_local_time() {
    let _ = UtcTime::from(chrono::Local::now()); //~ E0277
}

fn a_local_time_in_a_form(message: NewChatMessage<'_>) {
    let _ = NewChatMessage { timestamp: chrono::Local::now(), ..message }; //~ E0308
}

fn a_time_without_a_zone(conn: Conn<'_>, key: &ApiKeySecret) {
    let _ = ApiKey::find_live(conn, key, chrono::Utc::now().naive_utc()); //~ E0308
}

fn a_time_as_text(conn: Conn<'_>) {
    let _ = UserSession::purge_expired(conn, "2026-01-01 00:00:00", PageSize::default()); //~ E0308
}

// Closed vocabularies.

fn a_bare_string_for_an_enum() {
    let _ = NewChatMessage::builder().message_type("user"); //~ E0308
}

fn another_enum_with_the_same_word(conn: Conn<'_>, id: DocumentId) {
    let _ = Document::set_processing_status(conn, id, UploadStatus::Failed, None); //~ E0308
}

fn a_word_that_is_parsed_may_be_unknown() {
    let _: Severity = "info".parse(); //~ E0308
}

// Forms.

fn a_form_without_a_required_field(name: Username, address: EmailAddress) {
    let _ = NewUser::builder().username(name).email(address).build(); //~ E0061
}

fn a_literal_without_a_required_field() {
    let _ = NewRole { name: "auditor", is_superuser: false }; //~ E0063
}

fn a_form_inserted_before_it_is_built(conn: Conn<'_>) {
    let _ = NewRole::builder().name("auditor").insert(conn); //~ E0599
}

fn a_form_inserted_into_another_table(conn: Conn<'_>, user: NewUser<'_>) {
    let _ = dispatch!(conn, |c| diesel::insert_into(roles::table).values(user).execute(c)); //~ E0277
}

fn a_field_that_there_is_not() {
    let _ = NewRole::builder().nmae("auditor"); //~ E0599
}

// Columns that nobody writes.

fn a_key() -> UserChanges<'static> {
    UserChanges { id: Some(UserId(1)), ..UserChanges::default() } //~ E0560
}

fn the_time_of_creation() -> UserChanges<'static> {
    UserChanges { created_at: Some(UtcTime::now()), ..UserChanges::default() } //~ E0560
}

fn a_password_by_way_of_the_profile() -> UserChanges<'static> {
    UserChanges { password_hash: None, ..UserChanges::default() } //~ E0560
}

fn a_role_by_way_of_the_profile() -> UserChanges<'static> {
    UserChanges { role_id: Some(RoleId(1)), ..UserChanges::default() } //~ E0560
}

fn a_counter() -> ChatSessionChanges<'static> {
    ChatSessionChanges { message_count: Some(0), ..ChatSessionChanges::default() } //~ E0560
}

fn a_state_past_its_transitions() -> DocumentChanges<'static> {
    DocumentChanges { processing_status: None, ..DocumentChanges::default() } //~ E0560
}

fn an_audit_entry_that_is_changed(conn: Conn<'_>, entry: &AuditEntry) {
    let _ = AuditEntry::delete(conn, entry.id); //~ E0599
}

fn a_hash_chosen_by_the_caller() {
    let _ = NewAuditEvent::builder().entry_hash(Sha256Hash::ZERO); //~ E0599
}

// Names.

fn a_username_that_is_not_parsed() {
    let _ = NewUser::builder().username("ann"); //~ E0308
}

fn an_address_for_a_username(address: EmailAddress) {
    let _ = NewUser::builder().username(address); //~ E0308
}

// Secrets.

fn credentials_serialised(credentials: &UserCredentials) {
    let _ = serde_json::to_string(credentials); //~ E0277
}

fn a_former_password_serialised(record: &PasswordRecord) {
    let _ = serde_json::to_string(record); //~ E0277
}

fn a_hash_serialised_on_its_own(hash: &TokenHash) {
    let _ = serde_json::to_string(hash); //~ E0277
}

fn a_secret_shown(hash: &PasswordHash) -> String {
    format!("{hash}") //~ E0277
}

fn a_secret_taken_out_by_its_field(token: ShareToken) -> String {
    token.0 //~ E0616
}

fn a_password_for_its_hash() {
    let _ = NewUser::builder().password_hash("correct horse"); //~ E0308
}

fn a_password_hash_of_any_text() {
    let _ = PasswordHash::new("$hunter2".to_owned()); //~ E0599
}

fn a_token_hash_of_any_text() {
    let _ = TokenHash::of("token"); //~ E0599
}

fn a_token_serialised(token: &SessionToken) {
    let _ = serde_json::to_string(token); //~ E0277
}

fn a_token_of_a_session_for_an_api_key(conn: Conn<'_>, token: &SessionToken) {
    let _ = ApiKey::find_live(conn, token, UtcTime::now()); //~ E0308
}

fn an_api_key_for_the_token_of_a_session(key: &ApiKeySecret) {
    let _ = NewUserSession::builder().token(key); //~ E0308
}

fn a_token_as_text(conn: Conn<'_>) {
    let _ = UserSession::find_live(conn, "token", UtcTime::now()); //~ E0308
}

fn a_plain_secret_in_a_secret_setting(conn: Conn<'_>) {
    let _ =
        SystemSetting::set_secret(conn, SecretSetting::new("SMTP_PASSWORD"), Some("hunter2"), None); //~ E0308
}

// JSON, hashes and settings.

fn tags_that_are_no_list() {
    let _ = NewDocument::builder().tags("urgent".to_owned()); //~ E0308
}

fn scopes_that_are_no_words() {
    let _ = NewApiKey::builder().scopes(JsonText::of(&vec![1, 2]).unwrap()); //~ E0308
}

fn text_for_a_hash() {
    let _ = NewDocument::builder().file_hash("e3b0c44298fc1c14"); //~ E0308
}

fn a_setting_of_a_type_that_none_has(conn: Conn<'_>) {
    let _ = SystemSetting::get_undeclared::<u8>(conn, "MAX_LOGIN_ATTEMPTS"); //~ E0277
}

#[rustfmt::skip]
fn a_type_of_ones_own_for_settings() {
    struct Mine;
    impl SettingValue for Mine { //~ E0277
        const TYPE: ValueType = ValueType::String;
        type Declared = ();
        type Given<'a> = ();
        fn given(&self) {}
        fn declared_text((): ()) -> String {
            String::new()
        }
        fn to_text((): ()) -> Option<String> {
            None
        }
        fn from_text(_: &str) -> Option<Self> {
            None
        }
    }
}

// Answers and queries.

fn a_user_that_may_not_be_there(conn: Conn<'_>) -> Result<User> {
    User::find(conn, UserId(1)) //~ E0308
}

fn a_page_larger_than_pages_are() -> u32 {
    PageSize::default().0 //~ E0616
}

fn a_column_read_as_another_type(conn: Conn<'_>) {
    let _ = dispatch!(conn, |c| users::table.select(users::username).load::<i64>(c)); //~ E0277
}

fn tables_that_have_nothing_to_do_with_each_other() {
    let _ = roles::table.inner_join(system_metrics::table); //~ E0277
}

fn a_query_that_one_backend_does_not_have() {
    let locked = users::table.select(users::id).for_update();
    let _ = diesel::debug_query::<diesel::sqlite::Sqlite, _>(&locked).to_string(); //~ E0599
}

fn a_rule_on_a_column_by_its_name(violation: &Violation) -> bool {
    violation.concerns("username") //~ E0277
}

// Rights.

fn a_right_by_its_words(conn: Conn<'_>) {
    let _ = is_allowed(conn, UserId(1), "documents:upload"); //~ E0277
}

fn a_right_that_no_constant_names(conn: Conn<'_>) {
    let _ = is_allowed(conn, UserId(1), Right::UPLOAD_DOCUMENT); //~ E0599
}

// Names.

fn an_event_by_a_bare_word() {
    let _ = NewAuditEvent::builder().event_type("login"); //~ E0308
}

fn an_event_that_no_constant_names() {
    let _ = NewAuditEvent::builder().event_type(EventType::LOGON); //~ E0599
}

fn a_category_for_a_type() {
    let _ = NewAuditEvent::builder().event_type(EventCategory::AUTHENTICATION); //~ E0308
}

fn a_filter_by_a_bare_word() -> AuditFilter<'static> {
    AuditFilter { event_category: Some("authentication"), ..AuditFilter::default() } //~ E0308
}

fn a_name_that_is_empty() {
    const EMPTY: MetricName<'_> = MetricName::new(""); //~ E0080
    let _ = NewSystemMetric::builder().metric_name(EMPTY);
}

fn a_name_that_is_too_long() {
    const LONG: EventType<'_> =
        EventType::new("fifty-one characters, which are one more than fifty"); //~ E0080
    let _ = NewAuditEvent::builder().event_type(LONG);
}

fn a_category_that_is_empty() -> Setting<bool> {
    const EMPTY: Setting<bool> = Setting::new("EMPTY", true).category(""); //~ E0080
    EMPTY
}

fn a_name_from_a_request(name: &str) -> MetricName<'_> {
    MetricName::new(name) //~ E0521
}

fn a_kind_of_chunk_by_a_bare_word() {
    let _ = NewDocumentChunk::builder().chunk_type("tabel"); //~ E0308
}

fn a_component_by_a_bare_word(conn: Conn<'_>) {
    let _ = SystemHealth::find_by_component(conn, "migration"); //~ E0308
}

// Settings.

const THEME: Preference<String> = Setting::new("theme", "light").for_users();

fn a_setting_by_its_name(conn: Conn<'_>) -> Result<u32> {
    SystemSetting::get(conn, "MAX_LOGIN_ATEMPTS") //~ E0308
}

fn a_setting_that_no_constant_names(conn: Conn<'_>) -> Result<u32> {
    SystemSetting::get(conn, Setting::MAX_LOGIN_ATEMPTS) //~ E0599
}

fn a_setting_read_as_another_type(conn: Conn<'_>) -> Result<bool> {
    SystemSetting::get(conn, Setting::MAX_LOGIN_ATTEMPTS) //~ E0308
}

fn a_setting_set_to_another_type(conn: &mut Writer<'_>) {
    let _ = SystemSetting::set(conn, Setting::MAX_LOGIN_ATTEMPTS, true, None); //~ E0308
}

fn a_setting_set_to_a_negative_number(conn: &mut Writer<'_>) {
    let _ = SystemSetting::set(conn, Setting::MAX_LOGIN_ATTEMPTS, -1, None); //~ E0277
}

fn a_setting_that_only_the_manager_changes() -> Setting<bool> {
    Setting::new("BUILT", true).read_only() //~ E0624
}

fn a_default_of_another_type() -> Setting<u32> {
    Setting::new("UPLOAD_LIMIT_MB", "50") //~ E0271
}

fn a_preference_by_its_name(conn: &mut Writer<'_>, user: UserId) {
    let _ = UserPreference::set(conn, user, "theem", "dark"); //~ E0308
}

fn a_setting_of_the_installation_that_a_user_sets(conn: &mut Writer<'_>, user: UserId) {
    let _ = UserPreference::set(conn, user, Setting::MAX_LOGIN_ATTEMPTS, 99_999); //~ E0308
}

fn a_secret_that_is_read_as_a_text(conn: Conn<'_>, secret: SecretSetting) -> Result<String> {
    SystemSetting::get(conn, secret) //~ E0308
}

// Reading and writing.

fn writing_while_reading(database: &Database, user: UserId) {
    let _ = database.read(|conn| UserPreference::unset(conn, user, THEME)); //~ E0308
}

fn writing_outside_a_transaction(conn: Conn<'_>, role: &NewRole<'_>) {
    let _ = role.insert(conn); //~ E0308
}

fn a_transaction_while_reading(database: &Database) {
    let _ = database.read(|conn| conn.write(|_| Ok(()))); //~ E0624
}

fn a_writer_that_outlives_its_transaction(database: &Database, user: UserId) {
    let mut kept = None;
    let _ = database.write(|conn| Ok(kept = Some(conn))); //~ E0521
    let _ = kept.map(|conn| UserPreference::unset(conn, user, THEME));
}
