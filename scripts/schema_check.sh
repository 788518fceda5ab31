#!/bin/sh
# Generates schema.rs from a new SQLite database before and after reverting and applying all migrations,
# and fails if one of them differs from src/schema.rs, which is not changed. If ZENITH_TEST_POSTGRES
# names a server and the Diesel CLI supports PostgreSQL, checks its migrations in a temporary database.
set -eu
cd "$(dirname "$0")/.."

diesel=${DIESEL:-diesel}
directory=$(mktemp -d)
server=
cleanup() {
    [ -z "$server" ] || "$diesel" database drop --database-url "$server" >/dev/null 2>&1 || true
    rm -rf "$directory"
}
trap cleanup EXIT
# The Diesel CLI writes to the path in diesel.toml, so that it works on a copy of its input.
cp -R diesel.toml migrations "$directory"
mkdir "$directory/src"
diesel=$(command -v "$diesel")
case $diesel in /*) ;; *) diesel=$PWD/$diesel ;; esac

compare() {
    if ! diff -u src/schema.rs "$1"; then
        echo "error: src/schema.rs differs from the migrations for $2; run \`diesel migration run\`" >&2
        exit 1
    fi
}

(
    cd "$directory"
    export DATABASE_URL=schema.db
    "$diesel" migration run >/dev/null
    cp src/schema.rs first.rs
    "$diesel" migration redo --all >/dev/null
)
compare "$directory/first.rs" SQLite
compare "$directory/src/schema.rs" SQLite
echo "src/schema.rs matches the migrations for SQLite"

if [ -z "${ZENITH_TEST_POSTGRES:-}" ]; then
    echo "SKIPPED: the migrations for PostgreSQL: ZENITH_TEST_POSTGRES is not set" >&2
    exit 0
fi
case $("$diesel" --version) in
*postgres*) ;;
*)
    echo "SKIPPED: the migrations for PostgreSQL: $diesel was built without it" >&2
    exit 0
    ;;
esac
server="${ZENITH_TEST_POSTGRES%/*}/schema_check_$$"
(
    cd "$directory"
    export DATABASE_URL="$server"
    sed -i.sqlite -e 's:migrations/sqlite:migrations/postgres:' -e '/^sqlite_/d' diesel.toml
    "$diesel" database setup >/dev/null
    "$diesel" migration redo --all >/dev/null
    "$diesel" print-schema |
        sed -e 's/\bInt8\b/BigInt/g' -e 's/\bInt4\b/Integer/g' -e 's/\bFloat8\b/Double/g' >postgres.rs
)
compare "$directory/postgres.rs" PostgreSQL
echo "src/schema.rs matches the migrations for PostgreSQL"
