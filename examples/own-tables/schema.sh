#!/bin/sh
# Prints the schema.rs of the application's tables, from a new SQLite database with the library's migrations and the
# application's: schema.sh DIESEL LIBRARY.
set -eu
diesel=$1
library=$2
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cp diesel.toml "$directory"
# The Diesel CLI writes to the file that diesel.toml names: here it only prints.
sed -i.named -e '/^file = /d' "$directory/diesel.toml"
export DATABASE_URL="$directory/schema.db"
for migrations in "$library/sqlite" migrations/sqlite; do
    "$diesel" --config-file "$directory/diesel.toml" migration run --migration-dir "$migrations" >&2
done
"$diesel" --config-file "$directory/diesel.toml" print-schema
