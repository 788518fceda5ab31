//! A backup that is taken while others write is one snapshot of the database.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::points;
use crate::support::models::Models;
use crate::support::{Raw, content, open_file};

const WRITERS: usize = 4;
const TEXTS: [&str; WRITERS] = ["first", "second", "third", "fourth"];

#[test]
fn a_backup_under_four_writers_has_a_prefix_of_what_each_committed() {
    let models = Models::on_sqlite();
    let manager = models.fixture().manager();
    let user = models.ann();
    let sessions: Vec<_> = (0..WRITERS).map(|_| content::open(&models, user)).collect();
    let done = AtomicBool::new(false);
    let backups: Vec<_> = thread::scope(|scope| {
        for (session, text) in sessions.iter().zip(TEXTS) {
            let (models, done) = (&models, &done);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    content::say(models, session, text);
                }
            });
        }
        let taken: Vec<_> = (0..points(2, 50)).map(|_| manager.backup()).collect();
        done.store(true, Ordering::Relaxed);
        taken.into_iter().map(|backup| backup.expect("a backup")).collect()
    });
    let messages = |connection: &mut zenith_db::DbConnection, text: &str| {
        connection.lines(&format!(
            "SELECT message_id AS line FROM chat_history WHERE message_content = '{text}' ORDER BY id"
        ))
    };
    let mut database = models.fixture().raw();
    let all: Vec<_> = TEXTS.iter().map(|text| messages(&mut database, text)).collect();
    for backup in &backups {
        let mut copy = open_file(&backup.path);
        for (text, all) in TEXTS.iter().zip(&all) {
            let found = messages(&mut copy, text);
            assert!(all.starts_with(&found), "{text}: not a prefix in {}", backup.path.display());
        }
        let wrong = copy.lines(
            "SELECT id || '' AS line FROM chat_sessions WHERE message_count <>
             (SELECT count(*) FROM chat_history WHERE chat_session_id = chat_sessions.id)",
        );
        assert_eq!(wrong, Vec::<String>::new(), "{}", backup.path.display());
    }
    let first = backups.first().expect("a backup").rows;
    assert!(backups.last().expect("a backup").rows > first, "nobody wrote meanwhile");
}
