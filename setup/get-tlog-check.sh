#!/usr/bin/env bash
# Builds FILE, a small program around golang.org/x/mod/sumdb that the tests hold our signed notes and Merkle proofs against:
# code that is not ours. Debian's Go compiler and module are unpacked, used once and thrown away; nothing is installed and
# root is not needed. FILE appears whole or not at all.
set -euo pipefail

file=${1:?usage: get-tlog-check.sh FILE}
source=$(cd "$(dirname "$0")" && pwd)/tlog-check/main.go
mkdir -p "$(dirname "$file")"
file=$(cd "$(dirname "$file")" && pwd)/$(basename "$file")
# The last release of Debian whose Go comes with its standard library compiled, so that neither its sources nor a build of
# it is needed.
release=bookworm

missing() {
  echo "The reference checker of transparency logs cannot be built: $1." >&2
  echo "Build setup/tlog-check/main.go with Go and golang.org/x/mod, and name the program with TLOG_CHECK=/path/to/it." >&2
  exit 1
}
[ "$(uname -m)" = x86_64 ] || missing "the packages are for x86-64 and this machine is $(uname -m)"
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || missing "there is no apt-get here"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || missing "$keyring is not there (package debian-archive-keyring)"
mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -m1 -E '/debian/?$' || true)
[ -n "$mirror" ] || missing "no Debian package source is configured"

# What an interrupted run left behind.
rm -rf "$file".part-*
part=$(mktemp -d "$file.part-XXXXXX")
trap 'rm -rf "$part"' EXIT
apt=$part/apt
root=$part/root
mkdir -p "$apt/etc/preferences.d" "$apt/lists/partial" "$apt/cache/archives/partial" "$root"
: > "$apt/status"
printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$release" > "$apt/sources.list"
apt_get() {
  apt-get -qq -o Dir::Etc="$apt/etc" -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::State="$apt" \
    -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" \
    -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Sandbox::User= -o Acquire::Languages=none \
    -o Acquire::Retries=3 -o Debug::NoLocking=1 "$@"
}
apt_get update
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
