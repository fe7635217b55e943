#!/usr/bin/env bash
# Puts a real bitcoind and bitcoin-cli into DIR without touching the system and without root: the newest Bitcoin Knots
# of Debian with every library it needs, unpacked and run through its own loader. DIR appears whole or not at all.
set -euo pipefail

cannot="bitcoind cannot be fetched"
instead="Put a bitcoind (version 29 or newer) on PATH, name one with BITCOIND=/path/to/bitcoind, or name a running node with BITCOIN_OBSERVER_URL."
. "$(dirname "$0")/lib/debian.sh"
dir=$(in_full "${1:?usage: get-bitcoind.sh DIR}")

open_debian "$dir" sid
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
