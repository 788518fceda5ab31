mod declared;
mod preferences;
mod properties;
mod rules;
mod stored;
mod typed;
