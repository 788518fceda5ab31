mod api_keys;
mod authentication;
mod credentials;
mod names;
mod password_hashes;
mod sessions;
mod users;
mod users_listed;
