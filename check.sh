#!/usr/bin/env bash
# All checks of the repository, as CI runs them: format, lints, vectors, contracts, doc tests, fuzz targets, tests.
#
# Needs Rust, git, for the contracts and the Python client Node and Python 3, and for the client of the rollup that runs the
# EVM pkg-config and OpenSSL's headers. The explorer is tested where there is Chromium,
# the network of containers where there is a Docker engine, or root and dockerd, rules for alerts where there is promtool;
# else these say that they skip.
# Builds go to $CARGO_TARGET_DIR, by default to a directory in the user's cache, so that fresh clones share them.
set -euo pipefail
cd "$(dirname "$0")"

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/fairlane/target}"
export CARGO_INCREMENTAL=0

now="the beginning"
step() { now="$*"; printf '\n== %s\n' "$*"; }
trap 'printf "\nerror: the checks end at \"%s\"\n" "$now" >&2' ERR

if ! command -v cargo-nextest >/dev/null; then
    step "Installing the test runner (cargo-nextest)"
    cargo install --locked cargo-nextest
fi

step "Format"
cargo fmt --all --check
cargo fmt --manifest-path rollup-adapter/evm-client/Cargo.toml --check

step "Lints"
cargo clippy --workspace --all-targets --locked -- -D warnings

step "Golden vectors are up to date, and the ordering vectors hold"
cargo run --quiet --locked -p fairlane-types --example golden -- --check
cargo run --quiet --locked -p fairlane-ordering --example vectors -- consensus/ordering/vectors/ordering.json

step "Contracts"
for program in node npm python3; do
    if ! command -v "$program" >/dev/null; then
        echo "error: the checks of the contracts need $program: install it and run this again" >&2
        exit 1
    fi
done
slashing-contracts/check.sh

step "Rules for alerts"
if command -v promtool >/dev/null; then
    promtool check config testnet/docker/prometheus/prometheus.yml
    promtool test rules testnet/docker/prometheus/alerts_test.yml
else
    printf '\nSKIPPED: there is no promtool to check the rules with\n\n'
fi

step "Doc tests"
cargo test --workspace --doc --locked

step "Kept inputs of the fuzz targets, and changed ones"
cargo test --quiet --locked --manifest-path fuzz/Cargo.toml

step "The clients of the rollup that runs the EVM"
cargo build --quiet --locked --manifest-path rollup-adapter/evm-client/Cargo.toml --target-dir "$CARGO_TARGET_DIR/evm-client"
(cd rollup-adapter/evm-client/ethereumjs && npm ci --no-audit --no-fund)
export FAIRLANE_EVM_CLIENT="$CARGO_TARGET_DIR/evm-client/debug/fairlane-evm-client"

step "Build of all tests"
cargo nextest run --workspace --locked --no-run

step "Clients in Rust and Python, against a real network"
FAIRLANE_PROGRAMS="$CARGO_TARGET_DIR/debug" rollup-adapter/examples/check.sh

step "The explorer, in a browser"
FAIRLANE_TESTNET="$CARGO_TARGET_DIR/debug/fairlane-testnet" testnet/browser/check.sh

step "A network of containers"
testnet/docker/check.sh "$CARGO_TARGET_DIR/debug"

step "Unit, property and network tests"
cargo nextest run --workspace --locked --no-fail-fast
