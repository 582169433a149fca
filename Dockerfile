# The container of the action, and of anyone who runs presscheck without Rust.
#
# GitHub runs it as root in /github/workspace, and says that images of actions set neither USER nor WORKDIR
# (https://docs.github.com/en/actions/reference/workflows-and-actions/dockerfile-support).
#
# All three bases can be pinned by digest: --build-arg RUST_IMAGE=rust@sha256:… --build-arg BASE=debian@sha256:…
# --build-arg PYTHON_IMAGE=python@sha256:…
# A release looks their digests up once, builds both platforms from them, and names them in its notes.
ARG RUST_IMAGE=rust:1.95-slim-bookworm
ARG BASE=debian:bookworm-slim
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

# The weights of the networks, each verified by its SHA-256. This layer stays until the list in models/fetch changes.
FROM ${PYTHON_IMAGE} AS models
COPY models/ /src/
RUN python3 /src/fetch /models && cp /src/NOTICE.md /models/

FROM ${RUST_IMAGE} AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin presscheck \
    && mkdir -p /out/etc/ssl/certs \
    && cp target/release/presscheck /out/presscheck \
    # The post step of the action is the same program under another name.
    && ln -s presscheck /out/presscheck-post \
    && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/

# Debian without what nobody needs here: its package manager, Perl, other character sets, time zones. Every job pulls
# this image. What is left has a shell and the usual small tools, for programs that the check `command` starts.
FROM ${BASE} AS slim
RUN rm -rf /usr/lib/*/gconv /usr/lib/*/perl-base /usr/bin/perl* /usr/share/perl5 /usr/share/zoneinfo \
    /usr/bin/apt* /usr/lib/apt /usr/lib/*/libapt-p* /var/lib/apt /var/cache/*

FROM scratch
# One layer, since what a later layer removes is pulled all the same.
# hadolint ignore=DL3067
COPY --from=slim / /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="presscheck" \
      org.opencontainers.image.description="Proves a change to an image model safe before it merges." \
      org.opencontainers.image.source="https://github.com/presscheck/presscheck" \
      org.opencontainers.image.documentation="https://github.com/presscheck/presscheck/tree/main/docs" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=models /models/ /models/
COPY --from=build /out/ /
# An image whose program does not start is never published.
RUN ["/presscheck", "--version"]
# The program itself, not a shell: inputs have hyphens in their names, which some shells drop, and a signal
# reaches the program that must close the check run.
ENTRYPOINT ["/presscheck"]
