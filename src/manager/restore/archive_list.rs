//! What an archive of `pg_dump` contains, and which of it is restored.

use std::io::{Read as _, Write as _};
use std::path::Path;

use crate::catalog::quoted;
use crate::connection::{self, NewFile, Owner};
use crate::error::{Error, Result};
use crate::manager::server_programs::{program, read_output};

/// Schema or extension of an archive.
struct Entry {
    /// Number in the list of the archive.
    id: String,
    kind: &'static str,
    name: String,
    /// Empty for an extension.
    owner: String,
    /// Number of the comment on it, if it has one.
    comment: Option<String>,
}

/// The schemas and extensions of an archive.
pub(super) struct ArchiveList {
    /// What `pg_restore --list` prints: a line for each object, with its number, kind, schema, name and owner.
    text: String,
    entries: Vec<Entry>,
}

/// Kinds of [`Entry`].
const SCHEMA: &str = "SCHEMA";
const EXTENSION: &str = "EXTENSION";

impl ArchiveList {
    /// Reads the archive. A file in `directory` is needed meanwhile.
    pub(super) fn read(archive: &Path, directory: &Path) -> Result<Self> {
        let text = printed(archive, &["--list"], None)?;
        let mut entries = Vec::new();
        for (id, rest) in text.lines().filter_map(|line| outside_schemas(line, EXTENSION)) {
            let [id, name, owner] =
                [id, rest.strip_suffix(' ').unwrap_or(rest), ""].map(str::to_owned);
            entries.push(Entry { id, kind: EXTENSION, name, owner, comment: None });
        }
        for (id, rest) in text.lines().filter_map(|line| outside_schemas(line, SCHEMA)) {
            // In the list, the name may end at any space. Its script alone says where; what follows in that, such as a name
            // with line feeds, is not looked at.
            let only = written(directory, &format!("{id};\n"))?;
            let script = printed(archive, &["--schema-only", "--verbose"], Some(only.path()))?;
            let (name, owner) = named_in(&script, rest).ok_or_else(|| {
                Error::Internal("pg_restore describes a schema differently in a script".to_owned())
            })?;
            let [id, name, owner] = [id, name, owner].map(str::to_owned);
            entries.push(Entry { id, kind: SCHEMA, name, owner, comment: None });
        }
        for (id, rest) in text.lines().filter_map(|line| outside_schemas(line, "COMMENT")) {
            let entry = entries.iter_mut().find(|Entry { kind, name, owner, .. }| {
                let is_on = |name: &str| rest == format!("{kind} {name} {owner}");
                is_on(name) || is_on(&quoted(name))
            });
            if let Some(entry) = entry {
                entry.comment = Some(id.to_owned());
            }
        }
        Ok(Self { text, entries })
    }

    /// Returns the names of the objects of this kind, `SCHEMA` or `EXTENSION`, that restoring the archive creates. Each has
    /// its line feeds and carriage returns replaced by spaces.
    pub(super) fn names(&self, kind: &str) -> Vec<&str> {
        let entries = self.entries.iter().filter(|entry| entry.kind == kind);
        entries.map(|entry| entry.name.as_str()).collect()
    }

    /// Returns those of these schemas that the archive has, each with its owner.
    pub(super) fn owners_of<'a>(
        &'a self,
        schemas: &'a [String],
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        schemas.iter().filter_map(|schema| {
            let name = on_a_line(schema);
            let mut entries = self.entries.iter();
            let entry = entries.find(|entry| entry.kind == SCHEMA && entry.name == name)?;
            Some((schema.as_str(), entry.owner.as_str()))
        })
    }

    /// Writes the list of the archive for `pg_restore --use-list`, without these schemas and extensions, which the
    /// database already has, and the comments on them.
    pub(super) fn without(
        &self,
        directory: &Path,
        schemas: &[String],
        extensions: &[String],
    ) -> Result<NewFile> {
        let is_present = |entry: &&Entry| {
            let present = if entry.kind == SCHEMA { schemas } else { extensions };
            present.iter().any(|name| on_a_line(name) == entry.name)
        };
        let ids: Vec<&str> = self
            .entries
            .iter()
            .filter(is_present)
            .flat_map(|entry| [Some(&*entry.id), entry.comment.as_deref()])
            .flatten()
            .collect();
        let is_kept = |line: &&str| line.split_once(';').is_none_or(|(id, _)| !ids.contains(&id));
        let kept: Vec<&str> = self.text.lines().filter(is_kept).collect();
        written(directory, &kept.join("\n"))
    }
}

/// Returns the number, and the name and the owner, of a line of the list about an object of this kind in no schema, such
/// as `6; 2615 2200 SCHEMA - public owner`. A name has no line feed there.
fn outside_schemas<'a>(line: &'a str, kind: &str) -> Option<(&'a str, &'a str)> {
    let (id, rest) = line.split_once("; ")?;
    let [_catalog, _object, rest] = *rest.splitn(3, ' ').collect::<Vec<_>>() else { return None };
    Some((id, rest.strip_prefix(kind)?.strip_prefix(" - ")?))
}

/// Returns the name and the owner of the first object of a script that `pg_restore --verbose` has printed, which has the
/// line `-- Name: public; Type: SCHEMA; Schema: -; Owner: owner`. With a space between them, they have to be `both`.
fn named_in<'a>(script: &'a str, both: &str) -> Option<(&'a str, &'a str)> {
    const BETWEEN: &str = "; Type: SCHEMA; Schema: -; Owner: ";

    let mut lines = script.lines().skip_while(|line| !line.starts_with("-- TOC entry "));
    let line = lines.nth(1)?.strip_prefix("-- Name: ")?;
    let ends = line.match_indices(BETWEEN).map(|(end, _)| end);
    let mut splits = ends.map(|end| (&line[..end], &line[end + BETWEEN.len()..]));
    splits.find(|(name, owner)| both == format!("{name} {owner}"))
}

/// Returns a name as the list of an archive has it.
fn on_a_line(name: &str) -> String {
    name.replace(['\n', '\r'], " ")
}

/// Returns what `pg_restore` prints of an archive, or of those of its objects that a list names.
fn printed(archive: &Path, arguments: &[&str], list: Option<&Path>) -> Result<String> {
    let mut restore = program("pg_restore");
    restore.args(arguments).arg("--file=-");
    if let Some(list) = list {
        restore.arg("--use-list").arg(list);
    }
    let bytes = read_output("pg_restore", restore.arg(archive), |mut script| {
        let mut bytes = Vec::new();
        script.read_to_end(&mut bytes).map_err(Error::io("list", archive))?;
        Ok(bytes)
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns a private file with this text.
fn written(directory: &Path, text: &str) -> Result<NewFile> {
    connection::create_private_dir(directory)?;
    let owner = Owner::of(directory).map_err(Error::io("read the metadata of", directory))?;
    let mut file = NewFile::create(directory, owner)?;
    let path = file.path().to_owned();
    file.as_file_mut().write_all(text.as_bytes()).map_err(Error::io("write", path))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_list_is_about_a_schema_by_its_kind_and_not_by_a_name() {
        let of = |line| outside_schemas(line, SCHEMA);
        assert_eq!(of("6; 2615 2200 SCHEMA - a b owner"), Some(("6", "a b owner")));
        for line in [
            "; 6; 2615 2200 SCHEMA - a owner",
            "7; 0 0 COMMENT - SCHEMA - a owner",
            "8; 1255 16401 FUNCTION SCHEMA - a owner",
            "9; 1255 16401 FUNCTION public SCHEMA - a owner",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }

    #[test]
    fn a_name_ends_where_the_list_and_the_script_agree() {
        let script = |first: &str, later: &str| {
            format!("--\n-- TOC entry 6 (class 1)\n-- Name: {first}\n--\n{later}\n")
        };
        let between = "; Type: SCHEMA; Schema: -; Owner: ";
        for (name, owner) in
            [("a", "b c"), ("a b", "c"), ("a", "x; Type: SCHEMA; Schema: -; Owner: y")]
        {
            let spoof = format!("-- TOC entry 6 (class 1)\n-- Name: a{between}other");
            let script = script(&format!("{name}{between}{owner}"), &spoof);
            assert_eq!(named_in(&script, &format!("{name} {owner}")), Some((name, owner)));
        }
        assert_eq!(named_in(&script("a; Type: TABLE; Schema: -; Owner: b", ""), "a b"), None);
    }
}
