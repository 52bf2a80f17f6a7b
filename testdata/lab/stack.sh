# shellcheck shell=bash disable=SC2154 # lab sets lab and here, images.sh layers
# Makes stacks: their files, secrets and data. Sourced by lab.
#
# A stack is started and seeded once, stopped, and kept as a template: its files and a copy
# of every volume. A stack in DIR is a copy of that, in seconds, with the same secrets.

templates=$lab/templates
stacks=$lab/stacks # one file per project: folder, template, port

# project DIR: the name that compose gives it.
project() { basename "$1" | tr A-Z a-z | tr -cd 'a-z0-9_-' | sed 's/^[-_]*//'; }

compose() { docker compose --project-directory "$dir" -f "$dir/docker-compose.yml" "$@"; }

# secrets FILE: gives every empty key of FILE a value that is easy to find where it should
# not be.
secrets() {
  local key
  for key in $(sed -n 's/^\([A-Z0-9_]*\)=$/\1/p' "$1"); do
    sed -i "s/^$key=\$/$key=canary-$(tr A-Z_ a-z- <<<"$key")-$(openssl rand -hex 12)/" "$1"
  done
}

# value FILE KEY
value() { sed -n "s/^$2=//p" "$1"; }

# mounts: of the stack in $dir, one line each: kind (named, anonymous), key, folder on the
# host. The key of an anonymous volume is its service and place.
mounts() {
  docker ps -aq --filter "label=com.docker.compose.project=$(project "$dir")" | xargs -r docker inspect |
    jq -r '.[] | .Config.Labels["com.docker.compose.service"] as $service | .Mounts[] | select(.Type == "volume")
      | if .Name | test("^[0-9a-f]{64}$") then "anonymous\t\($service)\(.Destination | gsub("/"; "_"))\t\(.Source)"
        else "named\t\(.Name | sub("^[^_]*_"; ""))\t\(.Source)" end' | sort -u
}

# files KIND: the folder here that its files come from.
files() {
  case $1 in
    full) echo "$here/handbook" ;;
    *) echo "$here/${1%%@*}" ;;
  esac
}

# template KIND: prints its folder, and makes it when a part of it is new. KIND is a folder
# here, one with a release of Dify behind it (mini@1.11.4), or full: handbook with the real n8n.
template() {
  local kind=$1 mb=${SEED_MB:-0} key to
  key=$(find "$(files "$kind")" "$here/seed" "$here/stack.sh" -type f -print0 | sort -z | xargs -0 cat - "$here/images/list" "$here/images.sh" "$layers"/{postgres-17,redis,standin} | sha256sum | cut -c 1-12)
  to=$templates/$kind-$mb-$key
  # A process of its own: set -e has no effect in a function that is part of a condition.
  [ -d "$to" ] || alone "$here/lab" build-template "$kind" "$mb" "$to" >&2
  echo "$to"
}

build_template() {
  local kind=$1 mb=$2 to=$3 dir=$templates/lab-template-$1 ref id
  [ ! -d "$to" ] || return 0 # another made it meanwhile
  echo "lab: seeding the stack $kind"
  mkdir -p "$templates"
  remove_project "$dir"
  rm -rf "$dir" "$to.new"
  # Other checkouts may have one of their own.
  { ls -dt "$templates/$kind-$mb-"* 2>/dev/null || true; } | tail -n +3 | xargs -r rm -rf
  cp -a "$(files "$kind")" "$dir"
  [ "$kind" != full ] || sed -i 's#n8nio/n8n:.*#n8nio/n8n:1.110.1#' "$dir/docker-compose.yml"
  [[ $kind != *@* ]] || sed -i -E "s#(langgenius/dify-(api|web)):1\.13\.3\$#\1:${kind#*@}#" "$dir/docker-compose.yml"
  cp "$dir/.env.example" "$dir/.env"
  secrets "$dir/.env"
  ports "$dir/.env" "$(free_port)"
  [ ! -d "$dir/nginx" ] || seed_binds "$dir"
  compose pull --quiet # an engine may have an earlier build behind a tag
  compose up -d --wait
  case $kind in n8n*) ;; *) seed_data "$kind" "$mb" ;; esac
  case $kind in n8n* | full) (cd "$dir" && "$here/seed/n8n/seed" "$kind") ;; esac
  compose stop
  case $kind in n8n*) ;; *) seed_files ;; esac
  mkdir -p "$to.new/volumes"
  cp -a "$dir" "$to.new/files"
  mounts | while IFS=$'\t' read -r _ key source; do cp -a "$source" "$to.new/volumes/$key"; done
  docker ps -aq --filter "label=com.docker.compose.project=$(project "$dir")" | xargs docker inspect --format '{{ .Config.Image }} {{ .Image }}' | sort -u |
    while read -r ref id; do docker image inspect --format "$ref $id {{ index .RepoDigests 0 }}" "$id"; done >"$to.new/images"
  remove_project "$dir"
  rm -rf "$dir"
  mv "$to.new" "$to"
}

# seed_binds DIR: the folders that the compose file binds.
seed_binds() {
  mkdir -p "$1/volumes/uploads"
  "$here/seed/files" "$1/volumes/uploads" 1001
}

# seed_data KIND MB: rows and keys, into the running stack in $dir.
seed_data() {
  local file service db
  compose exec -T dify-api standin seed -mb "$2" -token "$(value "$dir/.env" DIFY_DATASET_TOKEN)"
  for file in "$here"/seed/*.sql; do # SERVICE.DATABASE.sql, or DATABASE.sql on postgres
    db=$(basename "$file" .sql)
    service=postgres
    case $db in *.*) service=${db%%.*} db=${db#*.} ;; esac
    [ "$1 $db" != 'full n8n' ] || continue # these are the stand-in's tables
    compose exec -T "$service" psql -X -q -U postgres -d "$db" -c '' >/dev/null 2>&1 || continue # a stack without it
    compose exec -T "$service" psql -X -q -v ON_ERROR_STOP=1 -U postgres -d "$db" <"$file" >/dev/null
  done
}

# seed_files: into the volumes of the stopped stack in $dir.
seed_files() {
  mounts | while IFS=$'\t' read -r _ key source; do
    case $key in
      dify_storage) "$here/seed/files" "$source" 1001 ;;
      n8n_data) "$here/seed/files" "$source" 1000 ;;
      plugin_daemon_data | *_dependencies) "$here/seed/files" "$source" 0 ;;
      *plugin_cache) "$here/seed/files" "$source" 1001 ;;
    esac
  done
}

# ports FILE PORT: n8n's is 2000 above Dify's.
ports() { sed -i "s/^LAB_PORT=.*/LAB_PORT=$2/; s/^LAB_N8N_PORT=.*/LAB_N8N_PORT=$(($2 + 2000))/" "$1"; }

# free_port prints one that nothing listens on and no stack of the lab has.
free_port() {
  local port=3001
  while ss -Hltn "sport = :$port" | grep -q . || cut -f 3 "$stacks"/* 2>/dev/null | grep -qx $port; do port=$((port + 1)); done
  echo $port
}

# remove_project DIR [KEEP]: containers, volumes and networks of its project, and what Belay
# keeps in the engine for it. The volumes whose compose name is a word of KEEP stay, and the
# networks with them.
remove_project() {
  local name volume containers volumes
  name=$(project "$1")
  : "${name:?"no project has the name of $1"}"
  containers=$({ docker ps -aq --filter "label=com.docker.compose.project=$name"; docker ps -aq --filter "label=belay.keep=$name"; } | sort -u)
  # An anonymous volume that a recreated container inherited is no longer anonymous to
  # `docker rm -v`: it was mounted by its name.
  volumes=$(xargs -r docker inspect --format '{{ range .Mounts }}{{ .Name }}{{ "\n" }}{{ end }}' <<<"$containers" | grep -xE '[0-9a-f]{64}' || true)
  xargs -r docker rm -f >/dev/null <<<"$containers"
  xargs -r docker volume rm -f >/dev/null <<<"$volumes"
  { docker volume ls -q --filter "label=com.docker.compose.project=$name"; docker volume ls -q --filter "name=^belay-$name\$"; } | sort -u |
    while read -r volume; do
      case " ${2-} " in *" ${volume#"${name}"_} "*) ;; *) echo "$volume" ;; esac
    done | xargs -r docker volume rm -f >/dev/null
  [ -z "${2-}" ] || return 0
  docker network ls -q --filter "label=com.docker.compose.project=$name" | xargs -r docker network rm >/dev/null
}

# tags TEMPLATE: the local tags point to the images of the template again.
tags() {
  local ref id digest
  while read -r ref id digest; do
    [ "$(docker image inspect --format '{{ .Id }}' "$ref" 2>/dev/null)" != "$id" ] || continue
    docker image inspect "$id" >/dev/null 2>&1 || docker pull -q "$digest" >/dev/null
    docker tag "$id" "$ref"
  done <"$1/images"
}

# fill TEMPLATE KIND: the volumes of that kind (named, anonymous) that the template has.
fill() {
  mounts | while IFS=$'\t' read -r kind key source; do
    [ "$kind" = "$2" ] && [ -d "$1/volumes/$key" ] || continue
    find "$source" -mindepth 1 -delete
    cp -a "$1/volumes/$key/." "$source/"
  done
}

# lay TEMPLATE PORT: the stack in $dir, new from its template, started.
lay() {
  mkdir -p "$dir"
  find "$dir" -mindepth 1 -delete
  cp -a "$1/files/." "$dir/"
  ports "$dir/.env" "$2"
  touch -r "$1/files/.env" "$dir/.env"
  touch -r "$1/files" "$dir"
  tags "$1"
  compose create --quiet-pull >/dev/null 2>&1 || compose create
  fill "$1" named
  fill "$1" anonymous
  compose up -d --wait >/dev/null 2>&1 || compose up -d --wait
}

stack() {
  local kind=mini port='' option OPTIND=1 OPTARG from dir
  while getopts k:p: option; do
    case $option in
      k) kind=$OPTARG ;;
      p) port=$OPTARG ;;
      *) return 2 ;;
    esac
  done
  shift $((OPTIND - 1))
  [ $# = 1 ] || { echo 'lab: stack needs a folder' >&2; return 2; }
  if [ -d "$1" ] && [ -n "$(ls -A "$1")" ]; then
    echo "lab: $1 is not empty" >&2
    return 2
  fi
  mkdir -p "$1"
  dir=$(cd "$1" && pwd)
  alone up
  from=$(template "$kind")
  alone register
  remove_project "$dir"
  lay "$from" "$port"
  echo "lab: stack $(project "$dir") in $dir, http://127.0.0.1:$port"
}

# register writes down what stack knows of the one in $dir; it takes a port that is free.
register() {
  mkdir -p "$stacks"
  port=${port:-$(free_port)}
  printf '%s\t%s\t%s\n' "$dir" "$from" "$port" >"$stacks/$(project "$dir")"
}

# known DIR: sets dir, from and port of a stack that was made. When the lab has changed
# since, its template is one of the lab as it is now.
known() {
  local name
  dir=$(cd "$1" && pwd)
  name=$(project "$dir")
  [ -s "$stacks/$name" ] || { echo "lab: $1 is not a stack of the lab" >&2; return 2; }
  IFS=$'\t' read -r _ from port <"$stacks/$name"
  name=$(basename "$from") # KIND-MB-KEY, and a KIND may have a dash
  name=${name%-*}
  from=$(SEED_MB=${name##*-} template "${name%-*}")
  alone register
}

reset() {
  local dir from port
  alone registry
  known "$1"
  remove_project "$dir" "$(ls "$from/volumes" | tr '\n' ' ')"
  lay "$from" "$port"
}

remove() {
  local dir from port
  known "$1"
  remove_project "$dir"
  rm -rf "$dir" "$stacks/$(project "$dir")"
}
