#!/bin/sh
# Regenerates src/schema.rs from a fresh database, runs every migration back and forth, and fails if
# the committed file differs. The committed file is not touched.
set -eu
cd "$(dirname "$0")/.."

diesel=${DIESEL:-diesel}
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
# The CLI writes schema.rs where diesel.toml says, so it works on a copy of what it reads.
cp -R diesel.toml migrations "$directory"
mkdir "$directory/src"
diesel=$(command -v "$diesel")
case $diesel in /*) ;; *) diesel=$PWD/$diesel ;; esac

(
    cd "$directory"
    export DATABASE_URL=schema.db
    "$diesel" migration run >/dev/null
    cp src/schema.rs first.rs
    "$diesel" migration redo --all >/dev/null
)
for generated in "$directory/first.rs" "$directory/src/schema.rs"; do
    if ! diff -u src/schema.rs "$generated"; then
        echo "src/schema.rs is not what the migrations generate; run \`diesel migration run\`" >&2
        exit 1
    fi
done
echo "src/schema.rs is what the migrations generate"
