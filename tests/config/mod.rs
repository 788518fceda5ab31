//! Configuration, and the paths that it names.

mod addresses;
mod at;
mod env_file;
mod long_names;
mod paths;
mod paths_inspected;
mod paths_refused;
mod refused;
mod setters;
mod values;
