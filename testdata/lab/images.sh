# shellcheck shell=bash disable=SC2154 # lab sets lab, here and registry_port
# Builds the lab's images and puts them into its registry. Sourced by lab.
#
# The engine builds nothing: a layer is a tar that is made once and cached, an image is a
# JSON file that names layers, and the registry takes both by HTTP. So the ids are the same
# on every machine with the same parts, and thirty images take seconds.

layers=$lab/layers
arch=$(go env GOARCH)
registry_url=http://127.0.0.1:$registry_port

# hash FILE...: of their bytes.
hash() { cat "$@" | sha256sum | cut -c 1-16; }

# layer NAME KEY COMMAND...: has COMMAND fill the folder $root, unless a layer of that name
# was made with that key. Leaves $layers/NAME.tar.gz and $layers/NAME: diff id, digest, size.
layer() {
  local name=$1 key=$2 root
  shift 2
  [ "$(sed -n 4p "$layers/$name" 2>/dev/null)" = "$key" ] && return
  mkdir -p "$layers"
  root=$(mktemp -d "$lab/root.XXXXXX")
  chmod 755 "$root"
  "$@"
  find "$root" -exec touch -h -d @0 {} +
  tar -C "$root" --sort=name --numeric-owner --xattrs -cf "$layers/$name.tar" .
  gzip -1nc "$layers/$name.tar" >"$layers/$name.tar.gz"
  {
    echo "sha256:$(sha256sum <"$layers/$name.tar" | cut -d ' ' -f 1)"
    echo "sha256:$(sha256sum <"$layers/$name.tar.gz" | cut -d ' ' -f 1)"
    stat -c %s "$layers/$name.tar.gz"
    echo "$key"
  } >"$layers/$name.new"
  mv "$layers/$name.new" "$layers/$name"
  rm -rf "$layers/$name.tar" "$root"
}

# bootstrap NAME SUITE PACKAGES: a Debian of that suite, once. Debian 12's debootstrap has
# no script for suites after its time; sid's does.
bootstrap() {
  local to=$lab/roots/$1 suite=$2 scripts=/usr/share/debootstrap mirror
  [ -d "$to" ] && return
  mkdir -p "$lab/roots"
  if [ ! -e "$scripts/scripts/$suite" ]; then
    cp -a $scripts "$lab/roots/scripts.new"
    ln -s sid "$lab/roots/scripts.new/scripts/$suite"
    scripts=$lab/roots/scripts.new
  fi
  mirror=$(apt-get indextargets --format '$(RELEASE) $(SITE)' 'Created-By: Packages' |
    awk -v r="$(. /etc/os-release && echo "$VERSION_CODENAME")" '$1 == r { print $2; exit }')
  echo "lab: Debian $suite with $3" >&2
  rm -rf "$to.new"
  DEBOOTSTRAP_DIR=$scripts debootstrap --variant=minbase --include="$3" "$suite" "$to.new" "$mirror" >"$lab/debootstrap.log" 2>&1 || {
    tail "$lab/debootstrap.log" >&2
    return 1
  }
  rm -rf "$lab/roots/scripts.new"
  mv "$to.new" "$to"
}

# fill_postgres MAJOR: $root becomes the server without what no test needs.
fill_postgres() {
  local major=$1 from=$lab/roots/postgres-$1 uid
  cp -a "$from/." "$root/"
  chroot "$root" localedef -i en_US -f UTF-8 en_US.UTF-8
  : "${root:?}"
  rm -rf "$root"/var/lib/postgresql/* "$root"/etc/postgresql/* "$root"/var/cache/* "$root"/var/lib/apt/* "$root"/var/log/* \
    "$root"/usr/share/{doc,man,info,locale,i18n,perl,lintian} "$root"/usr/lib/*/{perl,perl5,perl-base,libLLVM*,libz3*,libperl*} \
    "$root"/usr/lib/postgresql/*/lib/{llvmjit*,bitcode} "$root"/usr/share/postgresql/*/{man,locale} "$root"/dev/*
  uid=$(chroot "$root" id -u postgres)
  sed -i "s/^postgres:x:$uid:[0-9]*:/postgres:x:999:999:/" "$root/etc/passwd"
  sed -i 's/^postgres:x:[0-9]*:/postgres:x:999:/' "$root/etc/group"
  chown -R 999:999 "$root"/var/lib/postgresql "$root"/run/postgresql 2>/dev/null || true
  mkdir -p "$root"/docker-entrypoint-initdb.d "$root"/var/lib/postgresql
  sed -i "s/^#*listen_addresses = .*/listen_addresses = '*'/" "$root/usr/share/postgresql/$major/postgresql.conf.sample"
  cp "$here/images/postgres-entrypoint" "$root/usr/local/bin/docker-entrypoint.sh"
}

# fill_redis: redis, the libraries that it loads, and busybox.
fill_redis() {
  local from=$lab/roots/redis program file
  fill_busybox
  for program in usr/bin/redis-server usr/bin/redis-cli usr/bin/setpriv; do
    install -D "$from/$program" "$root/$program"
    chroot "$from" ldd "/$program" | grep -o '/[^ ]*' | while read -r file; do
      [ -e "$root$file" ] || install -D "$from$file" "$root$file"
    done
  done
  rm -f "$root/bin/setpriv"
  mkdir -p "$root/data" "$root/usr/local/bin"
  chown 999:1000 "$root/data"
  cp "$here/images/redis-entrypoint" "$root/usr/local/bin/docker-entrypoint.sh"
  echo 'redis:x:999:1000::/data:/bin/sh' >>"$root/etc/passwd"
  echo 'redis:x:1000:' >>"$root/etc/group"
}

fill_busybox() {
  local busybox applet
  busybox=$(dpkg -L busybox-static | grep -m 1 -x '.*/bin/busybox')
  mkdir -p "$root"/{bin,etc,root,usr/bin,usr/local/bin,var}
  mkdir -m 1777 "$root/tmp"
  cp "$busybox" "$root/bin/busybox"
  for applet in $("$busybox" --list | grep -vx busybox); do ln -s busybox "$root/bin/$applet"; done
  printf 'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\ndify:x:1001:1001::/app:/bin/sh\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnode:x:1000:\ndify:x:1001:\n' >"$root/etc/group"
}

# fill_standin: the program under the names that it answers to, and the folders that
# volumes take their owner from.
fill_standin() {
  local bin=$root/usr/local/bin
  mkdir -p "$bin" "$root/app/api/storage" "$root/app/api/plugin_cache" "$root/app/storage" "$root/dependencies" "$root/home/node/.n8n"
  (cd "$here/standin" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$bin/standin" .)
  ln -s standin "$bin/curl"
  ln -s standin "$bin/flask"
  ln -s standin "$bin/n8n"
  chown -R 1001:1001 "$root/app/api"
  chown -R 1000:1000 "$root/home/node"
}

# fill_settings APP VERSION FAULTS BUILD: the one file in which stand-ins differ.
fill_settings() {
  mkdir -p "$root/etc"
  if [ "$1" = api ]; then
    mkdir -p "$root/app/api"
    printf '[project]\nname = "dify-api"\nversion = "%s"\n' "$2" >"$root/app/api/pyproject.toml"
    chown -R 1001:1001 "$root/app/api"
  fi
  printf 'STANDIN_APP=%s\nSTANDIN_VERSION=%s\nSTANDIN_FAULTS=%s\nBUILD=%s\n' "$@" >"$root/etc/standin"
}

# parts makes the layers that images share.
parts() {
  bootstrap postgres-17 trixie postgresql-17,postgresql-17-pgvector,locales
  bootstrap postgres-18 forky postgresql-18,postgresql-18-pgvector,locales
  bootstrap redis bookworm redis-server
  local made
  made=$(declare -f fill_postgres fill_redis fill_busybox fill_standin | sha256sum | cut -c 1-16)
  layer postgres-17 "$made$(hash "$here/images/postgres-entrypoint")" fill_postgres 17
  layer postgres-18 "$made$(hash "$here/images/postgres-entrypoint")" fill_postgres 18
  layer redis "$made$(hash "$here/images/redis-entrypoint")" fill_redis
  layer busybox "$made" fill_busybox
  layer standin "$made$(hash "$here"/standin/*.go "$here"/standin/go.*)" fill_standin
}

# blob REPOSITORY DIGEST FILE: uploads what the repository lacks.
blob() {
  local at
  curl -fsI "$registry_url/v2/$1/blobs/$2" >/dev/null 2>&1 && return
  at=$(curl -fsS -D - -o /dev/null -X POST "$registry_url/v2/$1/blobs/uploads/?mount=$2&from=lab/layers" | tr -d '\r')
  case $at in *' 201 '*) return ;; esac # it had it elsewhere
  at=$(sed -n 's/^[Ll]ocation: //p' <<<"$at")
  case $at in *\?*) at="$at&" ;; *) at="$at?" ;; esac
  curl -fsS -o /dev/null -X PUT -H 'Content-Type: application/octet-stream' --data-binary "@$3" "${at}digest=$2"
}

# config APP VERSION REF BUILD DIFF-ID...: the image's JSON.
config() {
  local app=$1 version=$2 ref=$3 build=$4 c
  shift 4
  case $app in
    postgres-17) c='{"Entrypoint":["docker-entrypoint.sh"],"Cmd":["postgres"],"StopSignal":"SIGINT","Volumes":{"/var/lib/postgresql/data":{}},"ExposedPorts":{"5432/tcp":{}},"Env":["PATH=/usr/local/bin:/usr/lib/postgresql/17/bin:/usr/bin:/bin:/usr/sbin:/sbin","LANG=en_US.UTF-8","PG_MAJOR=17","PGDATA=/var/lib/postgresql/data"]}' ;;
    postgres-18) c='{"Entrypoint":["docker-entrypoint.sh"],"Cmd":["postgres"],"StopSignal":"SIGINT","Volumes":{"/var/lib/postgresql":{}},"ExposedPorts":{"5432/tcp":{}},"Env":["PATH=/usr/local/bin:/usr/lib/postgresql/18/bin:/usr/bin:/bin:/usr/sbin:/sbin","LANG=en_US.UTF-8","PG_MAJOR=18","PGDATA=/var/lib/postgresql/18/docker"]}' ;;
    redis) c='{"Entrypoint":["docker-entrypoint.sh"],"Cmd":["redis-server"],"WorkingDir":"/data","Volumes":{"/data":{}},"ExposedPorts":{"6379/tcp":{}}}' ;;
    busybox) c='{"Cmd":["sh"]}' ;;
    api) c='{"Entrypoint":["standin"],"User":"1001","WorkingDir":"/app/api","ExposedPorts":{"5001/tcp":{}}}' ;;
    n8n) c='{"Entrypoint":["standin"],"User":"node","WorkingDir":"/home/node","ExposedPorts":{"5678/tcp":{}},"Env":["HOME=/home/node"]}' ;;
    sandbox) c='{"Entrypoint":["standin"],"Volumes":{"/dependencies":{}}}' ;;
    *) c='{"Entrypoint":["standin"]}' ;;
  esac
  jq -cn --argjson c "$c" --arg arch "$arch" --arg app "$app" --arg version "$version" --arg ref "$ref" --arg build "$build" '
    { architecture: $arch, os: "linux", created: "2026-01-01T00:00:00Z",
      config: ($c + { Env: ($c.Env // ["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"]),
        Labels: ({ "lab.image": $ref, "lab.build": $build, "org.opencontainers.image.version": $version }
          + if $app | test("^(postgres|redis|busybox)") then {} else { "lab.stand-in": "yes: not the real application" } end) }),
      rootfs: { type: "layers", diff_ids: $ARGS.positional } }' --args "$@"
}

# push REF APP VERSION FAULTS BUILD
push() {
  local ref=$1 app=$2 version=$3 faults=$4 build=$5 repository=${1%:*} name diffs=() descriptors=() part config diff digest size
  case $repository in */*) ;; *) repository=library/$repository ;; esac
  name=settings/${ref//[\/:]/_}-$build
  mkdir -p "$layers/settings"
  layer "$name" "$app$version$faults$build$settings" fill_settings "$app" "$version" "$faults" "$build"
  case $app in
    postgres-* | redis | busybox) set -- "$app" "$name" ;;
    *) set -- busybox standin "$name" ;;
  esac
  for part in "$@"; do
    { read -r diff && read -r digest && read -r size; } <"$layers/$part"
    diffs+=("$diff")
    descriptors+=("{\"mediaType\":\"application/vnd.docker.image.rootfs.diff.tar.gzip\",\"size\":$size,\"digest\":\"$digest\"}")
    case $part in settings/*) ;; *) blob lab/layers "$digest" "$layers/$part.tar.gz" ;; esac
    blob "$repository" "$digest" "$layers/$part.tar.gz"
  done
  config=$(config "$app" "$version" "$ref" "$build" "${diffs[@]}")
  digest=sha256:$(printf %s "$config" | sha256sum | cut -d ' ' -f 1)
  printf %s "$config" >"$lab/config.json"
  blob "$repository" "$digest" "$lab/config.json"
  printf '{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":%d,"digest":"%s"},"layers":[%s]}' \
    ${#config} "$digest" "$(IFS=,; echo "${descriptors[*]}")" |
    curl -fsS -o /dev/null -X PUT -H 'Content-Type: application/vnd.docker.distribution.manifest.v2+json' --data-binary @- "$registry_url/v2/$repository/manifests/${ref##*:}"
}

# entries prints the list without its comments.
entries() { grep -v '^#' "$here/images/list"; }

# images puts all of the list into the registry, each tag at its first build.
images() {
  parts
  local want ref app version faults
  settings=$(declare -f fill_settings | sha256sum | cut -c 1-16)
  want=$(cat "$here/images/list" "$here/images.sh" "$layers"/{postgres-17,postgres-18,redis,busybox,standin} | sha256sum)
  [ "$(cat "$lab/registry/images" 2>/dev/null)" = "$want" ] && return
  while read -r ref app version faults; do push "$ref" "$app" "$version" "$faults" 1; done < <(entries)
  echo "$want" >"$lab/registry/images"
}

# move REF [BUILD]: the tag in the registry points to another image of the same version.
move() {
  local ref app version faults
  settings=$(declare -f fill_settings | sha256sum | cut -c 1-16)
  read -r ref app version faults < <(entries | awk -v r="$1" '$1 == r') || { echo "lab: no image $1 in images/list" >&2; return 2; }
  push "$ref" "$app" "$version" "$faults" "${2:-2}"
}
