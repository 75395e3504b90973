#!/bin/sh
# expect_failure.sh TEXT COMMAND...: succeeds only if COMMAND fails *and* its output holds TEXT. An exit code alone
# would also praise a canary that could not even start.
text=$1
shift
output=$("$@" 2>&1)
code=$?
if [ $code -eq 0 ]; then
  echo "expected a failure, got exit code 0 from: $*"
  exit 1
fi
case $output in
  *"$text"*) echo "failed as expected ($code): $text" ;;
  *)
    echo "failed ($code), but without saying '$text':"
    echo "$output"
    exit 1
    ;;
esac
