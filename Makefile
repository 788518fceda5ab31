# `make help` lists the targets. ARGS has flags for zenith-db:
#   make db-init ARGS="--admin-user root"

CARGO     ?= cargo
ZENITH    := target/release/zenith-db
# CONTRIBUTING.md names the version too.
DIESEL_VERSION := 2.3.14
DENY_VERSION := 0.20.2
# The Diesel CLI supports PostgreSQL only if libpq is installed.
DIESEL_FEATURES := sqlite-bundled$(if $(shell command -v pg_config), postgres)
DIESEL    ?= target/tools/$(subst $() ,-,$(DIESEL_FEATURES))/bin/diesel
ARGS      ?=
# Features of the command: FEATURES=postgres needs libpq.
FEATURES  ?=
# Features of the command that `make test` and `make clippy` add; `make test-postgres` tests what it says without age.
ALL_FEATURES := zenith-db-cli/age
# Faults that test-faults tries for each kind of system call.
FAULTS    ?= 40

.DEFAULT_GOAL := help
.PHONY: help build db-init db-migrate db-rollback db-seed db-health db-status db-backup \
        test test-damaged test-faults test-crash test-postgres test-roles test-names check fmt clippy lint example doc schema-check picture deny bench bench-models bench-load bench-large bench-async bench-http

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build target/release/zenith-db
	@$(CARGO) build --release --locked --quiet --bin zenith-db --features "$(FEATURES)"

db-init: build ## Create the database, or bring it up to date
	@$(ZENITH) create $(ARGS)

db-migrate: build ## Apply pending migrations, after a backup
	@$(ZENITH) migrate $(ARGS)

db-rollback: build ## Revert the last migration, after a backup (asks for confirmation; ARGS=--yes gives it)
	@$(ZENITH) rollback $(ARGS)

db-seed: build ## Insert the roles, permissions and settings that are missing
	@$(ZENITH) seed $(ARGS)

db-health: build ## Check the database without writing to it
	@$(ZENITH) health-check $(ARGS)

db-status: build ## Show the version, the tables with their row counts, and the last backup
	@$(ZENITH) status $(ARGS)

db-backup: build ## Take a verified backup
	@$(ZENITH) backup $(ARGS)

test: ## Run all tests on SQLite
	$(CARGO) test --locked --no-fail-fast --features $(ALL_FEATURES)

test-damaged: ## Try 2,000 damaged files of each kind, of which `make test` tries 40
	ZENITH_TEST_DAMAGED=2000 $(CARGO) test --locked --test zenith -- connection::damaged_files

test-faults: ## Try 40 faults of each kind of system call (FAULTS=100000: all), of which `make test` tries one
	ZENITH_TEST_FAULTS=$(FAULTS) $(CARGO) test --locked --test zenith -- connection::fault_matrix

test-crash: ## Try every kill, power cut, damage and full disk, of which `make test` tries a share
	ZENITH_TEST_CRASH=all $(CARGO) test --locked --test zenith -- crash::
	@if command -v pg_config >/dev/null; then set -x; \
		ZENITH_TEST_CRASH=all $(CARGO) test --locked --features postgres --test zenith -- server::kills; \
	else echo "SKIPPED: the kills of a server: libpq is not installed" >&2; fi

# Slow tests of files, which do not depend on the server; `make test` runs them. A filter matches any part of a name.
SQLITE_ONLY := $(addprefix --skip ,import:: connection:: crash:: schema::compile_fail:: migrations::full_disk:: migrations::failures:: \
	migrations::disk_space:: config::paths cli::start_script::)

test-postgres: ## Run the tests on the PostgreSQL server that ZENITH_TEST_POSTGRES names
	@if [ -z "$$ZENITH_TEST_POSTGRES" ]; then \
		echo "SKIPPED: the tests on PostgreSQL: ZENITH_TEST_POSTGRES is not set" >&2; \
	elif ! command -v pg_config >/dev/null; then \
		echo "error: ZENITH_TEST_POSTGRES is set, but libpq is not installed (Debian: libpq-dev)" >&2; \
		exit 1; \
	else set -x; \
		$(CARGO) test --locked --no-fail-fast --features postgres --test zenith -- $(SQLITE_ONLY); \
	fi

test-names: ## Try thirty unusual names of a schema on PostgreSQL, of which `make test-postgres` tries four
	ZENITH_TEST_NAMES=all $(CARGO) test --locked --features postgres --test zenith -- server::schemas

test-roles: ## Run the tests of the models there as the role of an application
	@if [ -z "$$ZENITH_TEST_POSTGRES" ]; then \
		echo "SKIPPED: the tests as a role: ZENITH_TEST_POSTGRES is not set" >&2; \
	else set -x; \
		ZENITH_TEST_ROLE=app $(CARGO) test --locked --no-fail-fast --features postgres --test zenith -- models::; \
	fi

lint: ## Check the SQL of the migrations for faults
	$(CARGO) run --locked --quiet --bin zenith-db -- migration lint

check: fmt clippy lint test example doc schema-check ## Run all checks and tests, except on PostgreSQL

fmt:
	$(CARGO) fmt --all --check

clippy:
	$(CARGO) clippy --locked --workspace --all-targets --features $(ALL_FEATURES) -- --deny warnings
	$(CARGO) clippy --locked --package zenith-db-cli --all-targets --no-default-features -- --deny warnings
	@if command -v pg_config >/dev/null; then set -x; \
		$(CARGO) clippy --locked --features postgres --all-targets -- --deny warnings; \
	else echo "SKIPPED: clippy with the feature postgres: libpq is not installed" >&2; fi

example: ## Run the example application on this repository's documents
	$(CARGO) run --locked --quiet --example document_chat

doc: ## Build the documentation; a warning is an error
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --locked --no-deps

schema-check: $(DIESEL) ## Fail if src/schema.rs, or that of an example, differs from the migrations
	@DIESEL=$(DIESEL) scripts/schema_check.sh
	@$(MAKE) --no-print-directory --directory examples/own-tables schema-check DIESEL="$$(realpath "$$(command -v $(DIESEL))")"
	@diesel="$$(realpath "$$(command -v $(DIESEL))")"; cd examples/chat_service; \
		../own-tables/schema.sh "$$diesel" ../../migrations | diff -u src/schema.rs - && echo "src/schema.rs of the chat service matches the migrations"

picture: build ## Draw docs/zenith-db.svg from the output of the command
	@scripts/picture.py > docs/zenith-db.svg.new && mv docs/zenith-db.svg.new docs/zenith-db.svg

DENY := target/tools/cargo-deny/bin/cargo-deny
deny: $(DENY) ## Check the licences, sources and advisories of the dependencies
	$(DENY) --locked --workspace check licenses bans sources
	@if $(DENY) --locked --workspace fetch db 2>/dev/null; then set -x; \
		$(DENY) --locked --workspace check --disable-fetch advisories; \
	else echo "SKIPPED: the advisories: the database cannot be fetched" >&2; fi

$(DENY):
	$(CARGO) install cargo-deny --version $(DENY_VERSION) --locked --quiet --root target/tools/cargo-deny \
		--target-dir target/tools/build

bench: ## Run the benchmarks
	$(CARGO) bench --locked

bench-models: ## Compare the models with raw SQLite
	$(CARGO) run --locked --release --quiet --package zenith-bench-models

bench-load: ## Compare many threads at once with a pool of raw SQLite connections
	$(CARGO) run --locked --release --quiet --package zenith-bench-models -- load

bench-large: ## Measure a chat with ten million messages; it takes 20 minutes, and 20 GB of the disk
	ZENITH_BENCH_MESSAGES=10000000 $(CARGO) bench --locked --bench large $(if $(shell command -v pg_config),--features postgres)

bench-async: ## Measure a thousand asynchronous callers, and what a timer beside them notices
	$(CARGO) run --locked --release --quiet --package zenith-bench-models -- async

bench-http: ## Serve 200 and 1,000 clients over HTTP with the chat service, and look whether a message is missing
	$(CARGO) run --locked --release --quiet --package chat-service --example load

target/tools/%/bin/diesel:
	$(CARGO) install diesel_cli --version $(DIESEL_VERSION) --locked --quiet --root target/tools/$* \
		--target-dir target/tools/build --no-default-features --features "$(DIESEL_FEATURES)"
