//! Configuration, and the paths that it names.

mod at;
mod paths;
mod paths_inspected;
mod paths_refused;
mod refused;
mod values;
