#!/usr/bin/env bash
# Brings the network of containers up with a real engine, waits for verified batches at both rollups, asks why one of their
# transactions stands where it stands, cuts a validator off, heals, compares the validators' blocks, and waits until
# transfers of the third rollup are proven and settled and those of the fourth executed by two Ethereum clients that agree,
# while adapters, prover and one of the clients are killed. Prometheus watches all of it: its targets, the alert for the
# validator that is cut off, and what each panel of Grafana's dashboard asks for. Grafana itself is started where its image can
# be had.
#
#   check.sh DIRECTORY        with the programs fairlane, fairlane-adapter, fairlane-prover and fairlane-testnet, as in
#                             target/debug; for the clients see images.sh
#
# Uses the engine that runs, else starts one of its own (dockerd, as root), and takes everything away again. Skips loudly
# where there is none.
set -euo pipefail
programs="$(realpath "${1:?usage: check.sh DIRECTORY}")"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
scratch="$(mktemp -d)"
engine=

skip() { printf '\nSKIPPED: the network of containers is not checked: %s\n\n' "$*" >&2; exit 0; }
fail() { printf 'error: %s\n' "$*" >&2; compose ps >&2 || true; compose logs --tail=20 >&2 || true; exit 1; }
say() { printf '%4d s  %s\n' "$SECONDS" "$*"; }

start_engine() {
    docker info >/dev/null 2>&1 && return
    command -v dockerd >/dev/null || skip "no engine runs, and there is no dockerd to start one"
    [ "$(id -u)" = 0 ] || skip "no engine runs, and starting one takes root"
    export DOCKER_HOST="unix://$scratch/docker.sock"
    dockerd --host "$DOCKER_HOST" --data-root "$scratch/data" --exec-root "$scratch/exec" \
        --pidfile "$scratch/docker.pid" >"$scratch/dockerd.log" 2>&1 &
    engine=$!
    for _ in $(seq 60); do
        docker info >/dev/null 2>&1 && return
        kill -0 "$engine" 2>/dev/null || break
        sleep 0.5
    done
    skip "the engine does not start: $(tail -n 1 "$scratch/dockerd.log")"
}

cleanup() {
    [ -z "${project:-}" ] || compose --profile load --profile observe down --volumes --timeout 5 >/dev/null 2>&1 || true
    if [ -n "$engine" ]; then
        kill "$engine" 2>/dev/null || true
        wait "$engine" 2>/dev/null || true
    fi
    rm -rf "$scratch" 2>/dev/null || true
}
trap cleanup EXIT

if docker compose version >/dev/null 2>&1; then
    compose() { docker compose --project-name "$project" --file "$here/../docker-compose.yml" "$@"; }
elif command -v docker-compose >/dev/null; then
    compose() { docker-compose --project-name "$project" --file "$here/../docker-compose.yml" "$@"; }
else
    skip "there is neither \`docker compose\` nor docker-compose"
fi

# Waits up to so many seconds for a command to succeed.
wait_for() {
    local limit=$((SECONDS + $1)) what="$2"
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$limit" ] || fail "not in time: $what"
        sleep 1
    done
}

container() { compose --profile load --profile observe ps --quiet "$1"; }
fairlane() { docker exec "$(container "$1")" fairlane "${@:2}"; }
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
height() { fairlane "validator$1" status --json | field height; }
reaches() { [ "$(height "$1")" -ge "$2" ]; }
batches() { docker logs "$(container "subscriber$1")" 2>/dev/null | grep -c '^batch '; }
has_batches() { [ "$(batches "$1")" -ge "$2" ]; }
# A page of a node or of another program, as another container sees it.
page() {
    docker exec "$(container l1)" bash -c \
        "exec 3<>/dev/tcp/$1/$2; printf 'GET $3 HTTP/1.0\r\nHost: $1\r\n\r\n' >&3; cat <&3"
}
block() { page "validator$1" 26662 "/api/block/$2" | tail -n 1 | field id; }
has_posted() { page relayer 26662 /metrics | grep -Eq '^fairlane_relayer_posted_total [1-9]'; }
# Whether a node's explorer tells of a checkpoint on Ethereum, with batches of rollup 1.
sees_checkpoint() {
    page validator0 26662 /api/now | tail -n 1 | python3 -c 'import json, sys
rollups = json.load(sys.stdin)["ethereum"]["rollups"]
sys.exit(not any(rollup["rollup_id"] == 1 and rollup["batches"] > 0 for rollup in rollups))'
}
# Whether a node's explorer tells of batches of rollup 3 that its contract has settled.
sees_settlement() {
    page validator0 26662 /api/now | tail -n 1 | python3 -c 'import json, sys
rollups = json.load(sys.stdin)["settled"]
sys.exit(not any(rollup["rollup_id"] == 3 and rollup.get("batches", 0) > 0 for rollup in rollups))'
}
settled() { page adapter 26681 /metrics | sed -n 's/^fairlane_adapter_settled_index //p'; }
has_settled() { [ "$(settled)" -ge "$1" ]; }
transfers() { docker logs "$(container transfers)" 2>/dev/null | sed -n 's/^settled .* with \([0-9]*\) transfers.*/\1/p' | tail -n 1; }
has_transfers() { [ "$(transfers)" -ge "$1" ]; }
# How many transfers of rollup 4 both clients have executed, by the word of who sent them.
executed() { docker logs "$(container evmtransfers)" 2>/dev/null | sed -n 's/^executed \([0-9]*\) transfers.*/\1/p' | tail -n 1; }
has_executed() { [ "$(executed)" -ge "$1" ]; }
# A block of one of the clients: number, hash, state and how many transactions.
evm_block() {
    local body='{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["'"$2"'",false]}'
    docker exec "$(container l1)" bash -c "exec 3<>/dev/tcp/$1/8545; printf \
        'POST / HTTP/1.0\r\nHost: $1\r\nContent-Type: application/json\r\nContent-Length: ${#body}\r\n\r\n%s' '$body' >&3; cat <&3" |
        tail -n 1 | python3 -c 'import json, sys
block = json.load(sys.stdin)["result"]
print(block["number"], block["hash"], block["stateRoot"], len(block["transactions"]))'
}
# Whether the newest block of ethereumjs is at ethrex, too, and has transactions.
clients_agree() {
    local theirs
    theirs="$(evm_block ethereumjs latest)"
    [ "${theirs##* }" -gt 0 ] && [ "$(evm_block ethrex "${theirs%% *}")" = "$theirs" ]
}

# What Prometheus knows: see observe.py.
observe() {
    local told
    told="$("$here/observe.py" "http://$(compose --profile observe port prometheus 9090)" "$@" 2>"$scratch/observe.log")" ||
        fail "$(cat "$scratch/observe.log")"
    say "Prometheus: $told"
}
grafana() { page grafana 3000 "$1" | tail -n 1; }
has_dashboard() { grafana /api/dashboards/uid/fairlane | grep -q '"fairlane"'; }

# Whether an image is there, or comes from a registry: without one this fails at once.
pull() { timeout 300 docker pull --quiet "$1" >/dev/null 2>&1; }

start_engine
pull debian:bookworm-slim || "$here/base-images.sh" ||
    skip "the base image can neither be pulled nor made"
docker run --rm debian:bookworm-slim timeout 60 apt-get update -qq -o APT::Update::Error-Mode=any >"$scratch/apt.log" 2>&1 ||
    skip "containers do not run, or do not reach Debian's packages: $(tail -n 1 "$scratch/apt.log")"
export FAIRLANE_IMAGE=fairlane-check ROLLUP_IMAGE=fairlane-rollup-check EVM_IMAGE=fairlane-evm-check
export TESTNET_IMAGE=fairlane-testnet-check
"$here/images.sh" "$programs" >/dev/null
say "images are made: $(docker images --format '{{.Repository}} {{.Size}}' | grep -- '-check ' | tr '\n' ' ')"

image_of() { (. "$here/../.env" && echo "${!1}"); }
if ! pull "$(image_of PROMETHEUS_IMAGE)"; then
    export PROMETHEUS_IMAGE=fairlane-prometheus-check
    "$here/base-images.sh" --prometheus "$PROMETHEUS_IMAGE"
fi
observers=(prometheus)
pull "$(image_of GRAFANA_IMAGE)" && observers+=(grafana) ||
    printf '\nSKIPPED: Grafana, whose image cannot be had: what its dashboard asks is asked of Prometheus\n\n' >&2

project=fairlane-check
# Whatever is free: nothing here asks from outside.
for port in RPC0 RPC1 RPC2 RPC3 WEB0 WEB1 WEB2 WEB3 ADAPTER EVM EVM_ADAPTER L1 PROMETHEUS GRAFANA; do export "${port}_PORT=0"; done
export CHECKPOINT_INTERVAL=5s TRANSFERS_PAUSE=1s EVM_TRANSFERS_PAUSE=2s
# All that is always there, of the profile \`load\` what rollup 4 gets, and the profile \`observe\`.
begun=$SECONDS
compose up --no-build --detach >"$scratch/up.log" 2>&1 || { cat "$scratch/up.log" >&2; fail "it does not come up"; }
compose up --no-build --detach evmtransfers >"$scratch/up.log" 2>&1 || { cat "$scratch/up.log" >&2; fail "rollup 4 is fed nothing"; }
compose up --no-build --detach "${observers[@]}" >"$scratch/up.log" 2>&1 || { cat "$scratch/up.log" >&2; fail "nothing observes it"; }
for rollup in 1 2; do wait_for 120 "a verified batch of rollup $rollup" has_batches "$rollup" 1; done
say "both rollups have verified batches, $((SECONDS - begun)) s after \`up\`"

transaction="$(docker logs "$(container subscriber1)" 2>/dev/null | sed -n 's/^  \([0-9a-f]\{64\}\) .*/\1/p' | tail -n 1)"
sighted="$(fairlane validator2 explain "$transaction" --json |
    python3 -c 'import json, sys; print(sum(lane["sighting"] is not None for lane in json.load(sys.stdin)["lanes"]))')"
[ "$sighted" -ge 3 ] || fail "only $sighted lanes tell of a transaction that is ordered"
say "$sighted lanes tell why transaction ${transaction:0:16} stands where it stands"
wait_for 90 "a checkpoint on Ethereum" has_posted
wait_for 30 "validator 0 sees it there" sees_checkpoint
say "the relayer has posted a checkpoint, and the explorer says so"

observe targets
docker network disconnect "${project}_private" "$(container validator3)"
at="$(height 0)"
seen="$(batches 1)"
wait_for 60 "blocks without validator 3" reaches 0 $((at + 20))
wait_for 60 "batches without validator 3" has_batches 1 $((seen + 5))
behind="$(height 3)"
[ "$behind" -lt $((at + 20)) ] || fail "validator 3 was not cut off"
say "cut off: validator 3 stands at $behind, the others go on"
observe alert NodeDown
address="$(. "$here/../.env" && echo "$VALIDATOR3_ADDRESS")"
docker network connect --ip "$address" --alias validator3 "${project}_private" "$(container validator3)"
wait_for 90 "validator 3 catches up" reaches 3 "$(height 0)"
wait_for 60 "validator 3 takes part" fairlane validator3 status --ready
say "healed: validator 3 has caught up and takes part"

common=$((at + 10))
for validator in 1 2 3; do
    [ "$(block "$validator" "$common")" = "$(block 0 "$common")" ] || fail "block $common differs at validator $validator"
done
seen="$(batches 2)"
wait_for 60 "batches after it" has_batches 2 $((seen + 3))
say "all have the same block $common"

wait_for 120 "transfers that the rollup's clients have executed" has_executed 5
wait_for 60 "the same block with transactions at both clients" clients_agree
say "$(executed) transfers are executed by two clients, which agree: block $(evm_block ethrex latest)"
wait_for 300 "a settled batch of the proven rollup" has_settled 1
say "a batch of the proven rollup is settled on Ethereum, $((SECONDS - begun)) s after \`up\`"
wait_for 60 "validator 0 sees it there" sees_settlement
say "the explorer says so, too"
before="$(transfers)"
executed_before="$(executed)"
compose kill adapter prover transfers evmadapter ethrex >/dev/null 2>&1
compose up --no-build --detach >"$scratch/up.log" 2>&1 || { cat "$scratch/up.log" >&2; fail "it does not come up again"; }
say "killed and started again: both adapters, prover, transfers, and ethrex, which has lost its chain"
wait_for 120 "executed transfers" has_executed $((executed_before + 5))
wait_for 60 "the same block with transactions at both clients" clients_agree
say "$(executed) transfers are executed, and the clients agree: block $(evm_block ethrex latest)"
wait_for 300 "settled transfers" has_transfers $((${before:-0} + 1))
observe targets
observe dashboard "$here/grafana/dashboards/network.json"
observe quiet
if [ "${#observers[@]}" = 2 ]; then
    wait_for 60 "Grafana has the dashboard" has_dashboard
    say "Grafana has the dashboard"
fi
made="$(page prover 26682 /metrics | sed -n 's/^fairlane_prover_proof_seconds_\(sum\|count\) //p' | tr '\n' ' ')"
say "$(settled) batches with $(transfers) transfers are settled: $(awk '{ printf "%d proofs in %.0f s", $2, $1 }' <<<"$made")"
say "memory: $(docker stats --no-stream --format '{{.Name}} {{.MemUsage}}' |
    sed -n "s/^${project}[-_]\([a-z0-9]*\)[-_]1 \([^ ]*\) .*/\1 \2/p" | sort | tr '\n' ' ')"
