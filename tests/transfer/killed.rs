//! A transfer that is killed at any moment can be gone on with, and ends the same.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use zenith_db_transfer::{Result, TransferError, TransferReport, transfer_between};

use crate::support::place::{Place, RESUME, connect, transfer};

const FROM: &str = "TRANSFER_FROM";
const TO: &str = "TRANSFER_TO";
const WAIT_AT: &str = "TRANSFER_WAIT_AT";

/// Writes a line whenever it hears of progress; at the one that it is told, it waits to be killed.
#[test]
#[ignore = "a process of its own, for the other tests to kill"]
fn the_one_to_be_killed() {
    let [from, to, wait_at] = [FROM, TO, WAIT_AT].map(|name| std::env::var(name).expect(name));
    let wait_at: usize = wait_at.parse().expect("a number");
    let mut heard = 0;
    let mut progress = |progress| {
        heard += 1;
        // Not captured, unlike what println! writes.
        writeln!(std::io::stdout(), "{progress:?}").expect("the parent reads");
        if heard == wait_at {
            std::thread::sleep(std::time::Duration::MAX);
        }
    };
    transfer_between(&mut connect(&from), &mut connect(&to), &RESUME, &mut progress)
        .expect("a transfer");
}

fn start(source: &Place, target: &Place, wait_at: usize) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "transfer::killed::the_one_to_be_killed", "--ignored", "--nocapture"])
        .envs([(FROM, source.address()), (TO, target.address()), (WAIT_AT, wait_at.to_string())])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts")
}

/// Kills it when it has been heard so many times; if it does not wait there, then a little later.
fn killed(source: &Place, target: &Place, at: usize, waiting: bool) {
    let mut child = start(source, target, if waiting { at } else { usize::MAX });
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let heard = lines.filter(|line| line.as_ref().is_ok_and(|line| line.starts_with("Transfer")));
    assert_eq!(heard.take(at).count(), at, "it ended before");
    child.kill().expect("killed");
    assert!(!child.wait().expect("it ends").success() || !waiting);
}

/// How often it is heard when it is left in peace.
fn count_progress(source: &Place, target: &Place) -> usize {
    let mut count = 0;
    let (mut source, mut target) = (source.connect(), target.connect());
    transfer_between(&mut source, &mut target, &RESUME, &mut |_| count += 1).expect("a transfer");
    count
}

/// Twenty kills, each of a transfer to a new target, which is then resumed.
fn twenty_kills(source: &Place, mut target: impl FnMut() -> Place) {
    let original = source.contents();
    let catalogue = target().catalogue();
    let all = count_progress(source, &target());
    // The numbers are the same each time, and as good as any.
    let mut random = 0x5DEE_CE66_D123_4567_u64;
    let mut resumed = 0;
    for kill in 0..20 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = 1 + usize::try_from(random >> 33).expect("31 bits") % all;
        let target = target();
        killed(source, &target, at, kill % 2 == 0);
        match transfer(source, &target, RESUME) {
            Ok(TransferReport { resumed_rows, .. }) => resumed += resumed_rows,
            // It was done before it was killed.
            Err(TransferError::NotEmpty { .. }) if kill % 2 == 1 => {}
            Err(error) => panic!("killed at {at} of {all}: {error:?}"),
        }
        assert_eq!(target.contents(), original, "killed at {at} of {all}");
        assert_eq!(target.catalogue(), catalogue, "killed at {at} of {all}");
    }
    assert!(resumed > 0, "every one began anew");
    assert_eq!(source.contents(), original, "the source");
}

#[test]
fn a_killed_transfer_to_sqlite_ends_the_same() {
    let filled = Place::filled(1_000);
    let source = match Place::postgres() {
        None => filled,
        Some(server) => {
            transfer(&filled, &server, RESUME).expect("a source");
            server
        }
    };
    twenty_kills(&source, Place::sqlite);
}

#[test]
fn a_killed_transfer_to_postgres_ends_the_same() {
    if Place::postgres().is_none() {
        return;
    }
    let source = Place::filled(1_000);
    let bytes = std::fs::read(source.fixture().path()).expect("the file");
    twenty_kills(&source, || Place::postgres().expect("a server"));
    assert!(std::fs::read(source.fixture().path()).expect("the file") == bytes, "the source");
}

#[test]
fn one_transfer_may_be_killed_again_and_again() -> Result<()> {
    let source = Place::filled(1_000);
    let target = Place::postgres().unwrap_or_else(Place::sqlite);
    for at in [5, 20, 21, 22, 26, 30, 30, 35] {
        killed(&source, &target, at, true);
    }
    let report = transfer(&source, &target, RESUME)?;
    assert!(report.resumed_rows > 500, "{report:?}");
    assert_eq!(target.contents(), source.contents());
    Ok(())
}

/// The server, and not the process.
#[cfg(feature = "postgres")]
#[test]
fn when_the_server_is_killed_the_error_says_that_it_was_lost_and_how_to_go_on() {
    use crate::support::log::logged;
    use crate::support::own_server::Server;
    let Some(server) = Server::start() else { return };
    let source = Place::filled(300);
    let manager = source.fixture().manager();
    let to = zenith_db::config::Location::from_flag("--to", &server.url("new")).expect("a URL");
    let mut killed = false;
    let (log, error) = logged(|log| {
        let options = zenith_db_transfer::TransferOptions::default();
        let result = zenith_db_transfer::transfer(&manager, &to, &options, &mut |progress| {
            if progress.table == "chat_history" && !killed {
                killed = true;
                server.kill();
            }
        });
        (log.text(), result.expect_err("no server"))
    });
    server.resume();
    let said = error.to_string();
    assert!(matches!(error, TransferError::ConnectionLost { .. }), "{error:?}");
    for words in ["connection to a server was lost", "chat_history", "`--resume` goes on"] {
        assert!(said.contains(words), "{said}");
    }
    assert!(!log.contains("could not be removed") && !log.contains("transaction manager"), "{log}");
    let options = zenith_db_transfer::TransferOptions { resume: true, ..Default::default() };
    zenith_db_transfer::transfer(&manager, &to, &options, &mut |_| ()).expect("it goes on");
}

/// The record by which a transfer is resumed may be gone.
#[cfg(feature = "postgres")]
#[test]
fn when_the_answer_to_the_last_commit_is_lost_the_error_says_that_all_may_be_done() {
    use crate::support::own_server::{ENCODED_PASSWORD, Server};
    use crate::support::proxy::{Break, Proxy};
    use zenith_db::config::Location;
    use zenith_db_transfer::{TransferOptions, TransferPhase};
    let Some(server) = Server::start() else { return };
    let source = Place::filled(10);
    let manager = source.fixture().manager();
    let proxy = Proxy::before(server.port);
    let url = server.tcp_url(&format!("zenith:{ENCODED_PASSWORD}"));
    let at = |url: &str| Location::from_flag("--to", url).expect("a URL");
    let through = at(&url.replace(&server.port.to_string(), &proxy.port.to_string()));
    let options = TransferOptions::default();
    for (how, is_done) in [(Break::BeforeItArrives, false), (Break::BeforeItIsAnswered, true)] {
        let options = TransferOptions { resume: is_done, ..options };
        let result = zenith_db_transfer::transfer(&manager, &through, &options, &mut |progress| {
            if progress.phase == TransferPhase::Proving {
                proxy.arm(how);
            }
        });
        let error = result.expect_err("no answer");
        assert!(matches!(error, TransferError::EndUnknown { .. }), "{error:?}");
        assert!(error.to_string().contains("`--resume`"), "{error}");
        assert!(proxy.broke());
    }
    // As the error says.
    let options = TransferOptions { resume: true, ..options };
    let again = zenith_db_transfer::transfer(&manager, &at(&url), &options, &mut |_| ());
    let error = again.expect_err("it is complete");
    assert!(matches!(error, TransferError::NotEmpty { .. }), "{error:?}");
}
