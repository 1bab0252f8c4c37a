# make demo   the two-site lab and the console, until Ctrl-C
# make test   checks, unit, contract, lab and browser tests, and the size of what is delivered
# make quick  the part of it that starts neither the lab nor a browser; run it often
# make dev    the console with reload on change, against a running lab
# make release  the program and what it delivers, to put on a machine
# make bench  figures and ratios (WHAT=viewers, pools, latency, page, lists or slowloris: only one of them)
# make test-full        the API against its own description, and the rest of the lab tests: every step, every fault; more than an hour
# make bench-operations what a switchover and a failover cost the clients, beside bare PostgreSQL and patronictl
#             (OPERATIONS_ROUNDS=2 and OPERATIONS_ONLY=bare,console shorten it)
# make check, nextest, deny, lab-tests, browser-tests, size: the parts of make test; make schema: one of make test-full
SHELL := /bin/bash
.DEFAULT_GOAL := help
# The same places as in end2end/path.
TOOLS := $(or $(SWITCHBACK_TOOLS),$(if $(filter 0,$(shell id -u)),/var/cache/switchback,$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/switchback))
export SWITCHBACK_TOOLS := $(TOOLS)
export PATH := $(TOOLS)/bin:$(TOOLS)/node_modules/.bin:$(PATH)

.PHONY: help demo dev test test-full schema quick check nextest deny root lab-tests browser-tests size release bench bench-operations fmt

help:
	@sed -n 's/^# make/make/p' Makefile

demo:
	@./setup build
	@./setup lab
	@end2end/demo

dev:
	@./setup build
	@./setup lab
	@end2end/dev

test: quick lab-tests browser-tests size

quick: check nextest deny

check:
	@./setup build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	cargo clippy --package switchback-app --features hydrate --target wasm32-unknown-unknown --quiet -- -D warnings

nextest:
	@./setup lab
	@./setup test
	cargo nextest run --workspace --no-fail-fast

deny:
	@./setup test
	cargo deny check bans licenses sources
	@# The advisories need RustSec's database, which some networks do not reach: say so rather than pass silently.
	@if timeout 120 cargo deny fetch db >/dev/null 2>&1; then cargo deny check advisories; \
	else echo "deny: RustSec's database is out of reach here, so advisories were NOT checked"; fi

# Cut links and stalled replication need networks of the lab's own.
root:
	@[ "$$(id -u)" = 0 ] || { echo "make: the tests against the lab need root, because it makes networks of its own; make quick does not" >&2; exit 1; }

lab-tests: root
	@./setup lab
	@./setup test
	cargo build --quiet --package switchback-server
	cargo nextest run --package switchback-lab --features lab-tests --test real_lab --test operations --no-capture

test-full: test schema
	@./setup full
	cargo nextest run --package switchback-lab --features lab-tests-full --test operations --no-capture

# The API held to its own description.
schema:
	@./setup schema
	end2end/schema

browser-tests: root
	@./setup build
	@./setup lab
	@./setup test
	end2end/browser

size:
	@./setup build
	end2end/size

# target/release/{switchback,hash.txt} and target/site: what is to be put on the console's machine.
release:
	@./setup build
	cargo leptos build --release --precompress --split

bench:
	@./setup build
	@./setup lab
	@end2end/bench/run $(WHAT)

bench-operations:
	@./setup build
	@./setup lab
	@end2end/bench/run operations

fmt:
	cargo fmt --all
