mod chunks;
mod filters;
mod lifecycle;
mod rows;
mod stored_files;
