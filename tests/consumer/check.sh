#!/bin/sh
# check.sh BUILD: installs BUILD into an empty place and links a program with it, after find_package(strandline)
# and runs it; then configures the same program with add_subdirectory.
set -eu
build=$1
here=$(cd "$(dirname "$0")" && pwd)
place=$(mktemp -d "$build/linking.XXXXXX")  # Not where temporary files go: programs may not be run there.
trap 'rm -rf "$place"' EXIT

awk '/^```cpp$/ {shows = 1; next} /^```$/ {shows = 0} shows' "$here/../../README.md" > "$place/shown.cpp"
cmake --install "$build" --prefix "$place/usr" >/dev/null
cmake -S "$here" -B "$place/found" -G Ninja -DCMAKE_PREFIX_PATH="$place/usr" -DSHOWN="$place/shown.cpp" >/dev/null
cmake --build "$place/found"
"$place/found/notes"
cmake -S "$here" -B "$place/added" -G Ninja -DSTRANDLINE_FOLDER="$here/../.." -DSHOWN="$place/shown.cpp" >/dev/null
echo "both ways to link work"
