//! Numbers that look random, and how many of them the tests of survival try.

/// Pseudorandom number generator (xorshift) with the same numbers in every run.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).expect("small")).expect("small")
    }
}

/// Returns how many points to try: the share, or all of them with `ZENITH_TEST_CRASH=all`.
pub fn points(share: usize, all: usize) -> usize {
    if std::env::var("ZENITH_TEST_CRASH").is_ok_and(|text| text == "all") { all } else { share }
}
