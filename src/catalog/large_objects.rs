//! Large objects of a database on a server, which belong to no schema, so that no backup has them.

use diesel::prelude::*;

use super::names::names;
use crate::error::Result;

/// Only the owner and superusers may remove them.
const BY_OWNER: &str = "
    SELECT pg_catalog.format('%s %s of %s (that role or a superuser removes %s: SELECT lo_unlink(oid) '
            'FROM pg_largeobject_metadata WHERE lomowner = %L::regrole)',
        count(*), CASE count(*) WHEN 1 THEN 'large object' ELSE 'large objects' END, lomowner::regrole,
        CASE count(*) WHEN 1 THEN 'it' ELSE 'them' END, lomowner::regrole) AS name
    FROM pg_largeobject_metadata GROUP BY lomowner ORDER BY lomowner::regrole::text COLLATE \"C\"";

/// Returns a phrase for each role that owns some: how many, whose, and the statement that removes them.
///
/// # Errors
/// [`Error::Query`](crate::Error::Query) if the database cannot be read.
pub(crate) fn large_objects(connection: &mut PgConnection) -> Result<Vec<String>> {
    names(connection, BY_OWNER)
}
