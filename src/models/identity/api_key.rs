//! API keys: by which programs act for a user.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use typed_builder::TypedBuilder;

use super::user::User;
use crate::backend::DbConnection;
use crate::dispatch;
use crate::error::Result;
use crate::models::query::{
    LiteralLimit, Page, PageSize, Parent, Prepare, explain_broken_reference, find_one, not_found,
};
use crate::schema::api_keys;
use crate::types::{ApiKeyId, Json, PublicId, TokenHash, UserId, UtcTime};

/// An API key, without the key: only its hash is stored, and that is only compared.
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
    /// The row's key.
    pub id: ApiKeyId,
    /// The public id.
    pub key_id: PublicId,
    /// For whom it acts.
    pub user_id: UserId,
    /// What it is called.
    pub name: String,
    /// Its first characters, for people to recognise it by.
    pub key_prefix: String,
    /// What it may be used for.
    pub scopes: Json<Vec<String>>,
    /// When it was last used.
    pub last_used_at: Option<UtcTime>,
    /// How many uses were recorded: at most one a minute is.
    pub usage_count: i64,
    /// False once it is revoked.
    pub is_active: bool,
    /// When it ends.
    pub expires_at: Option<UtcTime>,
    /// When it was made.
    pub created_at: UtcTime,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// When it was revoked.
    pub revoked_at: Option<UtcTime>,
    /// Who revoked it.
    pub revoked_by: Option<UserId>,
    /// What the application keeps beside.
    pub metadata: Json<Value>,
}

/// An API key to insert.
#[derive(Clone, Debug, Insertable, TypedBuilder)]
#[diesel(table_name = api_keys)]
#[diesel(treat_none_as_default_value = false)]
pub struct NewApiKey<'a> {
    /// The public id; unless told, a new one.
    #[builder(default = PublicId::new())]
    pub key_id: PublicId,
    /// For whom it acts.
    pub user_id: UserId,
    /// What it is called, 1 to 100 characters.
    pub name: &'a str,
    /// The key's hash.
    pub key_hash: TokenHash,
    /// Its first characters, 1 to 10.
    pub key_prefix: &'a str,
    /// What it may be used for; unless told, nothing.
    #[builder(default = Json(Vec::new()))]
    pub scopes: Json<Vec<String>>,
    /// When it ends; unless told, never.
    #[builder(default, setter(into))]
    pub expires_at: Option<UtcTime>,
    /// Who makes it.
    #[builder(default, setter(into))]
    pub created_by: Option<UserId>,
}

impl NewApiKey<'_> {
    /// Inserts the key.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if there is no such user or the key exists
    /// already.
    pub fn insert(&self, connection: &mut DbConnection) -> Result<ApiKey> {
        let result = dispatch!(&mut *connection, |connection| diesel::insert_into(api_keys::table)
            .values(self)
            .returning(ApiKey::as_returning())
            .get_result(connection));
        let references = [
            ("api_keys_user_id_fkey", Some(Parent::User(self.user_id))),
            ("api_keys_created_by_fkey", self.created_by.map(Parent::User)),
        ];
        explain_broken_reference(connection, result, &references)
    }
}

impl ApiKey {
    /// The key with this hash, if it is alive at `now`: neither revoked nor expired. Whether its user
    /// is still active is the user's row to say, and [`is_allowed`](crate::models::is_allowed)'s.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn find_live(
        connection: &mut DbConnection,
        key: TokenHash,
        now: UtcTime,
    ) -> Result<Option<Self>> {
        find_one!(
            connection,
            api_keys,
            api_keys::key_hash.eq(key),
            api_keys::is_active,
            api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now))
        )
    }

    /// Records a use. Returns whether it did: within a minute of the last recorded one it does not,
    /// so that a busy key does not keep the writer busy.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be written.
    pub fn record_use(connection: &mut DbConnection, id: ApiKeyId, now: UtcTime) -> Result<bool> {
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

    /// Ends the key. Ending it again changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound); [`Error::Violation`](crate::Error::Violation) if
    /// there is no such user to have done it.
    pub fn revoke(connection: &mut DbConnection, id: ApiKeyId, by: Option<UserId>) -> Result<()> {
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

    /// Ends every key of the user. Returns how many.
    ///
    /// # Errors
    /// [`Error::Violation`](crate::Error::Violation) if there is no such user to have done it.
    pub fn revoke_all(
        connection: &mut DbConnection,
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

    /// The user's keys, revoked ones too, oldest first.
    ///
    /// # Errors
    /// [`Error::Query`](crate::Error::Query) if the database cannot be read.
    pub fn page_for_user(
        connection: &mut DbConnection,
        user: UserId,
        after: Option<ApiKeyId>,
        size: PageSize,
    ) -> Result<Page<Self, ApiKeyId>> {
        let rows = dispatch!(connection, |connection| api_keys::table
            .select(Self::as_select())
            .filter(api_keys::user_id.eq(user))
            .filter(api_keys::id.gt(after.unwrap_or(ApiKeyId(0))))
            .order(api_keys::id)
            .literal_limit(size.rows_to_fetch())
            .load(connection))?;
        Ok(Page::of(rows, size, |key: &Self| key.id))
    }
}
