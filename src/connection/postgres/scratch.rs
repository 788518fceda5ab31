//! Temporary databases on a server, which may take the place of another database.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::connect::{connect_to_catalog, with_one_host};
use super::databases::{creation, maintenance};
use super::name::name_of;
use super::quoted::quoted;
use super::scratch_lock::ScratchLock;
use super::scratch_name::{beside, random_name};
use super::scratch_settings::{Settings, give_settings};
use super::statement::run;
use crate::config::{ServerOptions, ServerUrl};
use crate::error::{Error, Result, chain};
use crate::locks::Obstacle;

/// Database with a temporary name, beside another one on its server. It is dropped when this is dropped; that of
/// a killed process, by the next exclusive [`ScratchLock`] of the same database.
pub(crate) struct ScratchDatabase {
    /// Database whose name it may take.
    model: ServerUrl,
    url: ServerUrl,
    options: ServerOptions,
    /// Keeps other processes from taking it for a killed one's, which they could drop.
    held: Option<PgConnection>,
    is_temporary: bool,
}

/// How often, and after which pause, the sessions in a database are looked at again.
const LOOKS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(50);

impl ScratchDatabase {
    /// Creates an empty database, with the owner, the locale, the settings and the privileges of the database at
    /// `model`, if that exists, without what keeps from filling it. Nobody but its owner and superusers can connect to it.
    /// `purpose` becomes a part of its name. What killed processes left is dropped before; the server may still create
    /// what they asked for, which is waited for.
    ///
    /// # Errors
    /// [`Error::Connect`]; [`Error::Query`] if the user may not create databases.
    pub(crate) fn create(
        model: &ServerUrl,
        options: &ServerOptions,
        purpose: &str,
    ) -> Result<Self> {
        // The other hosts get it later, and have no database of its name until then.
        let model = &with_one_host(model, options)?;
        let mut lock = ScratchLock::exclusive(model, options)?;
        let maintenance = lock.connection();
        let of = name_of(model)?;
        let name = random_name(&of, purpose);
        let like = statements(maintenance, CREATE_LIKE, &of, &name)?;
        let create = like.into_iter().next().unwrap_or_else(|| creation(&name));
        run(maintenance, &format!("{create} ALLOW_CONNECTIONS false"))?;
        let url = model.at(&name);
        let (model, options) = (model.clone(), options.clone());
        let mut scratch = Self { model, url, options, held: None, is_temporary: true };
        let own = quoted(&name);
        run(maintenance, &format!("REVOKE CONNECT ON DATABASE {own} FROM PUBLIC"))?;
        // Before there is anything in it to read.
        for privilege in statements(maintenance, REVOKED, &of, &name)?
            .into_iter()
            .chain(statements(maintenance, &granted("<>"), &of, &name)?)
        {
            run(maintenance, &privilege)?;
        }
        run(maintenance, &format!("ALTER DATABASE {own} ALLOW_CONNECTIONS true"))?;
        scratch.held = Some(connect_to_catalog(&scratch.url, &scratch.options)?);
        // The search_path says where the tables are, and a migration may need any other.
        give_settings(maintenance, &of, &name, Settings::ToFill)?;
        Ok(scratch)
    }

    /// Creates a copy of the database at `model`, with its rows, to which nobody may be connected meanwhile.
    ///
    /// # Errors
    /// [`Error::Connect`]; [`Error::Query`] if the user may not create databases.
    #[cfg(feature = "testing")]
    pub(crate) fn copy_of(model: &ServerUrl, options: &ServerOptions) -> Result<Self> {
        let model = &with_one_host(model, options)?;
        let mut lock = ScratchLock::shared(model, options)?;
        let of = name_of(model)?;
        let name = random_name(&of, "copy");
        let copy = format!("CREATE DATABASE {} TEMPLATE {}", quoted(&name), quoted(&of));
        run(lock.connection(), &copy)?;
        let (model, options) = (model.clone(), options.clone());
        let mut scratch =
            Self { url: model.at(&name), model, options, held: None, is_temporary: true };
        scratch.held = Some(connect_to_catalog(&scratch.url, &scratch.options)?);
        Ok(scratch)
    }

    pub(crate) const fn url(&self) -> &ServerUrl {
        &self.url
    }

    /// Gives the database the name of its model, whose own name gets `suffix`, in one transaction. Returns that name,
    /// or `None` if the model does not exist.
    ///
    /// # Errors
    /// [`Error::Locked`] if somebody is connected to the model; [`Error::Query`] if the user may not rename it.
    pub(crate) fn take_place(mut self, suffix: &str) -> Result<Option<String>> {
        let mut maintenance = maintenance(&self.model, &self.options)?;
        let (of, name) = (name_of(&self.model)?, name_of(&self.url)?);
        let mut swap = statements(&mut maintenance, PROPERTIES, &of, &name)?;
        let kept = beside(&of, suffix);
        let (model, own, other) = (quoted(&of), quoted(&name), quoted(&kept));
        let is_there = !swap.is_empty();
        if is_there {
            swap.extend(statements(&mut maintenance, &granted("="), &of, &name)?);
            swap.push(format!("ALTER DATABASE {model} RENAME TO {other}"));
        } else {
            swap.push(format!("GRANT CONNECT ON DATABASE {own} TO PUBLIC"));
        }
        swap.push(format!("ALTER DATABASE {own} RENAME TO {model}"));
        give_settings(&mut maintenance, &of, &name, Settings::ReadOnly)?;
        // A database to which anybody is connected cannot be renamed.
        self.held = None;
        if let Err(error) = run_all(&mut maintenance, &swap) {
            // The server lists who is in the way.
            if let Some(other) = others_in(&mut maintenance, &of)? {
                return Err(Error::locked(SWAPPING, None, Obstacle::Process(other), Some(error)));
            }
            // Who was has gone, such as another command that has looked at the database.
            run_all(&mut maintenance, &swap)?;
        }
        self.is_temporary = false;
        Ok(is_there.then_some(kept))
    }
}

/// Action that others who are connected prevent.
const SWAPPING: &str = "renaming the database for the restore (stop the application first)";

impl Drop for ScratchDatabase {
    fn drop(&mut self) {
        if !self.is_temporary {
            return;
        }
        self.held = None;
        let name = self.url.database().unwrap_or_default();
        let dropped = maintenance(&self.model, &self.options).and_then(|mut maintenance| {
            let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(&name));
            Ok(run(&mut maintenance, &drop)?)
        });
        if let Err(error) = dropped {
            tracing::warn!(error = %chain(&error), "the temporary database {name} was not dropped");
        }
    }
}

/// Runs statements in one transaction.
fn run_all(connection: &mut PgConnection, statements: &[String]) -> QueryResult<()> {
    connection.transaction(|connection| {
        statements.iter().try_for_each(|statement| run(connection, statement))
    })
}

/// Returns who is connected to a database, other than this connection. The session of a client that has just gone
/// counts until the server notices, which is waited for a moment.
pub(crate) fn others_in(connection: &mut PgConnection, database: &str) -> Result<Option<String>> {
    let mut found = statements(connection, SESSIONS, database, "")?;
    for _ in 0..LOOKS {
        if found.is_empty() {
            break;
        }
        std::thread::sleep(PAUSE);
        found = statements(connection, SESSIONS, database, "")?;
    }
    let listed = |shown: &[String]| shown.join(", ");
    Ok(match found.as_slice() {
        [] => None,
        [shown @ .., _] if shown.len() > 3 => {
            let rest = found.len() - 3;
            Some(format!("{} and {rest} more", listed(shown.get(..3).unwrap_or_default())))
        }
        all => Some(listed(all)),
    })
}

#[derive(QueryableByName)]
struct Statement {
    #[diesel(sql_type = Text)]
    statement: String,
}

/// Runs a query that returns statements about the databases `of` and `name`.
fn statements(
    connection: &mut PgConnection,
    query: &str,
    of: &str,
    name: &str,
) -> Result<Vec<String>> {
    let found: Vec<Statement> =
        diesel::sql_query(query).bind::<Text, _>(of).bind::<Text, _>(name).load(connection)?;
    Ok(found.into_iter().map(|row| row.statement).collect())
}

/// Creates `$2` as `$1` was created. The names of two columns depend on the version of the server. The tablespace is
/// named only if it is another than that of the template, and the user may create in it: naming even the default
/// one needs that right, which only superusers have at first.
const CREATE_LIKE: &str = "
    SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L OWNER %I',
            $2, 'UTF8', datcollate, datctype, pg_get_userbyid(datdba))
        || CASE WHEN dattablespace <> (SELECT dattablespace FROM pg_database WHERE datname = 'template0')
                AND has_tablespace_privilege(dattablespace, 'CREATE')
            THEN format(' TABLESPACE %I', spcname) ELSE '' END
        || CASE datlocprovider
            WHEN 'i' THEN format(' LOCALE_PROVIDER icu ICU_LOCALE %L',
                coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'))
                || CASE WHEN to_jsonb(d) ->> 'daticurules' IS NULL THEN ''
                    ELSE format(' ICU_RULES %L', to_jsonb(d) ->> 'daticurules') END
            WHEN 'b' THEN format(' LOCALE_PROVIDER builtin BUILTIN_LOCALE %L', to_jsonb(d) ->> 'datlocale')
            ELSE ' LOCALE_PROVIDER libc' END AS statement
    FROM pg_database AS d JOIN pg_tablespace AS t ON t.oid = d.dattablespace WHERE datname = $1";

/// Takes from `$2` what everybody may do in a new database, and somebody has taken from `$1`.
const REVOKED: &str = "
    SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', $2) AS statement
    FROM pg_database WHERE datname = $1 AND datacl IS NOT NULL";

/// Returns the query that gives `$2` those privileges of `$1` that are (`=`) or are not (`<>`) the one to connect.
fn granted(comparison: &str) -> String {
    format!(
        "SELECT format('GRANT %s ON DATABASE %I TO %s%s', privilege_type, $2,
                CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
                CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS statement
            FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))
            WHERE datname = $1 AND privilege_type {comparison} 'CONNECT'"
    )
}

/// Gives `$2` the comment and the connection limit of `$1`.
const PROPERTIES: &str = "
    WITH d AS (SELECT * FROM pg_database WHERE datname = $1)
    SELECT format('COMMENT ON DATABASE %I IS %L', $2, shobj_description(oid, 'pg_database')) AS statement FROM d
    UNION ALL SELECT format('ALTER DATABASE %I CONNECTION LIMIT %s', $2, datconnlimit) FROM d";

/// Lists the sessions in `$1`.
const SESSIONS: &str = "
    SELECT format('%s (process %s of the server%s)', coalesce(nullif(application_name, ''), usename::text),
        pid, ', from '::text || host(client_addr)) AS statement
    FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid() AND $2 = '' ORDER BY pid";
