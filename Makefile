# Each target is one command; `make help` lists them. Flags for zenith-db go in ARGS:
#   make db-init ARGS="--admin-user root"

CARGO     ?= cargo
ZENITH    := target/release/zenith-db
DIESEL_VERSION := 2.3.14
DENY_VERSION := 0.20.2
# With libpq, the Diesel CLI speaks to both databases.
DIESEL_FEATURES := sqlite-bundled$(if $(shell command -v pg_config), postgres)
DIESEL    ?= target/tools/$(subst $() ,-,$(DIESEL_FEATURES))/bin/diesel
ARGS      ?=
# Of the crate, for the command: FEATURES=postgres, which needs libpq.
FEATURES  ?=

.DEFAULT_GOAL := help
.PHONY: help build db-init db-migrate db-rollback db-seed db-health db-status db-backup \
        test test-postgres check fmt clippy lint example doc schema-check picture deny bench bench-models

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build the command, optimised
	@$(CARGO) build --release --locked --quiet --bin zenith-db --features "$(FEATURES)"

db-init: build ## Create the database, or bring it up to date
	@$(ZENITH) create $(ARGS)

db-migrate: build ## Apply the pending migrations, after a backup
	@$(ZENITH) migrate $(ARGS)

db-rollback: build ## Revert the last migration, after a backup (asks first; ARGS=--yes)
	@$(ZENITH) rollback $(ARGS)

db-seed: build ## Write the seeds that are missing
	@$(ZENITH) seed $(ARGS)

db-health: build ## Check everything
	@$(ZENITH) health-check $(ARGS)

db-status: build ## Show what the database holds
	@$(ZENITH) status $(ARGS)

db-backup: build ## Take a backup and check it
	@$(ZENITH) backup $(ARGS)

test: ## Run every test, on SQLite
	$(CARGO) test --locked --no-fail-fast

# Tests that take long and are about files, whatever the run is for: `make test` has run them.
SQLITE_ONLY := $(addprefix --skip ,import:: schema::compile_fail:: migrations::full_disk:: migrations::failures:: \
	migrations::disk_space:: config::paths cli::start_script::)

test-postgres: ## Run every test that is not about SQLite on the server that ZENITH_TEST_POSTGRES names
	@if [ -z "$$ZENITH_TEST_POSTGRES" ]; then \
		echo "SKIPPED: no test ran on PostgreSQL: ZENITH_TEST_POSTGRES names no server" >&2; \
	elif ! command -v pg_config >/dev/null; then \
		echo "error: ZENITH_TEST_POSTGRES names a server, but libpq is missing (Debian: libpq-dev)" >&2; \
		exit 1; \
	else set -x; \
		$(CARGO) test --locked --no-fail-fast --features postgres --test zenith -- $(SQLITE_ONLY); \
	fi

lint: ## Find faults in the SQL of the migrations
	$(CARGO) run --locked --quiet --bin zenith-db -- migration lint

check: fmt clippy lint test example doc schema-check ## Everything that CI runs

fmt:
	$(CARGO) fmt --all --check

clippy:
	$(CARGO) clippy --locked --workspace --all-targets -- --deny warnings
	@if command -v pg_config >/dev/null; then set -x; \
		$(CARGO) clippy --locked --features postgres --all-targets -- --deny warnings; \
	else echo "SKIPPED: the queries were not checked for PostgreSQL: libpq is missing" >&2; fi

example: ## Run the example application on this repository's own documents
	$(CARGO) run --locked --quiet --example document_chat

doc: ## Build the documentation; a broken link is an error
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --locked --no-deps

schema-check: $(DIESEL) ## Fail if src/schema.rs is not what the migrations generate
	@DIESEL=$(DIESEL) scripts/schema_check.sh

picture: build ## Draw docs/zenith-db.svg from what the command prints
	@scripts/picture.py > docs/zenith-db.svg.new && mv docs/zenith-db.svg.new docs/zenith-db.svg

DENY := target/tools/cargo-deny/bin/cargo-deny
deny: $(DENY) ## Check the dependencies: licences, bans, sources; advisories where their list can be fetched
	$(DENY) --locked --workspace check licenses bans sources
	@if $(DENY) --locked --workspace fetch db 2>/dev/null; then set -x; \
		$(DENY) --locked --workspace check --disable-fetch advisories; \
	else echo "SKIPPED: the advisories: their list cannot be fetched" >&2; fi

$(DENY):
	$(CARGO) install cargo-deny --version $(DENY_VERSION) --locked --quiet --root target/tools/cargo-deny \
		--target-dir target/tools/build

bench: ## Measure against the floor
	$(CARGO) bench --locked

bench-models: ## Measure the models against raw SQLite
	$(CARGO) run --locked --release --quiet --package zenith-bench-models

target/tools/%/bin/diesel:
	$(CARGO) install diesel_cli --version $(DIESEL_VERSION) --locked --quiet --root target/tools/$* \
		--target-dir target/tools/build --no-default-features --features "$(DIESEL_FEATURES)"
