#!/usr/bin/env bash
# Runs the examples, as the guide shows them (docs/rollups/README.md), against a network of four validators that it starts: the
# programs in Rust, and the client in Python, which it also tests against the golden vectors.
#
# Needs Python 3 with venv, and Rust unless FAIRLANE_PROGRAMS names a directory with the built programs (fairlane-testnet,
# and examples/), as target/debug; what requirements.txt names is installed from PyPI into a directory beside the build's.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$here/../.."

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/fairlane/target}"
export CARGO_INCREMENTAL=0

environment="$CARGO_TARGET_DIR/python"
if ! cmp --silent "$here/python/requirements.txt" "$environment/requirements.txt"; then
    python3 -m venv --clear "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/python/requirements.txt"
    cp "$here/python/requirements.txt" "$environment/"
fi

programs="${FAIRLANE_PROGRAMS:-$CARGO_TARGET_DIR/debug}"
[ -n "${FAIRLANE_PROGRAMS:-}" ] ||
    cargo build --quiet --locked -p fairlane-testnet -p fairlane-rollup-adapter --bins --examples
home="$(mktemp -d)"
"$programs/fairlane-testnet" up --home "$home" >"$home/up.log" 2>&1 &
network=$!
subscriber=
trap 'kill -KILL $subscriber 2>/dev/null || true; kill -INT $network 2>/dev/null || true; wait $network || true; rm -rf "$home"' EXIT

endpoints=()
for _ in $(seq 120); do
    read -r -a endpoints < <(sed -n 's/^gRPC: //p' "$home/up.log") || true
    [ "${#endpoints[@]}" -eq 0 ] || break
    kill -0 $network || break
    sleep 1
done
if [ "${#endpoints[@]}" -eq 0 ]; then
    echo "error: the network has not started:" >&2
    cat "$home/up.log" >&2
    exit 1
fi
genesis="$home/node0/genesis.json"

# Subscribes until so many batches were carried out, over all runs, and dies at any instant. Nobody listens at the first
# address.
subscribe_until() {
    "$programs/examples/subscribe" "$genesis" 1 "$home/cursor" http://127.0.0.1:1 "${endpoints[@]}" >>"$home/batches" &
    subscriber=$!
    for _ in $(seq 600); do
        [ "$(wc -l <"$home/batches")" -lt "$1" ] || break
        kill -0 "$subscriber" || break
        sleep 0.1
    done
    kill -KILL "$subscriber"
    wait "$subscriber" 2>/dev/null || true
}
touch "$home/batches"
for count in 5 10 15; do subscribe_until "$count"; done
# A batch that was carried out and not acknowledged comes again; none is left out.
awk '$2 != last + 1 && ($2 != last || ++again > 2) { exit 1 } { last = $2 } END { if (NR < 15) exit 1 }' "$home/batches" || {
    echo "error: these are not the first batches without a gap, by three runs:" >&2
    cat "$home/batches" >&2
    exit 1
}
echo "subscribe: three runs, each killed, $(tail -n 1 "$home/batches" | cut -d ' ' -f 2) batches without a gap"
"$programs/examples/submit" "$genesis" "${endpoints[1]}" 1 2

cd "$here/python"
FAIRLANE_ENDPOINT="${endpoints[0]#http://}" FAIRLANE_GENESIS="$genesis" "$environment/bin/python" -m unittest
"$environment/bin/python" subscribe.py --endpoint "${endpoints[0]#http://}" --genesis "$genesis" --rollup 2 --batches 3
