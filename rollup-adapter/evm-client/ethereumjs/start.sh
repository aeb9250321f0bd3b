#!/usr/bin/env bash
# Runs ethereumjs as a client that executes a rollup's blocks again.
#
# start.sh GENESIS DATA JWT_FILE HTTP_PORT ENGINE_PORT [ADDRESS]: genesis in geth's format, a folder for its data, and the
# secret that it shares with the adapter. JSON-RPC and Engine API listen at ADDRESS, by default on loopback; it knows no
# peers. Needs Node 20, and `npm ci` here.
set -euo pipefail
if [ $# -lt 5 ] || [ $# -gt 6 ]; then
    echo "usage: start.sh GENESIS DATA JWT_FILE HTTP_PORT ENGINE_PORT [ADDRESS]" >&2
    exit 2
fi
here="$(cd "$(dirname "$0")" && pwd)"
client="$here/node_modules/@ethereumjs/client/dist/esm/bin/cli.js"
if [ ! -f "$client" ]; then
    echo "error: ethereumjs is not there: run \`npm ci\` in $here" >&2
    exit 1
fi
address="${6:-127.0.0.1}"
# Its peer-to-peer port is free for anybody: it is taken from the system, and nobody is told of it.
exec node "$client" --gethGenesis "$1" --dataDir "$2" --jwtSecret "$3" \
    --rpc --rpcAddr "$address" --rpcPort "$4" --rpcEngine --rpcEngineAddr "$address" --rpcEnginePort "$5" \
    --port 0 --maxPeers 0 --isSingleNode --discDns=false --discV4=false --saveReceipts --logLevel warn --no-logFile
