#!/usr/bin/env bash
# run.sh              all tests, on PostgreSQL 14 to 18
# run.sh ARGUMENT…    the same, with arguments for the test runner, for example the part of a test's name
# run.sh demo         builds trueup and runs its demo
#
# TRUEUP_TEST_MAJORS="17 18" narrows the versions.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v cargo >/dev/null || PATH=$HOME/.cargo/bin:$PATH

if [ "${1:-}" = demo ]; then
  shift
  bash tests/setup.sh
  exec cargo run --quiet --locked -- demo "$@"
fi

bash tests/setup.sh downloads || [ "${CI:-}" != true ] || exit 1
read -ra majors <<<"${TRUEUP_TEST_MAJORS:-14 15 16 17 18}"
# Built first, so that no server waits for the compiler.
cargo test --quiet --locked --no-run
if cargo nextest --version >/dev/null 2>&1; then
  runner=(cargo nextest run --locked --no-fail-fast --status-level fail --final-status-level fail --show-progress none)
else
  runner=(cargo test --quiet --locked --no-fail-fast --lib --bins --tests --)
fi
exec bash tests/servers.sh "${majors[@]}" -- bash tests/count.sh "${runner[@]}" "$@"
