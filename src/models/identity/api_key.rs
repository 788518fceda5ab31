//! API keys, with which programs act for a user.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use typed_builder::TypedBuilder;

use super::user::User;
use crate::backend::DbConnection;
use crate::connection::Writer;
use crate::dispatch;
use crate::error::Result;
use crate::models::query::{
    Cursor, LiteralLimit, Page, PageSize, Parent, Prepare, explain_broken_reference, find_one,
    not_found, paged,
};
use crate::schema::api_keys;
use crate::types::{ApiKeyId, ApiKeyPublicId, ApiKeySecret, JsonText, TokenHash, UserId, UtcTime};

/// API key of a user, without its secret: the database holds only the secret's hash.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    Associations,
    Identifiable,
    Queryable,
    Selectable,
    Serialize,
    Deserialize,
)]
#[diesel(table_name = api_keys, belongs_to(User))]
#[diesel(check_for_backend(crate::backend::MultiBackend))]
pub struct ApiKey {
    /// Primary key.
    pub id: ApiKeyId,
    /// Public UUID.
    pub key_id: ApiKeyPublicId,
    /// User for whom the key acts.
    pub user_id: UserId,
    /// Name of the key.
    pub name: String,
    /// First characters of the key, by which people recognise it.
    pub key_prefix: String,
    /// Scopes of the key.
    pub scopes: JsonText<Vec<String>>,
    /// Time of the last recorded use, if any.
    pub last_used_at: Option<UtcTime>,
    /// Number of recorded uses: at most one a minute is recorded.
    pub usage_count: i64,
    /// Whether the key is active; `false` once it is revoked.
    pub is_active: bool,
    /// Time of expiry; `None` if the key does not expire.
    pub expires_at: Option<UtcTime>,
    /// Time of creation.
    pub created_at: UtcTime,
    /// User who created the key; `None` if unknown, or if the user has been deleted.
    pub created_by: Option<UserId>,
    /// Time of revocation, if any.
    pub revoked_at: Option<UtcTime>,
    /// User who revoked the key.
    pub revoked_by: Option<UserId>,
    /// Application-defined metadata.
    pub metadata: JsonText,
}

/// API key to insert.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = api_keys)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewApiKey<'a> {
    /// Public UUID; a new one by default.
    #[builder(default = ApiKeyPublicId::new())]
    pub key_id: ApiKeyPublicId,
    /// User for whom the key acts.
    pub user_id: UserId,
    /// Name of the key, 1 to 100 characters.
    pub name: &'a str,
    /// Hash of the key. The builder takes the [`ApiKeySecret`].
    #[builder(setter(transform = |key: &ApiKeySecret| key.hash()))]
    #[diesel(column_name = key_hash)]
    pub key: TokenHash,
    /// First 1 to 10 characters of the key, by which people recognise it.
    pub key_prefix: &'a str,
    /// Scopes of the key; none by default.
    #[builder(default = JsonText::empty_list())]
    pub scopes: JsonText<Vec<String>>,
    /// Time of expiry; by default the key does not expire.
    #[builder(default, setter(into))]
    pub expires_at: Option<UtcTime>,
    /// User who creates the key.
    #[builder(default, setter(into))]
    pub created_by: Option<UserId>,
}

impl NewApiKey<'_> {
    /// Inserts the key and returns its row.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if a user does not exist, the key exists, or a
    /// value breaks a rule.
    pub fn insert(&self, connection: &mut Writer<'_>) -> Result<ApiKey> {
        // The clock that the time of expiry is of, which the schema compares with it.
        let created = api_keys::created_at.eq(UtcTime::now());
        let result = dispatch!(&mut *connection, |connection| diesel::insert_into(api_keys::table)
            .values((self, created))
            .returning(ApiKey::as_returning())
            .get_result(connection));
        let references = [
            ("api_keys_user_id_fkey", Some(Parent::User(self.user_id))),
            ("api_keys_created_by_fkey", self.created_by.map(Parent::User)),
        ];
        explain_broken_reference(connection, result, &references)
    }
}

paged!(ApiKey, "api_keys", ApiKeyId, |key| key.id);

impl ApiKey {
    /// Returns the key with this secret, unless it is revoked, has expired at the time `now`, or does not
    /// exist.
    ///
    /// This does not check whether the user is active; [`is_allowed`](crate::models::is_allowed)
    /// does.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_live(
        connection: &mut DbConnection,
        key: &ApiKeySecret,
        now: UtcTime,
    ) -> Result<Option<Self>> {
        find_one!(
            connection,
            api_keys,
            api_keys::key_hash.eq(key.hash()),
            api_keys::is_active,
            api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now))
        )
    }

    /// Records a use of the key at the time `now`. Within a minute of the last recorded use it writes
    /// nothing and returns `false`, so that a busy key does not occupy SQLite's writer.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn record_use(connection: &mut Writer<'_>, id: ApiKeyId, now: UtcTime) -> Result<bool> {
        let due =
            api_keys::last_used_at.is_null().or(api_keys::last_used_at.le(now.minus_seconds(60)));
        let recorded = dispatch!(connection, |connection| diesel::update(api_keys::table)
            .filter(api_keys::id.eq(id).and(due))
            .set((
                api_keys::last_used_at.eq(now),
                api_keys::usage_count.eq(api_keys::usage_count + 1),
            ))
            .returning(api_keys::id)
            .prepared()
            .load::<ApiKeyId>(connection))?
        .len();
        Ok(recorded > 0)
    }

    /// Revokes the key. Revoking it again changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if no key has this id;
    /// [`Error::Violation`](crate::Error::Violation) if the user `by` does not exist.
    pub fn revoke(connection: &mut Writer<'_>, id: ApiKeyId, by: Option<UserId>) -> Result<()> {
        let set = (
            api_keys::is_active.eq(false),
            api_keys::revoked_at.eq(UtcTime::now()),
            api_keys::revoked_by.eq(by),
        );
        let result = dispatch!(&mut *connection, |connection| diesel::update(api_keys::table)
            .filter(api_keys::id.eq(id).and(api_keys::revoked_at.is_null()))
            .set(set)
            .execute(connection));
        let user = by.map(Parent::User);
        let revoked =
            explain_broken_reference(connection, result, &[("api_keys_revoked_by_fkey", user)])?;
        if revoked == 0 {
            let known = dispatch!(connection, |connection| diesel::select(diesel::dsl::exists(
                api_keys::table.find(id)
            ))
            .get_result(connection))?;
            return if known { Ok(()) } else { Err(not_found("api_keys", "id", id)()) };
        }
        Ok(())
    }

    /// Revokes every key of the user. Returns the number of keys that were not revoked before.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if the user `by` does not exist.
    pub fn revoke_all(
        connection: &mut Writer<'_>,
        user: UserId,
        by: Option<UserId>,
    ) -> Result<usize> {
        let set = (
            api_keys::is_active.eq(false),
            api_keys::revoked_at.eq(UtcTime::now()),
            api_keys::revoked_by.eq(by),
        );
        let result = dispatch!(&mut *connection, |connection| diesel::update(api_keys::table)
            .filter(api_keys::user_id.eq(user).and(api_keys::revoked_at.is_null()))
            .set(set)
            .execute(connection));
        explain_broken_reference(
            connection,
            result,
            &[("api_keys_revoked_by_fkey", by.map(Parent::User))],
        )
    }

    /// Returns the user's keys, including revoked and expired ones, oldest first. The page begins at the
    /// cursor `after`, or with the oldest if it is `None`.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn page_for_user(
        connection: &mut DbConnection,
        user: UserId,
        after: Option<Cursor<Self>>,
        size: PageSize,
    ) -> Result<Page<Self>> {
        let rows = dispatch!(connection, |connection| api_keys::table
            .select(Self::as_select())
            .filter(api_keys::user_id.eq(user))
            .filter(api_keys::id.gt(after.map_or(ApiKeyId(0), Cursor::position)))
            .order(api_keys::id)
            .literal_limit(size.rows_to_fetch())
            .load(connection))?;
        Ok(Page::of(rows, size))
    }
}
