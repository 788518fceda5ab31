//! The example `examples/chat_service`, which docs/guide.md describes: its own tests, which run here too, so that they
//! are linked once.

mod documentation;
#[path = "../../examples/chat_service/tests/http/main.rs"]
mod http;
