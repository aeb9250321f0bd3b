# Images of Fairlane: `fairlane` (the default: the binary alone), `rollup` with the adapter of a rollup and a prover, `evm` with
# the clients of a rollup that runs the EVM (ethrex and ethereumjs), and `testnet` with what a network of containers needs
# besides (fairlane-testnet, and anvil, an Ethereum development node).
#
#   docker build -t fairlane .
#   docker build -t fairlane-rollup --target rollup .
#   docker build -t fairlane-evm --target evm .
#   docker build -t fairlane-testnet --target testnet .
#
# testnet/docker/images.sh makes the same images around programs that are built already.

ARG DEBIAN=debian:bookworm-slim
ARG RUST=rust:1.95-slim-bookworm
ARG NODE=node:20-bookworm-slim

# What every image runs on: a user without rights, and certificates of endpoints.
FROM ${DEBIAN} AS base
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 fairlane \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/fairlane --no-create-home --shell /usr/sbin/nologin fairlane \
    && install -d -o fairlane -g fairlane -m 700 /var/lib/fairlane
ENV FAIRLANE_HOME=/var/lib/fairlane

# A node, but for the program. 26656 consensus, 26657 segments, 26660 gRPC, 26662 metrics, health and explorer.
FROM base AS node-base
USER fairlane
VOLUME /var/lib/fairlane
EXPOSE 26656 26657 26660 26662
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=6 CMD ["fairlane", "status", "--ready"]
ENTRYPOINT ["fairlane"]
CMD ["node"]

# An adapter or a prover, but for the programs. 26680 workers, 26681 the adapter's metrics, health and status, 26682 the
# prover's metrics.
FROM base AS rollup-base
USER fairlane
WORKDIR /var/lib/fairlane
VOLUME /var/lib/fairlane
EXPOSE 26680 26681 26682
CMD ["fairlane-adapter", "run"]

# The clients of a rollup that runs the EVM, but for ethrex and ethereumjs, which runs on Debian's Node. 8545 JSON-RPC, 8551 the
# Engine API.
FROM base AS evm-base
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends nodejs \
    && rm -rf /var/lib/apt/lists/*
USER fairlane
WORKDIR /var/lib/fairlane
VOLUME /var/lib/fairlane
EXPOSE 8545 8551
CMD ["fairlane-evm-client", "--help"]

# The tools, but for the programs. The directories are those that `fairlane-testnet prepare` fills; volumes that are mounted
# there take over their owner.
FROM base AS testnet-base
RUN for name in shared validator0 validator1 validator2 validator3 adapter evm l1; do \
        install -d -o fairlane -g fairlane -m 700 "/network/$name"; \
    done
USER fairlane

FROM ${NODE} AS anvil
WORKDIR /tools
COPY slashing-contracts/package.json slashing-contracts/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund \
    && install -m 755 node_modules/@foundry-rs/anvil-linux-*/bin/anvil /usr/local/bin/anvil

# ethereumjs, without running its packages' install scripts: what they would build comes built.
FROM ${NODE} AS ethereumjs
WORKDIR /opt/ethereumjs
COPY rollup-adapter/evm-client/ethereumjs/package.json rollup-adapter/evm-client/ethereumjs/package-lock.json \
    rollup-adapter/evm-client/ethereumjs/start.sh ./
RUN npm ci --ignore-scripts --no-audit --no-fund

# ethrex, a workspace of its own.
FROM ${RUST} AS ethrex
ARG PROFILE=release
ARG JOBS=
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends libssl-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY rollup-adapter/evm-client .
ENV CARGO_INCREMENTAL=0 \
    RUSTFLAGS="--remap-path-prefix=/build=. --remap-path-prefix=/usr/local/cargo=cargo" \
    SOURCE_DATE_EPOCH=0
RUN cargo build --locked --profile "$PROFILE" ${JOBS:+--jobs "$JOBS"} \
    && built="target/$([ "$PROFILE" = dev ] && echo debug || echo "$PROFILE")" \
    && install -D -m 755 "$built/fairlane-evm-client" /out/fairlane-evm-client \
    && strip /out/*

# The programs, from the locked dependencies. Paths of the build are not in them, so that where they were built makes
# no difference. Built apart, as the tools contain validators that lie, which nodes must not. PROFILE=dev builds
# faster, for trying out.
FROM ${RUST} AS build
ARG PROFILE=release
ARG JOBS=
WORKDIR /build
COPY . .
ENV CARGO_INCREMENTAL=0 \
    RUSTFLAGS="--remap-path-prefix=/build=. --remap-path-prefix=/usr/local/cargo=cargo" \
    SOURCE_DATE_EPOCH=0
RUN cargo build --locked --profile "$PROFILE" ${JOBS:+--jobs "$JOBS"} -p fairlane-sequencer --bin fairlane \
    && built="target/$([ "$PROFILE" = dev ] && echo debug || echo "$PROFILE")" \
    && install -D -m 755 "$built/fairlane" /out/fairlane \
    && cargo build --locked --profile "$PROFILE" ${JOBS:+--jobs "$JOBS"} -p fairlane-testnet --bins \
    && install -m 755 "$built/fairlane-testnet" /out/ \
    && cargo build --locked --profile "$PROFILE" ${JOBS:+--jobs "$JOBS"} -p fairlane-adapter -p fairlane-prover --bins \
    && install -m 755 "$built/fairlane-adapter" "$built/fairlane-prover" /out/ \
    && strip /out/*

FROM testnet-base AS testnet
COPY --from=anvil /usr/local/bin/anvil /usr/local/bin/
COPY --from=build /out/fairlane /out/fairlane-testnet /usr/local/bin/

FROM evm-base AS evm
COPY --from=ethereumjs /opt/ethereumjs /opt/ethereumjs
COPY --from=ethrex /out/fairlane-evm-client /usr/local/bin/

FROM rollup-base AS rollup
COPY --from=build /out/fairlane-adapter /out/fairlane-prover /usr/local/bin/

FROM node-base AS fairlane
COPY --from=build /out/fairlane /usr/local/bin/
