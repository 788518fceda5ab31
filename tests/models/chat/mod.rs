mod messages;
mod sessions;
