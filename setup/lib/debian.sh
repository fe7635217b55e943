# Sourced by get-*.sh. What is fetched comes out of Debian's packages, which are unpacked beside where it is to be: the
# system is not touched and root is not needed. The script has set `cannot`, what is said when that does not work, and
# `instead`, what to do then.

missing() {
  echo "$cannot: $1." >&2
  echo "$instead" >&2
  exit 1
}

# The path in full; the folder that it is in is made.
in_full() { # PATH
  mkdir -p "$(dirname "$1")"
  echo "$(cd "$(dirname "$1")" && pwd)/$(basename "$1")"
}

# Makes the folder $part, which goes when the script ends, and $apt in it: the home of an apt-get of its own.
open_debian() { # PATH RELEASE
  [ "$(uname -m)" = x86_64 ] || missing "the packages are for x86-64 and this machine is $(uname -m)"
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || missing "there is no apt-get here"
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror
  [ -r "$keyring" ] || missing "$keyring is not there (package debian-archive-keyring)"
  # The machine's own mirror, whatever release it is set to.
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -m1 -E '/debian/?$' || true)
  [ -n "$mirror" ] || missing "no Debian package source is configured"
  # What an interrupted run left behind.
  rm -rf "$1".part-*
  part=$(mktemp -d "$1.part-XXXXXX")
  trap 'rm -rf "$part"' EXIT
  apt=$part/apt
  mkdir -p "$apt/etc/preferences.d" "$apt/lists/partial" "$apt/cache/archives/partial" "$part/root"
  # An empty status file makes apt choose every library down to libc, so that they all fit together.
  : > "$apt/status"
  printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$2" > "$apt/sources.list"
  apt_get update
}

apt_get() {
  apt-get -qq -o Dir::Etc="$apt/etc" -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::State="$apt" \
    -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" \
    -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Sandbox::User= -o APT::Install-Recommends=0 \
    -o Acquire::Languages=none -o Acquire::Retries=3 -o Debug::NoLocking=1 "$@"
}
