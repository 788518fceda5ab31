//! The prelude beside others: a name that it shares with one of them is ambiguous, so that this does not
//! compile.

/// Names that web frameworks are used with.
mod web {
    macro_rules! names {
        ($($name:ident)+) => { $(pub use std::primitive::u8 as $name;)+ };
    }
    names! {
        Body Bytes ConnectInfo Cookie Extension Form FromRef FromRequest FromRequestParts
        Handler HeaderMap Html HttpRequest HttpResponse IntoResponse Json MatchedPath Method
        Middleware Multipart Next OriginalUri Params Path Query RawQuery Redirect Request
        Responder Response Router Service Session Sse State StatusCode Uri
    }
}

/// Names of the standard library and of Serde that are always there, or often imported.
mod common {
    pub use serde_json::{Map, Number, Value};
    pub use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
    pub use std::error::Error;
    pub use std::fmt::{Debug, Display};
    pub use std::path::PathBuf;
    pub use std::prelude::rust_2024::*;
    pub use std::sync::{Arc, Mutex};
    pub use std::time::{Duration, Instant, SystemTime};
}

#[deny(ambiguous_glob_imports, reason = "Rust only warns of a name that two imports have")]
mod together {
    use zenith_db::prelude::*;

    use super::common::*;
    use super::web::*;

    macro_rules! each_is_one {
        ($($name:ident)+) => { $(
            const _: () = {
                #[expect(unused_imports, reason = "it is enough that it has one meaning")]
                use self::$name as Used;
            };
        )+ };
    }
    each_is_one! {
        Body Bytes ConnectInfo Cookie Extension Form FromRef FromRequest FromRequestParts
        Handler HeaderMap Html HttpRequest HttpResponse IntoResponse Json MatchedPath Method
        Middleware Multipart Next OriginalUri Params Path Query RawQuery Redirect Request
        Responder Response Router Service Session Sse State StatusCode Uri
        Arc BTreeMap BTreeSet Box Debug Default Display Duration Error HashMap HashSet
        Instant Iterator Map Mutex Number Option PathBuf Result String SystemTime ToString
        Value Vec
    }

    #[test]
    fn the_prelude_stands_beside_those_of_others() {
        // What the prelude has is there as well, and `Result` is that of Rust.
        let parsed: Result<UserId, <UserId as std::str::FromStr>::Err> = "7".parse();
        assert_eq!(parsed, Ok(UserId(7)));
    }
}
