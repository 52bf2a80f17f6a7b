# shellcheck shell=bash disable=SC2154 # lab sets lab and here, images.sh layers and root
# Builds images of the real n8n, from npm, for the lab's registry. Sourced by lab.
#
# They take minutes and gigabytes each, so that `lab up` does without.

n8n_versions=(1.110.1 1.123.81 2.4.8) # what runs on Debian 13's Node 20.19

# fill_node: Node.js from Debian, busybox for health checks, and the user of n8n's image.
fill_node() {
  cp -a "$lab/roots/node/." "$root/"
  : "${root:?}"
  rm -rf "$root"/var/cache/* "$root"/var/lib/apt/* "$root"/var/log/* "$root"/usr/share/{doc,man,info,locale,perl,lintian} "$root"/dev/*
  install "$(dpkg -L busybox-static | grep -m 1 -x '.*/bin/busybox')" "$root/usr/local/bin/busybox"
  ln -s busybox "$root/usr/local/bin/wget"
  echo 'node:x:1000:1000::/home/node:/bin/sh' >>"$root/etc/passwd"
  echo 'node:x:1000:' >>"$root/etc/group"
  mkdir -p "$root/home/node/.n8n"
  chown -R 1000:1000 "$root/home/node"
}

# fill_n8n VERSION: the npm package with what it needs. Debian's Node builds no native
# module, and with PostgreSQL none is needed.
fill_n8n() {
  local at=$root/usr/local/lib/n8n
  command -v npm >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends npm >/dev/null; }
  mkdir -p "$at" "$root/usr/local/bin"
  # xlsx of the registry instead of the tarball on another host that n8n asks for.
  echo "{\"private\":true,\"dependencies\":{\"n8n\":\"$1\"},\"overrides\":{\"xlsx\":\"0.18.5\"}}" >"$at/package.json"
  echo "lab: n8n $1 from npm" >&2
  (cd "$at" && npm install --omit=dev --ignore-scripts --no-audit --no-fund >"$lab/npm.log" 2>&1) || {
    tail "$lab/npm.log" >&2
    return 1
  }
  find "$at" -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.md' \) -delete
  ln -s ../lib/n8n/node_modules/n8n/bin/n8n "$root/usr/local/bin/n8n"
  printf '#!/bin/sh\nif [ "$#" -gt 0 ]; then exec n8n "$@"; fi\nexec n8n\n' >"$root/docker-entrypoint.sh"
  chmod 755 "$root/docker-entrypoint.sh"
}

# n8n puts the real n8n into the registry.
n8n() {
  local version made
  bootstrap node trixie nodejs,ca-certificates
  made=$(declare -f fill_node fill_n8n | sha256sum | cut -c 1-16)
  layer node "$made" fill_node
  for version in "${n8n_versions[@]}"; do
    layer "n8n-$version" "$made" fill_n8n "$version"
    push_layers "n8nio/n8n:$version" "$version" node "n8n-$version"
  done
}

has_n8n() {
  local version
  for version in "${n8n_versions[@]}"; do [ -e "$layers/n8n-$version" ] || return 1; done
}

# push_layers REF VERSION LAYER...: an image of n8n.
push_layers() {
  local ref=$1 version=$2 repository=${1%:*} diffs=() descriptors=() part diff digest size config
  shift 2
  for part in "$@"; do
    { read -r diff && read -r digest && read -r size; } <"$layers/$part"
    diffs+=("$diff")
    descriptors+=("{\"mediaType\":\"application/vnd.docker.image.rootfs.diff.tar.gzip\",\"size\":$size,\"digest\":\"$digest\"}")
    blob "$repository" "$digest" "$layers/$part.tar.gz"
  done
  config=$(jq -cn --arg arch "$arch" --arg ref "$ref" --arg version "$version" '
    { architecture: $arch, os: "linux", created: "2026-01-01T00:00:00Z",
      config: { Entrypoint: ["/docker-entrypoint.sh"], User: "node", WorkingDir: "/home/node", ExposedPorts: { "5678/tcp": {} },
        # No native module is built, and from 1.121 on expressions want one otherwise.
        Env: ["N8N_EXPRESSION_ENGINE=legacy", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "NODE_ENV=production", "N8N_RELEASE_TYPE=stable"],
        Labels: { "lab.image": $ref, "org.opencontainers.image.version": $version } },
      rootfs: { type: "layers", diff_ids: $ARGS.positional } }' --args "${diffs[@]}")
  digest=sha256:$(printf %s "$config" | sha256sum | cut -d ' ' -f 1)
  printf %s "$config" >"$lab/config-n8n.json"
  blob "$repository" "$digest" "$lab/config-n8n.json"
  printf '{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":%d,"digest":"%s"},"layers":[%s]}' \
    ${#config} "$digest" "$(IFS=,; echo "${descriptors[*]}")" |
    curl -fsS -o /dev/null -X PUT -H 'Content-Type: application/vnd.docker.distribution.manifest.v2+json' --data-binary @- "$registry_url/v2/$repository/manifests/$version"
}
