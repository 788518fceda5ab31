//! Authentication: the session and the user whom a token names.

use diesel::prelude::*;
use zenith_db::dispatch;
use zenith_db::prelude::*;
use zenith_db::schema::users;

use crate::support::models::Models;

/// Opens a session that may idle for an hour and lasts a day.
fn open(models: &Models, user_id: UserId, token: &SessionToken) -> UserSession {
    let now = UtcTime::now();
    let new = NewUserSession::builder()
        .user_id(user_id)
        .token(token)
        .idle_expires_at(now.plus_seconds(3600))
        .expires_at(now.plus_seconds(86_400))
        .build();
    models.run(|conn| new.insert(conn))
}

fn signed_in(models: &Models, token: &SessionToken, now: UtcTime) -> Option<(UserSession, User)> {
    models.run(|conn| UserSession::authenticate(conn, token, now))
}

#[test]
fn a_token_names_its_session_and_the_user_of_the_session() {
    let models = Models::new();
    let (ann, bob) = (models.ann(), models.add_user("bob"));
    let [one, other, third] = [(); 3].map(|()| SessionToken::generate());
    let opened = [(ann, &one), (bob, &other), (ann, &third)]
        .map(|(user, token)| (token, open(&models, user, token), user));
    for (token, session, id) in opened {
        let now = session.created_at;
        let user = models.run(|conn| User::find(conn, id)).expect("a user");
        assert_eq!(signed_in(&models, token, now), Some((session, user)));
    }
    let now = UtcTime::now();
    for presented in ["", &one.expose().to_uppercase(), &format!("{} ", one.expose())] {
        assert_eq!(signed_in(&models, &presented.into(), now), None, "{presented:?}");
    }
}

#[test]
fn a_session_that_is_over_authenticates_nobody() {
    let models = Models::new();
    let token = SessionToken::generate();
    let session = open(&models, models.ann(), &token);
    let end = session.idle_expires_at;
    let before: UtcTime = (end.as_datetime() - std::time::Duration::from_micros(1)).into();
    assert!(signed_in(&models, &token, before).is_some());
    assert_eq!(signed_in(&models, &token, end), None);
    assert_eq!(signed_in(&models, &token, session.expires_at), None);
    models.run(|conn| UserSession::revoke(conn, session.id));
    assert_eq!(signed_in(&models, &token, before), None);
}

#[test]
fn a_user_who_is_not_active_is_shut_out_and_a_locked_one_is_not() {
    let models = Models::new();
    let ann = models.ann();
    let token = SessionToken::generate();
    let now = open(&models, ann, &token).created_at;
    models.run(|conn| User::set_active(conn, ann, false, None));
    assert_eq!(signed_in(&models, &token, now), None);
    models.run(|conn| User::set_active(conn, ann, true, None));
    models.run(|conn| {
        let lock = users::locked_until.eq(UtcTime::MAX);
        let locked = diesel::update(users::table.find(ann)).set(lock);
        dispatch!(conn, |conn| locked.execute(conn))?;
        Ok(())
    });
    let (_, user) = signed_in(&models, &token, now).expect("an open session");
    assert_eq!(user.locked_until, Some(UtcTime::MAX));
}
