#!/bin/bash
# Runs the configuration of editors/neovim in a headless Neovim on a clone of a
# repository. Prints a line for each check; exits 1 when one failed.
#
#   neovim.sh BINARY REPOSITORY [TRANSCRIPT]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
usage="usage: neovim.sh BINARY REPOSITORY [TRANSCRIPT]"
CABHFUIL_SERVER=$(realpath "${1:?$usage}")
repository=${2:?$usage}
transcript=${3:-/dev/null}
scratch=$(mktemp -d)
alone=(env -u XDG_CACHE_HOME -u XDG_CONFIG_HOME -u XDG_DATA_HOME -u XDG_STATE_HOME -u XDG_RUNTIME_DIR HOME="$scratch/home")
trap '"${alone[@]}" "$CABHFUIL_SERVER" stop >/dev/null || true; rm -rf "$scratch"' EXIT
"$here/fixture.sh" "$repository" "$scratch/clone" >"$scratch/facts"
export CABHFUIL_SERVER CABHFUIL_FACTS="$scratch/facts"
# An empty home: neither the user's configuration nor their indexes take part.
mkdir "$scratch/home"
"${alone[@]}" timeout 300 \
  nvim --headless --clean -u "$here/../neovim/cabhfuil.lua" \
  --cmd "let g:cabhfuil_server = \$CABHFUIL_SERVER" \
  "$scratch/clone/CHANGELOG.md" -S "$here/neovim.lua" 2>&1 | tr -d '\r' | tee "$transcript"
