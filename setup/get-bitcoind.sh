#!/usr/bin/env bash
# Puts a real bitcoind and bitcoin-cli into DIR without touching the system and without root: the newest Bitcoin Knots
# of Debian with every library it needs, unpacked and run through its own loader. DIR appears whole or not at all.
set -euo pipefail

dir=${1:?usage: get-bitcoind.sh DIR}
mkdir -p "$(dirname "$dir")"
dir=$(cd "$(dirname "$dir")" && pwd)/$(basename "$dir")

missing() {
  echo "bitcoind cannot be fetched: $1." >&2
  echo "Put a bitcoind (version 29 or newer) on PATH, name one with BITCOIND=/path/to/bitcoind, or name a running node with BITCOIN_OBSERVER_URL." >&2
  exit 1
}
[ "$(uname -m)" = x86_64 ] || missing "the packages are for x86-64 and this machine is $(uname -m)"
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || missing "there is no apt-get here"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || missing "$keyring is not there (package debian-archive-keyring)"
# The machine's own mirror, whatever release it is set to.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -m1 -E '/debian/?$' || true)
[ -n "$mirror" ] || missing "no Debian package source is configured"

# What an interrupted run left behind.
rm -rf "$dir".part-*
part=$(mktemp -d "$dir.part-XXXXXX")
trap 'rm -rf "$part"' EXIT
apt=$part/apt
mkdir -p "$apt/etc/preferences.d" "$apt/lists/partial" "$apt/cache/archives/partial" "$part/root"
# An empty status file makes apt choose every library down to libc, so that they all fit together.
: > "$apt/status"
printf 'deb [signed-by=%s] %s sid main\n' "$keyring" "$mirror" > "$apt/sources.list"
apt_get() {
  apt-get -qq -o Dir::Etc="$apt/etc" -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::State="$apt" \
    -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" \
    -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Sandbox::User= -o APT::Install-Recommends=0 \
    -o Acquire::Languages=none -o Acquire::Retries=3 -o Debug::NoLocking=1 "$@"
}
apt_get update
apt_get -y --download-only install bitcoin-knots
for deb in "$apt"/cache/archives/*.deb; do dpkg-deb -x "$deb" "$part/root"; done
rm -rf "$apt" "$part/root/usr/share" "$part/root/usr/lib/systemd" "$part/root/var"

for program in bitcoind bitcoin-cli; do
  cat > "$part/$program" <<'WRAPPER'
#!/bin/sh
root=$(dirname "$(readlink -f "$0")")/root
lib=$root/usr/lib/x86_64-linux-gnu
exec "$lib/ld-linux-x86-64.so.2" --library-path "$lib" "$root/usr/bin/$(basename "$0")" "$@"
WRAPPER
  chmod +x "$part/$program"
done
"$part/bitcoind" -version | head -n 1
chmod 755 "$part"
rm -rf "$dir"
mv -T "$part" "$dir"
