mod encoding;
mod log;
mod pages;
mod security_events;
