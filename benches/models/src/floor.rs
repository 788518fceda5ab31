//! The floor: raw SQLite, statements cached, values read as they are stored.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "what is measured has no checks that can be spared"
)]

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Result, ensure};
use chrono::{Datelike, Timelike, Utc};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, TransactionBehavior, params};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zenith_db::types::SessionToken;

use super::ours::TEXT;
use super::{CHUNKS, RETRIEVED, Side};

pub(crate) struct Floor {
    connection: Connection,
    next_index: usize,
    seq: i64,
    previous: String,
}

impl Floor {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.set_prepared_statement_cache_capacity(100);
        // Those of the crate, with its defaults.
        connection.execute_batch(
            "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON; PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
             PRAGMA recursive_triggers = ON; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;
             PRAGMA cache_size = 10000;",
        )?;
        Ok(Self { connection, next_index: 1_000_000, seq: 0, previous: "0".repeat(64) })
    }
}

/// All columns of a row, owned.
fn owned(row: &Row<'_>) -> rusqlite::Result<Vec<Value>> {
    (0..row.as_ref().column_count()).map(|column| row.get(column)).collect()
}

/// The hash of a content in hexadecimal, by nothing of the crate.
fn hex_of(content: impl AsRef<[u8]>) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(content) {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

/// The time as it is stored, by nothing of the crate.
fn now() -> String {
    let now = Utc::now();
    let mut text = *b"0000-00-00 00:00:00.000000";
    let parts = [
        (0..4, now.year().unsigned_abs()),
        (5..7, now.month()),
        (8..10, now.day()),
        (11..13, now.hour()),
        (14..16, now.minute()),
        (17..19, now.second()),
        (20..26, now.nanosecond() / 1_000),
    ];
    for (at, mut rest) in parts {
        for digit in text[at].iter_mut().rev() {
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

const SESSION: &str = "SELECT id, session_id, user_id, ip_address, user_agent, created_at,
    last_activity, idle_expires_at, expires_at, is_active, revoked_at, device_fingerprint,
    location_info FROM user_sessions
    WHERE token_hash = ?1 AND is_active AND idle_expires_at > ?2 AND expires_at > ?2";

const SESSION_AND_USER: &str = "SELECT s.id, s.session_id, s.user_id, s.ip_address, s.user_agent,
    s.created_at, s.last_activity, s.idle_expires_at, s.expires_at, s.is_active, s.revoked_at,
    s.device_fingerprint, s.location_info, u.id, u.uuid, u.username, u.email, u.role_id, u.full_name,
    u.display_name, u.avatar_url, u.timezone, u.locale, u.created_at, u.updated_at, u.last_login,
    u.last_password_change, u.password_expires_at, u.is_active, u.is_verified, u.email_verified_at,
    u.failed_login_attempts, u.locked_until, u.must_change_password, u.two_factor_enabled,
    u.login_notification_enabled, u.session_timeout_minutes, u.created_by, u.updated_by, u.metadata
    FROM user_sessions AS s JOIN users AS u ON u.id = s.user_id
    WHERE s.token_hash = ?1 AND s.is_active AND s.idle_expires_at > ?2 AND s.expires_at > ?2
        AND u.is_active";

const ALLOWED: &str = "SELECT EXISTS (SELECT 1 FROM users JOIN roles ON roles.id = users.role_id
    WHERE users.id = ?1 AND users.is_active AND (roles.is_superuser OR EXISTS (
        SELECT 1 FROM role_permissions
        JOIN permissions ON permissions.id = role_permissions.permission_id
        WHERE role_id = roles.id AND resource = ?2 AND action IN (?3, '*'))))";

const MESSAGE_COLUMNS: &str = "id, chat_session_id, user_id, message_id, parent_message_id,
    message_content, message_type, model_name, provider, timestamp, token_count,
    processing_time_ms, is_deleted, deleted_at, deleted_by, is_edited, edit_count, last_edited_at,
    feedback_rating, feedback_comment, source_documents, retrieval_context, metadata";

impl Side for Floor {
    fn find_session(&mut self, token: &SessionToken) -> Result<()> {
        let mut statement = self.connection.prepare_cached(SESSION)?;
        let (hash, now) = (hex_of(token.expose()), now());
        statement.query_row(params![hash, now], owned)?;
        Ok(())
    }

    fn authenticate(&mut self, token: &SessionToken) -> Result<()> {
        let mut statement = self.connection.prepare_cached(SESSION_AND_USER)?;
        let (hash, now) = (hex_of(token.expose()), now());
        statement.query_row(params![hash, now], owned)?;
        Ok(())
    }

    fn is_allowed(&mut self, user: i64) -> Result<()> {
        let mut statement = self.connection.prepare_cached(ALLOWED)?;
        let allowed: bool =
            statement.query_row(params![user, "chat", "access"], |row| row.get(0))?;
        ensure!(allowed);
        Ok(())
    }

    fn append(&mut self, chat: i64, user: i64) -> Result<()> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let now = now();
        tx.prepare_cached(&format!(
            "INSERT INTO chat_history (chat_session_id, user_id, message_id, message_content,
                message_type, timestamp, token_count, metadata)
             VALUES (?1, ?2, ?3, ?4, 'user', ?5, 40, '{{}}') RETURNING {MESSAGE_COLUMNS}"
        ))?
        .query_row(params![chat, user, Uuid::now_v7().to_string(), TEXT, now], owned)?;
        tx.prepare_cached(
            "UPDATE chat_sessions SET message_count = message_count + 1,
                total_tokens = total_tokens + 40, last_message_at = ?2, updated_at = ?2
             WHERE id = ?1",
        )?
        .execute(params![chat, now])?;
        tx.commit()?;
        Ok(())
    }

    fn page(&mut self, chat: i64, after: i64) -> Result<()> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {MESSAGE_COLUMNS} FROM chat_history
             WHERE chat_session_id = ?1 AND NOT is_deleted AND id > ?2 ORDER BY id LIMIT 51"
        ))?;
        let rows = statement.query_map(params![chat, after], owned)?;
        let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        ensure!(rows.len() == 51);
        Ok(())
    }

    fn insert_chunks(&mut self, document: i64) -> Result<()> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute(
            "UPDATE documents SET chunk_count = chunk_count + ?2,
                total_tokens = total_tokens + 40 * ?2 WHERE id = ?1",
            params![document, i64::try_from(CHUNKS)?],
        )?;
        let mut statement = tx.prepare_cached(
            "INSERT INTO document_chunks (document_id, chunk_id, chunk_index, content, content_hash,
                token_count, chunk_type, metadata) VALUES (?1, ?2, ?3, ?4, ?5, 40, 'text', '{}')",
        )?;
        for index in self.next_index..self.next_index + CHUNKS {
            let (id, hash) = (Uuid::now_v7().to_string(), hex_of(TEXT));
            statement.execute(params![document, id, i64::try_from(index)?, TEXT, hash])?;
        }
        self.next_index += CHUNKS;
        drop(statement);
        tx.commit()?;
        Ok(())
    }

    fn retrieve(&mut self, ids: &[String]) -> Result<()> {
        let marks = vec!["?"; ids.len()].join(", ");
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT c.*, d.* FROM document_chunks AS c JOIN documents AS d ON d.id = c.document_id
             WHERE c.vector_id IN ({marks})"
        ))?;
        let rows = statement.query_map(rusqlite::params_from_iter(ids), |row| {
            Ok((row.get::<_, String>("vector_id")?, owned(row)?))
        })?;
        let mut found = rows.collect::<rusqlite::Result<HashMap<_, _>>>()?;
        let ordered: Vec<_> = ids.iter().filter_map(|id| found.remove(id)).collect();
        ensure!(ordered.len() == RETRIEVED);
        Ok(())
    }

    fn audit(&mut self, user: i64) -> Result<()> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        self.seq += 1;
        // Any hash will do: the chain is what the triggers check.
        let hash = hex_of(self.seq.to_be_bytes());
        let name: String = tx
            .prepare_cached("SELECT username FROM users WHERE id = ?1")?
            .query_row([user], |row| row.get(0))?;
        tx.prepare_cached(
            "INSERT INTO audit_log (seq, event_id, user_id, actor_name, event_type, event_category,
                action, timestamp, severity, success, metadata, prev_hash, entry_hash)
             VALUES (?1, ?2, ?3, ?4, 'chat', 'chat', 'ask', ?5, 'info', 1, '{}', ?6, ?7)",
        )?
        .execute(params![
            self.seq,
            Uuid::now_v7().to_string(),
            user,
            name,
            now(),
            self.previous,
            hash
        ])?;
        tx.commit()?;
        self.previous = hash;
        Ok(())
    }
}
