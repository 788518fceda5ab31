//! Seeding at the same time from several processes writes each row once.

use zenith_db::manager::DatabaseManager;

use crate::support::Fixture;

#[test]
fn eight_who_seed_at_once_write_each_row_once() {
    let fixture = Fixture::created();
    fixture.sql("DELETE FROM role_permissions");
    fixture.sql("DELETE FROM permissions");
    let begin = std::sync::Barrier::new(8);
    let written: usize = std::thread::scope(|scope| {
        let seeding = [(); 8].map(|()| {
            scope.spawn(|| {
                begin.wait();
                DatabaseManager::new(fixture.config()).seed().expect("seeds").permissions
            })
        });
        seeding.into_iter().map(|thread| thread.join().expect("a thread")).sum()
    });
    assert_eq!(written, 18);
    assert_eq!(fixture.text("SELECT count(*) FROM permissions"), "18");
}
