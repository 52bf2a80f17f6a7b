# The Action's image, in two sizes:
#
#   check   the belay binary and CA certificates: all that checking a pull request needs
#   full    the same plus the docker CLI and its compose plugin, for work on a host
#
# full is the last stage, because a runner builds an action's Dockerfile without a target.
# The older builder of docker 20.10 must be able to build this: no RUN --mount, no COPY --chmod.
# No USER and no WORKDIR: GitHub asks for root and sets the working folder itself.
ARG GO_IMAGE=golang:1.26-alpine

# Cross-compiles on the builder's own platform. The older builder leaves BUILDPLATFORM,
# TARGETOS and TARGETARCH empty; `linux` and an empty GOARCH then mean the machine's own.
FROM --platform=${BUILDPLATFORM:-linux} ${GO_IMAGE} AS build
ENV CGO_ENABLED=0
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=dev
RUN mkdir -p /image/etc/ssl/certs \
 && cp -L /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
 && GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
    -ldflags "-s -w -X main.version=$VERSION" -o /image/belay ./cmd/belay

FROM scratch AS check
LABEL org.opencontainers.image.source=https://github.com/belaystack/belay \
      org.opencontainers.image.licenses=Apache-2.0
COPY --from=build /image/ /
ENTRYPOINT ["/belay"]

FROM --platform=${BUILDPLATFORM:-linux} ${GO_IMAGE} AS tools
WORKDIR /tools
COPY .ci/docker-tools/ ./
ARG TARGETOS
ARG TARGETARCH
# compose writes temporary files, and scratch has no /tmp.
RUN GOOS=$TARGETOS GOARCH=$TARGETARCH ./build /image/usr/local/bin /image/usr/local/lib/docker/cli-plugins \
 && mkdir -m 1777 /image/tmp

FROM check AS full
COPY --from=tools /image/ /
