mod api_keys;
mod credentials;
mod sessions;
mod users;
mod users_listed;
