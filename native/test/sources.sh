#!/bin/sh
# sources.sh NATIVE_DIRECTORY: every source of kernel/, addon/ and supervisor/ is named by binding.gyp, which ships, and by CMake,
# which tests. One that only CMake knows would be tested and missing.
cd "$1" || exit 1
status=0
for source in kernel/*.cc addon/*.cc supervisor/*.cc; do
  grep -q "'native/$source'" ../binding.gyp || { echo "binding.gyp lacks native/$source"; status=1; }
  grep -qw "$source" CMakeLists.txt cmake/addon.cmake || { echo "CMake lacks $source"; status=1; }
done
for source in $(grep -o "native/[a-z]*/[a-z_]*\.cc" ../binding.gyp); do
  [ -f "../$source" ] || { echo "binding.gyp names $source, which is not there"; status=1; }
done
exit $status
