#!/usr/bin/env bash
# Breaks Fairlane in known ways, one at a time, and demands that the simulation catches each.
#
# Every patch in mutations/ is applied to a worktree of its own, so the checkout stays as it is. A mutant that survives
# all seeds fails the script: then an invariant is missing or a fault is never injected.
#
# usage: testnet/sim/mutations.sh [seeds for each mutant, by default 3000] [patch files, by default all]
set -euo pipefail
cd "$(git -C "$(dirname "${BASH_SOURCE[0]}")" rev-parse --show-toplevel)"

seeds="${1:-3000}"
shift || true
patches=("$@")
[ ${#patches[@]} -gt 0 ] || patches=(testnet/sim/mutations/*.patch)

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/fairlane/target}"
export CARGO_INCREMENTAL=0
tree="$(mktemp -d)"
trap 'git worktree remove --force "$tree/fairlane" 2>/dev/null || true; rm -rf "$tree"' EXIT
git worktree add --quiet --detach "$tree/fairlane" HEAD

row() { printf '%-34s %-10s %s\n' "$@"; }

row mutation "caught by" invariant
survivors=0
for patch in "${patches[@]}"; do
    name="$(basename "$patch" .patch)"
    git -C "$tree/fairlane" checkout --quiet -- .
    git -C "$tree/fairlane" apply "$PWD/${patch#"$PWD"/}"
    (cd "$tree/fairlane" && cargo build --quiet --release --locked -p fairlane-sim)
    cp "$CARGO_TARGET_DIR/release/fairlane-sim" "$tree/mutant"
    if "$tree/mutant" --seeds "$seeds" >"$tree/log" 2>"$tree/errors"; then
        row "$name" SURVIVED "$seeds seeds"
        survivors=$((survivors + 1))
    elif caught="$(grep --max-count=1 '^FAILED' "$tree/log")"; then
        # FAILED seed 7: violated at 812 ms: the invariant: how
        seed="$(sed -E 's/^FAILED (seed [0-9]+): .*/\1/' <<<"$caught")"
        invariant="$(sed -E 's/^FAILED seed [0-9]+: violated at [0-9]+ ms: ([^:]*).*/\1/' <<<"$caught")"
        row "$name" "$seed" "$invariant"
    else
        row "$name" BROKEN "the simulation failed without a verdict"
        tail -n 20 "$tree/log" "$tree/errors"
        survivors=$((survivors + 1))
    fi
done

[ "$survivors" -eq 0 ] || { echo "$survivors mutants were not caught"; exit 1; }
echo "all ${#patches[@]} mutants were caught"
