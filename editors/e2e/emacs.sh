#!/bin/bash
# Runs the configuration of editors/emacs in a batch Emacs with eglot on a clone
# of a repository. Prints a line for each check; exits 1 when one failed.
#
#   emacs.sh BINARY REPOSITORY [TRANSCRIPT]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
usage="usage: emacs.sh BINARY REPOSITORY [TRANSCRIPT]"
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
"${alone[@]}" LANG=C.UTF-8 timeout 300 \
  emacs --batch --directory "$here/../emacs" --load "$here/emacs.el" 2>&1 | tee "$transcript"
