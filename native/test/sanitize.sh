#!/bin/bash
# sanitize.sh COMMAND...: runs COMMAND with the sanitized addon in every node below it, and fails if COMMAND fails
# *or* any process left a report. Reports go to files: a test runner swallows the stderr of its workers and does not
# look at how they exit.
#
#   native/test/sanitize.sh npx vitest run
#
# COFFERDAM_SANITIZE_BUILD names the CMake tree with the sanitized addon; by default that of `npm test`, else
# build/sanitize. sanitize.sh without a command prints the environment that it sets.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$(dirname "$here")")

addon=
for tree in "${COFFERDAM_SANITIZE_BUILD:-}" "$root/.cache/native-sanitize" "$root/build/sanitize"; do
  if [[ -n $tree && -e $tree/cofferdam.node ]]; then
    addon=$(cd "$tree" && pwd)/cofferdam.node
    break
  fi
done
if [[ -z $addon ]]; then
  echo "sanitize.sh: no sanitized addon; build it first:" >&2
  echo "  cmake -S native -B build/sanitize -DCOFFERDAM_SANITIZE=ON && cmake --build build/sanitize" >&2
  exit 2
fi

reports=$(mktemp -d "${TMPDIR:-/tmp}/cofferdam-sanitize-XXXXXX")
trap 'rm -rf "$reports"' EXIT

# The runtime must be in the process before node itself. Every program that a test starts inherits it: ip, git and
# sh leak at exit by design, and ip copies strings onto themselves, so those are looked for in node only (%b is the
# program's name). Without the three intercept_* the runtime would warn on the stderr of who may not write the log.
# Eight frames of an allocation are enough to see whether it is ours; more of node's stacks take seconds to print.
strings="replace_str=0:intercept_strlen=0:intercept_strchr=0:intercept_strndup=0"
library=$(g++ -print-file-name=libasan.so)
variables=(
  "LD_PRELOAD=$library"
  "ASAN_OPTIONS=detect_leaks=0:$strings:malloc_context_size=8:log_path=$reports/report:include_if_exists=$here/sanitizer/asan.%b"
  "UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1:log_path=$reports/report"
  # The process exits as it would have: a leak of node's own is no failure. findings.mjs decides.
  "LSAN_OPTIONS=exitcode=0"
  "COFFERDAM_ADDON=$addon"
  "COFFERDAM_SANITIZED=1"
)
if [[ $# -eq 0 ]]; then
  printf '%s\n' "${variables[@]}"
  exit 0
fi

env "${variables[@]}" "$@"
status=$?

shopt -s nullglob
found=("$reports"/report*)
if ((${#found[@]} > 0)) && ! node "$here/sanitizer/findings.mjs" "${found[@]}" >&2; then
  ((status != 0)) || status=1
fi
exit $status
