# What people and machines run. Rust, a C compiler's linker and Python's pip are all that is needed; what else helps is
# fetched where it can be, and named where it can't.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
DEMO ?= presscheck-demo
# One of the targets in fuzz/, for how long, and the compiler: instrumentation is the nightly's alone.
TARGET ?= pictures
FUZZ_SECONDS ?= 60
NIGHTLY ?= nightly

# Real prompt sets, hostile images and GitHub's own schemas are too large for the repository. Tests that read
# them look in this folder, and say that they were skipped where it is absent.
ifndef PRESSCHECK_TEST_DATA
ifneq ($(wildcard ../shared/data/.),)
export PRESSCHECK_TEST_DATA := $(abspath ../shared/data)
endif
endif

.PHONY: help demo models weights test lint lint-files unit doc-test bench fuzz fuzz-check screenshots tools

help: ## This list.
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

demo: weights ## The gate on the bundled example: one change that passes, and the way back, which is blocked.
	$(CARGO) build --locked --bin presscheck
	$(CARGO) run --locked --quiet --bin presscheck -- demo --out "$(DEMO)"
	@echo
	@echo "The comment of the way there: $(DEMO)/there/summary.md"
	@echo "The comment of the way back:  $(DEMO)/and-back/summary.md"
	@echo "The page to open first:       $(abspath $(DEMO))/and-back/report.html"

models: ## The weights of the checks `text` and `safety`, by pip; what is there already is kept.
	python3 models/fetch

# Where they can't be fetched, all but two checks work.
weights:
	@python3 models/fetch || echo "Going on without the model files above: the checks that need them say that they" \
		"can't judge, every other works. \`make models\` tries again."

test: weights lint doc-test unit ## Format, lints, documentation's examples, and every test.

lint: tools lint-files ## Format and lints, warnings being errors.
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

lint-files: ## The linters of the workflows, the action, the Dockerfile and the pages' workflows alone.
	.ci/lint

unit: ## Every test; by cargo-nextest where it is installed.
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		set -x; $(CARGO) nextest run --workspace --locked --no-fail-fast; \
	else \
		echo "cargo-nextest is not installed: using cargo test"; \
		set -x; $(CARGO) test --workspace --locked --no-fail-fast --lib --bins --tests; \
	fi

doc-test: ## The examples in the documentation's comments.
	$(CARGO) test --workspace --locked --doc

bench: ## Time and memory of the heavy parts, built as a release is.
	$(CARGO) bench --workspace --locked --bench '*'

fuzz: ## Run a fuzz target: make fuzz TARGET=pictures FUZZ_SECONDS=60; needs nightly and cargo-fuzz.
	$(CARGO) +$(NIGHTLY) fuzz run "$(TARGET)" -- \
		-max_total_time="$(FUZZ_SECONDS)" -max_len=65536 -rss_limit_mb=1024 -timeout=10

fuzz-check: ## Compile the fuzz targets on a stable compiler; to run them, see fuzz/README.md.
	$(CARGO) check --manifest-path fuzz/Cargo.toml --locked

screenshots: ## Draw the pictures of the documentation again, from a fresh demo; needs chromium.
	$(CARGO) build --locked --bin presscheck
	docs/images/make "$$($(CARGO) metadata --format-version 1 --no-deps --locked \
		| sed -E 's/.*"target_directory":"([^"]*)".*/\1/')/debug/presscheck"

# A toolchain of the minimal profile has neither.
tools:
	@$(CARGO) fmt --version >/dev/null 2>&1 && $(CARGO) clippy --version >/dev/null 2>&1 \
		|| rustup component add rustfmt clippy
