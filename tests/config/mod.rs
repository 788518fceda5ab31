//! Configuration, and the paths that it names.

mod paths;
mod paths_inspected;
mod paths_refused;
mod refused;
mod values;
