#!/usr/bin/env bash
# count.sh RUNNER…   runs a test runner, shows what it says, and ends with one line: "N passed, N failed".
set -uo pipefail
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$@" 2>&1 | tee "$log"
code=${PIPESTATUS[0]}
# nextest: "Summary [..] 12 tests run: 11 passed, 1 failed, 2 skipped"; libtest: "test result: ok. 11 passed; 1 failed; …"
sed -E 's/\x1b\[[0-9;]*m//g' "$log" | awk '
  /^ *Summary \[|^test result: / {
    count = split($0, part, /[:.;,]/)
    for (i = 1; i <= count; i++) {
      if (part[i] ~ /[0-9]+ passed/) { sub(/^[^0-9]*/, "", part[i]); passed += part[i] }
      if (part[i] ~ /[0-9]+ (failed|timed out)/) { sub(/^[^0-9]*/, "", part[i]); failed += part[i] }
    }
  }
  END { printf "%d passed, %d failed\n", passed, failed }'
exit "$code"
