#!/usr/bin/env bash
# Makes the base images that the Dockerfile names, for machines that reach Debian's packages and no image registry.
#
#   base-images.sh            debian:bookworm-slim, which is all that prebuilt programs need
#   base-images.sh --all      also rust:1.95-slim-bookworm and node:20-bookworm-slim, from this machine's Rust and Node
#   base-images.sh --prometheus NAME
#                             also Debian's Prometheus under this name, for PROMETHEUS_IMAGE: used like prom/prometheus
#
# An image that is there already is left alone. Needs mmdebstrap, and root.
set -euo pipefail

debian=debian:bookworm-slim
rust=rust:1.95-slim-bookworm
node=node:20-bookworm-slim

missing() { ! docker image inspect "$1" >/dev/null 2>&1; }

# A root file system with the given packages, as a tar archive on standard output; further arguments are for mmdebstrap. It
# trusts whom this machine trusts, whose network may have an authority of its own. What a container does not read is left
# out, as in the images of the registry.
bootstrap() {
    local packages="$1"
    shift
    mmdebstrap --quiet --variant=minbase --include="$packages" \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --customize-hook='cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"' \
        --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*' "$@" \
        bookworm -
}

if missing "$debian"; then
    bootstrap ca-certificates | docker import --change 'CMD ["bash"]' - "$debian" >/dev/null
    echo "made $debian"
fi
if [ "${1:-}" = --prometheus ] && missing "$2"; then
    DOCKER_BUILDKIT=0 docker build --quiet --tag "$2" - >/dev/null <<EOF
FROM $debian
RUN apt-get update -qq \\
    && apt-get install -y -qq --no-install-recommends prometheus \\
    && rm -rf /var/lib/apt/lists/* \\
    && install -d -o nobody -g nogroup /prometheus
USER nobody
VOLUME /prometheus
EXPOSE 9090
ENTRYPOINT ["prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
EOF
    echo "made $2"
fi
[ "${1:-}" = --all ] || exit 0

if missing "$rust"; then
    # The toolchain, without its documentation.
    SYSROOT="$(rustc --print sysroot)"
    export SYSROOT
    bootstrap ca-certificates,gcc,libc6-dev \
        --customize-hook='tar -C "$SYSROOT" --exclude=./share --exclude=./lib/rustlib/src -c . | tar -C "$1/usr/local" -x' |
        docker import --change 'ENV CARGO_HOME=/usr/local/cargo' --change 'CMD ["bash"]' - "$rust" >/dev/null
    echo "made $rust"
fi
if missing "$node"; then
    bootstrap ca-certificates,libstdc++6 \
        --customize-hook='tar -C / -c usr/bin/node usr/bin/npm usr/lib/node_modules/npm | tar -C "$1" -x' |
        docker import --change 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' --change 'CMD ["node"]' - "$node" >/dev/null
    echo "made $node"
fi
