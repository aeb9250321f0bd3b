#!/usr/bin/env bash
# Tests the Python client against the golden vectors, and against a network of four validators that it starts.
#
# Needs Python 3 with venv, and Rust unless FAIRLANE_TESTNET names a built fairlane-testnet; what requirements.txt names is
# installed from PyPI into a directory beside the build's.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$here/../../.."

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/fairlane/target}"
export CARGO_INCREMENTAL=0

environment="$CARGO_TARGET_DIR/python"
if ! cmp --silent "$here/requirements.txt" "$environment/requirements.txt"; then
    python3 -m venv --clear "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
    cp "$here/requirements.txt" "$environment/"
fi

testnet="${FAIRLANE_TESTNET:-$CARGO_TARGET_DIR/debug/fairlane-testnet}"
[ -n "${FAIRLANE_TESTNET:-}" ] || cargo build --quiet --locked -p fairlane-testnet
home="$(mktemp -d)"
"$testnet" up --home "$home" >"$home/up.log" 2>&1 &
network=$!
trap 'kill -INT $network 2>/dev/null || true; wait $network || true; rm -rf "$home"' EXIT

for _ in $(seq 120); do
    endpoint="$(sed -n 's,.*gRPC: http://\([0-9.:]*\).*,\1,p' "$home/up.log")"
    [ -z "$endpoint" ] || break
    kill -0 $network || break
    sleep 1
done
if [ -z "$endpoint" ]; then
    echo "error: the network has not started:" >&2
    cat "$home/up.log" >&2
    exit 1
fi

cd "$here"
FAIRLANE_ENDPOINT="$endpoint" FAIRLANE_GENESIS="$home/node0/genesis.json" "$environment/bin/python" -m unittest
"$environment/bin/python" subscribe.py --endpoint "$endpoint" --genesis "$home/node0/genesis.json" --rollup 2 --batches 3
