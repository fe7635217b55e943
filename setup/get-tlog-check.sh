#!/usr/bin/env bash
# Builds FILE, a small program around golang.org/x/mod/sumdb that the tests hold our signed notes and Merkle proofs against:
# code that is not ours. Debian's Go compiler and module are unpacked, used once and thrown away; nothing is installed and
# root is not needed. FILE appears whole or not at all.
set -euo pipefail

cannot="The reference checker of transparency logs cannot be built"
instead="Build setup/tlog-check/main.go with Go and golang.org/x/mod, and name the program with TLOG_CHECK=/path/to/it."
. "$(dirname "$0")/lib/debian.sh"
file=$(in_full "${1:?usage: get-tlog-check.sh FILE}")
source=$(cd "$(dirname "$0")" && pwd)/tlog-check/main.go

# The last release of Debian whose Go comes with its standard library compiled, so that neither its sources nor a build of
# it is needed.
open_debian "$file" bookworm
root=$part/root
(cd "$apt/cache" && apt_get download golang-1.19-go golang-golang-x-mod-dev)
go=usr/lib/go-1.19/pkg
dpkg-deb --fsys-tarfile "$apt"/cache/golang-1.19-go_*.deb |
  tar -x -C "$root" --exclude="./$go/linux_amd64/cmd" "./$go/linux_amd64" "./$go/tool/linux_amd64/compile" "./$go/tool/linux_amd64/link"
dpkg-deb -x "$apt"/cache/golang-golang-x-mod-dev_*.deb "$root"

module=golang.org/x/mod/sumdb
mkdir -p "$part/lib/$module/internal"
compile() { # IMPORT-PATH FILE...
  local path=$1
  shift
  "$root/$go/tool/linux_amd64/compile" -p "$path" -complete -I "$root/$go/linux_amd64" -I "$part/lib" -o "$part/lib/$path.a" "$@"
}
sources() { find "$root/usr/share/gocode/src/$module/$1" -maxdepth 1 -name '*.go' ! -name '*_test.go'; }
mapfile -t note < <(sources note)
mapfile -t tlog < <(sources tlog)
compile "$module/note" "${note[@]}"
compile "$module/tlog" "${tlog[@]}"
compile main "$source"
"$root/$go/tool/linux_amd64/link" -s -w -L "$root/$go/linux_amd64" -L "$part/lib" -o "$part/tlog-check" "$part/lib/main.a"
echo '{"op":"generate","name":"try"}' | "$part/tlog-check" | grep -q '"verifier":"try+'
mv -T "$part/tlog-check" "$file"
