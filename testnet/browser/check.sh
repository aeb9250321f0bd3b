#!/usr/bin/env bash
# Tests the explorer in a headless Chromium, against a network of four validators that it starts.
#
#   check.sh [SCREENSHOTS]    also leaves pictures in this directory
#
# Needs Node with npm, Chromium (or the variable CHROMIUM), and a built fairlane-testnet that FAIRLANE_TESTNET names.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
pictures="${1:+$(realpath "$1")}"
testnet="${FAIRLANE_TESTNET:?names no program}"

if ! command -v "${CHROMIUM:-/usr/bin/chromium}" >/dev/null; then
    echo "SKIPPED: the explorer is not tested in a browser: there is no Chromium at ${CHROMIUM:-/usr/bin/chromium}" >&2
    exit 0
fi

# The packages go beside the build, so that the tree stays clean.
packages="${CARGO_TARGET_DIR:-$here/../../target}/browser"
mkdir -p "$packages"
cp "$here/package.json" "$here/package-lock.json" "$here/explorer.mjs" "$packages/"
# Not with --prefix: npm would look for the machine's own settings there, too, and not find them.
(cd "$packages" && npm ci --ignore-scripts --no-audit --no-fund)

home="$(mktemp -d)"
"$testnet" up --rate 50 --home "$home" >"$home/up.log" 2>&1 &
network=$!
trap 'kill -INT $network 2>/dev/null || true; wait $network || true; rm -rf "$home"' EXIT
for _ in $(seq 120); do
    grep -q '^gRPC: ' "$home/up.log" && break
    kill -0 $network 2>/dev/null || break
    sleep 1
done
web="$(sed -n '/^\[metrics\]/,/^\[/s/^listen = "\(.*\)"/\1/p' "$home/node0/config.toml")"
if [ -z "$web" ] || ! grep -q '^gRPC: ' "$home/up.log"; then
    echo "error: the network has not started:" >&2
    cat "$home/up.log" >&2
    exit 1
fi
node "$packages/explorer.mjs" "http://$web" "$pictures"
