#!/bin/sh
# Starts an application after preparing its Zenith database:
#
#   scripts/start_zenith.sh my-application --port 8080
#
# Loads .env from the current directory, runs `zenith-db ensure`, which creates or migrates the database,
# and then replaces itself by the application. If ensure fails, exits with its exit code. Without a
# command, exits after ensure. ZENITH_DB_BIN sets the path of zenith-db.
#
# The names of all variables begin with zenith_, to avoid clashes with variables that are already set.
set -eu

zenith_fail() {
    printf 'start_zenith: %s\n' "$2" >&2
    exit "$1"
}

# Sets one variable from a line of .env. Nothing in the line is expanded or executed.
zenith_load_line() {
    zenith_name=${1%%=*}
    zenith_value=${1#*=}
    case $zenith_name in
    export[' 	']*)
        zenith_name=${zenith_name#export}
        zenith_name=${zenith_name#"${zenith_name%%[! 	]*}"}
        ;;
    esac
    zenith_name=${zenith_name%"${zenith_name##*[! 	]}"}
    # Other lines are comments, blank or invalid. `zenith-db` reads the file too, and reports lines that it
    # cannot parse.
    case $1 in *=*) ;; *) return 0 ;; esac
    case $zenith_name in '' | [!A-Za-z_]* | *[!A-Za-z0-9_]*) return 0 ;; esac

    zenith_value=${zenith_value#"${zenith_value%%[! 	]*}"}
    zenith_plain=no
    case $zenith_value in
    [\'\"]*)
        zenith_quote=${zenith_value%"${zenith_value#?}"}
        zenith_value=${zenith_value#?}
        case $zenith_value in
        *"$zenith_quote"*) ;;
        *) zenith_fail 2 ".env: the quote after $zenith_name= is not closed on its line" ;;
        esac
        case ${zenith_value#*"$zenith_quote"} in
        '' | [' 	']*) ;;
        *) zenith_fail 2 ".env: text follows the closing quote of $zenith_name" ;;
        esac
        zenith_value=${zenith_value%%"$zenith_quote"*}
        [ "$zenith_quote" = '"' ] || zenith_plain=yes
        ;;
    *)
        # A comment begins at a # after white space; `a#b` is a value.
        case $zenith_value in '#'*) zenith_value= ;; esac
        zenith_value=${zenith_value%%[ 	]#*}
        zenith_value=${zenith_value%"${zenith_value##*[! 	]}"}
        ;;
    esac
    # zenith-db expands these characters in its settings. They are refused, because without the expansion
    # this script would open another database than `zenith-db` does.
    case $zenith_plain$zenith_name=$zenith_value in
    noDATABASE_*=*[\$\\\'\"]*)
        zenith_fail 2 ".env: $zenith_name contains \$, \\ or a quote; write the value in single quotes"
        ;;
    esac

    # Both name the database: if one is set in the environment, both are ignored in the file.
    case $zenith_name$zenith_located in DATABASE_URLyes* | DATABASE_PATHyes*) return 0 ;; esac
    # A variable that is already set takes precedence over the file, and in the file the last line of a
    # name does, as for zenith-db. The name was checked above, so this eval cannot run anything else.
    eval "zenith_is_set=\${$zenith_name+yes}"
    case $zenith_is_set$zenith_loaded in
    yes*" $zenith_name "*) ;;
    yes*) return 0 ;;
    esac
    zenith_loaded="$zenith_loaded$zenith_name "
    export "$zenith_name=$zenith_value"
}

if [ -f .env ]; then
    zenith_loaded=' '
    zenith_located=${DATABASE_URL+yes}${DATABASE_PATH+yes}
    zenith_return=$(printf '\r')
    # The last line may have no line break.
    while IFS= read -r zenith_line || [ -n "$zenith_line" ]; do
        zenith_line=${zenith_line%"$zenith_return"}
        zenith_load_line "${zenith_line#"${zenith_line%%[! 	]*}"}"
    done <.env
fi

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

[ $# -eq 0 ] || exec "$@"
