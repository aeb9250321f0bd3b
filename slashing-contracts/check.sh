#!/usr/bin/env bash
# All checks of the contracts, as CI runs them: packages, vectors, build, tests, gas, artifacts, deployment.
#
# Needs node and python3. A native solc of the version in foundry.toml is used where PATH has one; otherwise the npm
# compiler. `./check.sh --update` rewrites gas figures and artifacts instead of comparing them.
set -euo pipefail
cd "$(dirname "$0")"

update=false
if [ "${1:-}" = --update ]; then update=true; fi

step() { printf '\n== %s\n' "$*"; }

step "Packages"
npm ci --ignore-scripts --no-audit --no-fund
# The program itself: the package's wrapper loses exit codes.
forge="$(echo node_modules/@foundry-rs/forge-*/bin/forge*)"
forge() { "$forge" "$@"; }

version="$(sed -n 's/^solc = "\(.*\)"$/\1/p' foundry.toml)"
if command -v solc >/dev/null && solc --version | grep -q "Version: $version+"; then
    FOUNDRY_SOLC="$(command -v solc)"
else
    FOUNDRY_SOLC="bin/solc"
fi
export FOUNDRY_SOLC

step "Vectors are what their generator makes"
python3 test/vectors/generate.py --check

step "Format"
forge fmt --check

step "Build with $FOUNDRY_SOLC; the contracts fit their size limits"
forge build --sizes --skip test script

step "Artifacts match the build"
if $update; then node bin/artifacts.mjs; else node bin/artifacts.mjs --check; fi

step "So do the contracts of the EVM rollup's demonstrations"
node ../rollup-adapter/evm-rollup/contracts/build.mjs --check

step "The deployment script runs"
FAIRLANE_GUARDIAN=0x00000000000000000000000000000000000000aa forge script script/Deploy.s.sol | grep -A1 "^Script ran"

step "Tests, and gas as in snapshots/gas.json and README.md"
if $update; then
    forge test
    node bin/gas-table.mjs
else
    node bin/gas-table.mjs --check
    FORGE_SNAPSHOT_CHECK=true forge test
fi
