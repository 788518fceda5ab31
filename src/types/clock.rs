//! Where times and ids come from: the system, or in tests a clock that the test sets.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Returns the current time.
pub(super) fn now() -> DateTime<Utc> {
    #[cfg(feature = "testing")]
    if let Some(time) = testing::Clock::of_this_thread().map(|clock| clock.tick()) {
        return time;
    }
    Utc::now()
}

/// Returns a new UUID of version 7.
pub(super) fn new_uuid() -> Uuid {
    #[cfg(feature = "testing")]
    if let Some(uuid) = testing::Clock::of_this_thread().map(|clock| clock.next_uuid()) {
        return uuid;
    }
    Uuid::now_v7()
}

/// The clock of a test.
#[cfg(feature = "testing")]
pub(crate) mod testing {
    use std::cell::RefCell;
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

    use chrono::{DateTime, TimeDelta, Utc};
    use uuid::Uuid;

    thread_local! {
        /// Clocks that the thread has entered; the last is in force.
        static ENTERED: RefCell<Vec<Clock>> = const { RefCell::new(Vec::new()) };
    }

    /// Clock that a test sets, for what a thread does while it has entered the clock:
    /// [`UtcTime::now`](crate::types::UtcTime::now), every time that a call of a model writes, and new public ids.
    ///
    /// It advances by a microsecond with each reading, so that two times are never equal, and otherwise when the
    /// test says so. New ids are UUIDs of version 7 of its time, with a number that counts from 1: a test that runs
    /// again gets the same ones.
    ///
    /// Columns that the database fills, such as `users.created_at`, have the database's time. A clock that is set
    /// to a time before it may break a rule of the schema, such as that a session does not expire before its
    /// creation.
    ///
    /// Clones are the same clock: another thread enters a clone.
    ///
    /// ```
    /// use zenith_db::testing::Clock;
    /// use zenith_db::types::UtcTime;
    ///
    /// let clock = Clock::at("2026-12-01 08:00:00.000000".parse::<UtcTime>()?);
    /// let entered = clock.enter();
    /// assert_eq!(UtcTime::now().to_string(), "2026-12-01 08:00:00.000000");
    /// clock.advance(3_600);
    /// assert_eq!(UtcTime::now().to_string(), "2026-12-01 09:00:00.000001");
    /// drop(entered);
    /// # Ok::<(), zenith_db::types::NotUtcTime>(())
    /// ```
    #[derive(Clone, Debug)]
    pub struct Clock(Arc<Mutex<State>>);

    #[derive(Debug)]
    struct State {
        next: DateTime<Utc>,
        ids: u64,
    }

    /// A thread's use of a [`Clock`], until this is dropped.
    #[derive(Debug)]
    #[must_use = "the clock is left when this is dropped"]
    pub struct EnteredClock {
        clock: Clock,
        /// A clock is left by the thread that has entered it.
        _not_send: std::marker::PhantomData<*const ()>,
    }

    impl Clock {
        /// Returns a clock that stands at this time.
        #[must_use]
        pub fn at(time: impl Into<DateTime<Utc>>) -> Self {
            Self(Arc::new(Mutex::new(State { next: time.into(), ids: 0 })))
        }

        /// Returns a clock that stands at the time of the system, from which a test can advance it.
        #[must_use]
        pub fn stopped() -> Self {
            Self::at(Utc::now())
        }

        /// Makes this the clock of the thread until the result is dropped. The last clock that is entered is in force.
        pub fn enter(&self) -> EnteredClock {
            ENTERED.with_borrow_mut(|entered| entered.push(self.clone()));
            EnteredClock { clock: self.clone(), _not_send: std::marker::PhantomData }
        }

        /// Advances the clock by this many seconds.
        pub fn advance(&self, seconds: u32) {
            self.state().advance(TimeDelta::seconds(seconds.into()));
        }

        /// Sets the clock to a time, which may be an earlier one.
        pub fn set(&self, time: impl Into<DateTime<Utc>>) {
            self.state().next = time.into();
        }

        /// Returns the clock that this thread has entered last, if any.
        #[must_use]
        pub fn of_this_thread() -> Option<Self> {
            ENTERED.with_borrow(|entered| entered.last().cloned())
        }

        pub(super) fn tick(&self) -> DateTime<Utc> {
            let mut state = self.state();
            let time = state.next;
            state.advance(TimeDelta::microseconds(1));
            time
        }

        pub(super) fn next_uuid(&self) -> Uuid {
            let mut state = self.state();
            state.ids += 1;
            let millis = state.next.timestamp_millis();
            let mut rest = [0; 10];
            if let Some(number) = rest.last_chunk_mut() {
                *number = state.ids.to_be_bytes();
            }
            // The time of a UUID begins in 1970.
            let millis = u64::try_from(millis).unwrap_or_default();
            uuid::Builder::from_unix_timestamp_millis(millis, &rest).into_uuid()
        }

        fn state(&self) -> MutexGuard<'_, State> {
            // Nothing between locking and unlocking can leave half a change.
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl State {
        fn advance(&mut self, by: TimeDelta) {
            self.next = self.next.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC);
        }
    }

    impl Drop for EnteredClock {
        fn drop(&mut self) {
            ENTERED.with_borrow_mut(|entered| {
                let own = |other: &Clock| Arc::ptr_eq(&other.0, &self.clock.0);
                if let Some(index) = entered.iter().rposition(own) {
                    entered.remove(index);
                }
            });
        }
    }
}
