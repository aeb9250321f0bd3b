#!/usr/bin/env bash
# Tests the explorer in a headless Chromium, against a network of four validators that it starts, with Ethereum,
# a relayer, and a settlement contract.
#
#   check.sh [SCREENSHOTS]    also leaves pictures in this directory
#
# Needs Node with npm, Chromium (or the variable CHROMIUM), anvil (`npm ci` in slashing-contracts), and a built fairlane-testnet
# that FAIRLANE_TESTNET names.
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
"$testnet" up --l1 --rate 50 --home "$home" >"$home/up.log" 2>&1 &
network=$!
relayer=
trap 'kill -INT $relayer $network 2>/dev/null || true; wait || true; rm -rf "$home"' EXIT
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
rpc="$(sed -n 's/^Ethereum: \([^,]*\),.*/\1/p' "$home/up.log")"
# The last of anvil's accounts, whose keys everybody knows.
FAIRLANE_RELAYER_KEY=2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6 "$testnet" relayer \
    --endpoint "$(sed -n 's/^gRPC: \([^ ]*\).*/\1/p' "$home/up.log")" \
    --rpc "$rpc" --deployment "$home/node0/l1.json" \
    --interval 2s --turn 0s --poll 500ms --max-fee 1000 >"$home/relayer.log" 2>&1 &
relayer=$!
# Rollup 1 gets a contract that the test lets say how far it has settled, and rollup 2 none. The last account but one pays.
contract=0x00000000000000000000000000000000005e771e
FAIRLANE_OWNER_KEY=dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97 "$testnet" name-settlement \
    --rpc "$rpc" --deployment "$home/node0/l1.json" --rollup 1 --settlement "$contract"
node "$packages/explorer.mjs" "http://$web" "$rpc" "$contract" "$pictures"
