//! The documentation asks only for permissions that the seeds create: any other would compile, and
//! always be denied.

use std::fs;
use std::path::{Path, PathBuf};

use zenith_db::prelude::*;

use crate::support::models::Models;
use crate::support::repository;

/// Returns the resource and the action of each call of `is_allowed` in which both are literals.
fn pairs(text: &str) -> Vec<(String, String)> {
    let calls = text.split("is_allowed(").skip(1);
    let literals = calls.filter_map(|rest| {
        let (arguments, _) = rest.split_once(')')?;
        let mut quoted = arguments.split('"').skip(1).step_by(2);
        Some((quoted.next()?.to_owned(), quoted.next()?.to_owned()))
    });
    literals.collect()
}

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "md") {
            found.push(path);
        }
    }
}

#[test]
fn every_permission_in_the_documentation_is_seeded() {
    let root = repository();
    let mut documents = vec![root.join("README.md")];
    for directory in ["docs", "examples", "src", "crates", "tests/consumer/src"] {
        files(&root.join(directory), &mut documents);
    }
    let mut asked = Vec::new();
    for document in documents {
        let text = fs::read_to_string(&document).expect("a text");
        asked.extend(pairs(&text).into_iter().map(|pair| (document.clone(), pair)));
    }
    assert!(asked.len() >= 3, "{asked:?}");

    let seeded = Models::new().run(Permission::list);
    for (document, (resource, action)) in asked {
        let known = seeded.iter().any(|p| p.resource == resource && p.action == action);
        assert!(known, "{}: {resource}, {action}", document.display());
    }
}

#[test]
fn pairs_are_found_whatever_stands_before_them() {
    let text = r#"is_allowed(conn, user.id, "documents", "upload")?; is_allowed(
        conn, id,
        "chat",
        "access",
    ) is_allowed(conn, user, resource, action)"#;
    let found = [("documents", "upload"), ("chat", "access")];
    assert_eq!(pairs(text), found.map(|(resource, action)| (resource.into(), action.into())));
}
