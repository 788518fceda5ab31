//! What an archive of `pg_dump` contains, and which of it is restored.

use std::io::{Read as _, Write as _};
use std::path::Path;

use crate::catalog::quoted;
use crate::connection::{self, NewFile, Owner};
use crate::error::{Error, Result};
use crate::manager::server_programs::{program, read_output};

/// Object of an archive that is not in a schema: a schema, an extension or a comment on one.
struct Entry {
    id: String,
    name: String,
    kind: String,
    owner: String,
}

/// The schemas and extensions of an archive.
pub(super) struct ArchiveList(Vec<Entry>);

impl ArchiveList {
    /// Reads the archive.
    pub(super) fn read(archive: &Path) -> Result<Self> {
        // The script names each object on a line of its own; in the list, a name may end anywhere in its line.
        let script = printed(archive, &["--schema-only", "--verbose"])?;
        let mut entries = Vec::new();
        let mut id = None;
        for line in script.lines() {
            if let Some(rest) = line.strip_prefix("-- TOC entry ") {
                id = rest.split_once(' ').map(|(id, _)| id);
            } else if let Some(rest) = line.strip_prefix("-- Name: ")
                && let Some(id) = id.take()
                && let Some((name, rest)) = rest.rsplit_once("; Type: ")
                && let Some((kind, owner)) = rest.split_once("; Schema: -; Owner: ")
            {
                let [id, name, kind, owner] = [id, name, kind, owner].map(str::to_owned);
                entries.push(Entry { id, name, kind, owner });
            }
        }
        Ok(Self(entries))
    }

    /// Returns the names of the objects of this kind, `SCHEMA` or `EXTENSION`, that restoring the archive creates. Each has
    /// its line feeds and carriage returns replaced by spaces.
    pub(super) fn names(&self, kind: &str) -> Vec<&str> {
        let entries = self.0.iter().filter(|entry| entry.kind == kind);
        entries.map(|entry| entry.name.as_str()).collect()
    }

    /// Returns those of these schemas that the archive has, each with its owner.
    pub(super) fn owners_of<'a>(
        &'a self,
        schemas: &'a [String],
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        schemas.iter().filter_map(|schema| {
            let name = on_a_line(schema);
            let mut entries = self.0.iter();
            let entry = entries.find(|entry| entry.kind == "SCHEMA" && entry.name == name)?;
            Some((schema.as_str(), entry.owner.as_str()))
        })
    }

    /// Writes the list of the archive for `pg_restore --use-list`, without these schemas and extensions, which the
    /// database already has, and the comments on them.
    pub(super) fn without(
        &self,
        archive: &Path,
        directory: &Path,
        schemas: &[String],
        extensions: &[String],
    ) -> Result<NewFile> {
        let of = |names: &[String], kind: &str| -> Vec<(String, String)> {
            let entries = names.iter().flat_map(|name| {
                let comment = |name: &str| ("COMMENT".to_owned(), format!("{kind} {name}"));
                let own = (kind.to_owned(), name.clone());
                [own, comment(name), comment(&quoted(name))]
            });
            entries.map(|(kind, name)| (kind, on_a_line(&name))).collect()
        };
        let present = [of(schemas, "SCHEMA"), of(extensions, "EXTENSION")].concat();
        let is_present = |line: &str| {
            let id = line.split_once("; ").map(|(id, _)| id);
            self.0.iter().any(|entry| {
                let is =
                    |(kind, name): &(String, String)| *kind == entry.kind && *name == entry.name;
                Some(entry.id.as_str()) == id && present.iter().any(is)
            })
        };
        let text = printed(archive, &["--list"])?;
        let kept: Vec<&str> = text.lines().filter(|line| !is_present(line)).collect();
        let mut list = temporary(directory)?;
        let path = list.path().to_owned();
        list.as_file_mut()
            .write_all(kept.join("\n").as_bytes())
            .map_err(Error::io("write", path))?;
        Ok(list)
    }
}

/// Returns a name as the comments of a script have it.
fn on_a_line(name: &str) -> String {
    name.replace(['\n', '\r'], " ")
}

/// Returns what `pg_restore` prints of an archive.
fn printed(archive: &Path, arguments: &[&str]) -> Result<String> {
    let mut restore = program("pg_restore");
    restore.args(arguments).arg("--file=-").arg(archive);
    let bytes = read_output("pg_restore", &mut restore, |mut script| {
        let mut bytes = Vec::new();
        script.read_to_end(&mut bytes).map_err(Error::io("list", archive))?;
        Ok(bytes)
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn temporary(directory: &Path) -> Result<NewFile> {
    connection::create_private_dir(directory)?;
    let owner = Owner::of(directory).map_err(Error::io("read the metadata of", directory))?;
    NewFile::create(directory, owner)
}
