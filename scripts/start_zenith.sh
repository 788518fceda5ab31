#!/bin/sh
# Starts an application after preparing its Zenith database:
#
#   scripts/start_zenith.sh my-application --port 8080
#
# Runs `zenith-db ensure`, which creates or migrates the database, and then replaces itself with the application.
# If ensure fails, exits with its exit code. Without a command, exits after ensure. ZENITH_DB_BIN sets the path
# of zenith-db.
#
# zenith-db reads .env from the current directory itself, and so does an application that uses
# `Config::from_env`. This script does not, so that no line of .env reaches the application's environment.
#
# The names of all variables begin with zenith_, to avoid clashes with variables that are already set.
set -eu

zenith_fail() {
    printf 'start_zenith: %s\n' "$2" >&2
    exit "$1"
}

zenith_built=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)/target/release/zenith-db
if [ -n "${ZENITH_DB_BIN:-}" ]; then
    zenith_db=$ZENITH_DB_BIN
elif [ -x "$zenith_built" ]; then
    zenith_db=$zenith_built
else
    zenith_db=zenith-db
fi
command -v "$zenith_db" >/dev/null 2>&1 || zenith_fail 127 \
    "cannot find $zenith_db; build it with \`make build\`, or set ZENITH_DB_BIN to its path"

# Standard output is reserved for the application.
zenith_exit=0
"$zenith_db" ensure >&2 || zenith_exit=$?
if [ "$zenith_exit" -ne 0 ]; then
    zenith_fail "$zenith_exit" "the database is not ready (exit code $zenith_exit); nothing was started"
fi

# The administrator's password is for ensure only.
unset ZENITH_ADMIN_PASSWORD
[ $# -eq 0 ] || exec "$@"
