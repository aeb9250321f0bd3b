#!/usr/bin/env bash
# Makes the images fairlane, fairlane-rollup, fairlane-evm and fairlane-testnet around programs that are built already: quick,
# for CI and for trying out.
#
#   images.sh DIRECTORY       with the programs fairlane, fairlane-adapter, fairlane-prover and fairlane-testnet, as in
#                             target/release
#
# anvil is taken from FAIRLANE_ANVIL, or from slashing-contracts/node_modules (`npm ci` there). fairlane-evm-client is taken from
# FAIRLANE_EVM_CLIENT, or from rollup-adapter/evm-client/target (`cargo build --locked` there), and ethereumjs from
# rollup-adapter/evm-client/ethereumjs (`npm ci` there). The programs must run on Debian 12: build them on it, or on
# something older.
set -euo pipefail
programs="$(realpath "${1:?usage: images.sh DIRECTORY}")"
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

anvil="${FAIRLANE_ANVIL:-$(ls slashing-contracts/node_modules/@foundry-rs/anvil-linux-*/bin/anvil 2>/dev/null | head -1)}"
if [ ! -x "$anvil" ]; then
    echo "error: there is no anvil: run \`npm ci\` in slashing-contracts, or name it in FAIRLANE_ANVIL" >&2
    exit 1
fi
evm=rollup-adapter/evm-client
client="${FAIRLANE_EVM_CLIENT:-$(ls "$evm"/target/{release,debug}/fairlane-evm-client 2>/dev/null | head -1)}"
if [ ! -x "$client" ]; then
    echo "error: there is no fairlane-evm-client: run \`cargo build --locked\` in $evm, or name it in FAIRLANE_EVM_CLIENT" >&2
    exit 1
fi
if [ ! -d "$evm/ethereumjs/node_modules" ]; then
    echo "error: there is no ethereumjs: run \`npm ci\` in $evm/ethereumjs" >&2
    exit 1
fi

context="$(mktemp -d)"
trap 'rm -rf "$context"' EXIT
# The builder that every Docker has: the other one is a package of its own.
export DOCKER_BUILDKIT=0

# An image: the Dockerfile's stage of this name, and these programs.
image() {
    local name="$1" stage="$2"
    shift 2
    docker build --quiet --target "$stage" --tag "$name:base" - <Dockerfile >/dev/null
    rm -rf "$context/bin"
    mkdir "$context/bin"
    install -m 755 "$@" "$context/bin/"
    strip "$context"/bin/fairlane*
    printf 'FROM %s:base\nCOPY bin/ /usr/local/bin/\n' "$name" >"$context/Dockerfile"
    [ ! -d "$context/opt" ] || echo 'COPY opt/ /opt/' >>"$context/Dockerfile"
    docker build --quiet --tag "$name" "$context" >/dev/null
    echo "made $name"
}

image "${FAIRLANE_IMAGE:-fairlane}" node-base "$programs/fairlane"
image "${ROLLUP_IMAGE:-fairlane-rollup}" rollup-base "$programs/fairlane-adapter" "$programs/fairlane-prover"
image "${TESTNET_IMAGE:-fairlane-testnet}" testnet-base "$programs/fairlane" "$programs/fairlane-testnet" "$anvil"
mkdir -p "$context/opt/ethereumjs"
cp -R "$evm/ethereumjs/start.sh" "$evm/ethereumjs/node_modules" "$context/opt/ethereumjs/"
image "${EVM_IMAGE:-fairlane-evm}" evm-base "$client"
