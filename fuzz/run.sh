#!/usr/bin/env bash
# Fuzzes each target for some seconds: fuzz/run.sh [SECONDS [TARGET...]]
#
# Without names, all targets but `engine`; name it to fuzz it too, which first builds Malachite and libp2p. New inputs
# go to a directory of their own, $FUZZ_FOUND or the cache, and not into the small corpora of the repository; whatever
# breaks a promise goes to fuzz/artifacts. Works on a stable toolchain: there is no unsafe code here for a sanitizer to look at.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds="${1:-60}"
shift || true
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    targets=(segment transaction proposal cut certificate batch evidence heads peers clients order_state ordering lanes verify)
fi
found="${FUZZ_FOUND:-${XDG_CACHE_HOME:-$HOME/.cache}/fairlane/fuzz}"

if ! command -v cargo-fuzz >/dev/null; then
    echo "Installing cargo-fuzz"
    cargo install --locked cargo-fuzz
fi

for target in "${targets[@]}"; do
    features=libfuzzer
    if [ "$target" = engine ]; then features=libfuzzer,engine; fi
    mkdir -p "$found/$target"
    printf '\n== %s, %s s\n' "$target" "$seconds"
    cargo fuzz run --fuzz-dir fuzz --sanitizer none --features "$features" "$target" "$found/$target" "fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -max_len=8192 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 2>&1 |
        grep -E '^(error|warning: unused)|panicked|ERROR|SUMMARY|stat::|DONE|Compiling fairlane-fuzz' || true
    test "${PIPESTATUS[0]}" -eq 0
done
