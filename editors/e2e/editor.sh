#!/bin/bash
# Runs the scenario of the end-to-end tests in one headless editor, with the
# configuration of its folder, on a clone of a repository. Prints a line for each
# check; exits 1 when one failed. ../../docs/editors.md is made of the results.
#
#   editor.sh EDITOR BINARY REPOSITORY [RESULT]
#
#   EDITOR      neovim, emacs-eglot, emacs-lsp-mode, vim, helix or kakoune
#   RESULT      the file to write the results to, as JSON
#
#   CABHFUIL_E2E_ROOT  the root directory of another system, whose editor is
#                      taken; then REPOSITORY is copied, and must be whole
#   CABHFUIL_TELESCOPE    folders of plenary.nvim and telescope.nvim, for Neovim
#   CABHFUIL_KAKOUNE_LSP  the program kak-lsp, where it is not on PATH
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
usage="usage: editor.sh EDITOR BINARY REPOSITORY [RESULT]"
editor=${1:?$usage}
server=$(realpath "${2:?$usage}")
repository=$(realpath "${3:?$usage}")
result=${4:-}
root=${CABHFUIL_E2E_ROOT:-}

scratch=$(mktemp -d "$root/tmp/cabhfuil-e2e.XXXXXX")
inside=${scratch#"$root"}
# enter COMMAND… runs a command in the other system, if there is one. A private
# mounts, which go with the process, give it /proc and terminals.
enter() {
  if [ -z "$root" ]; then "$@"; else
    unshare --mount --propagation private \
      sh -c 'mount -t proc proc "$0/proc" && mount --rbind /dev/pts "$0/dev/pts" && exec chroot "$0" "$@"' "$root" "$@"
  fi
}
# An empty home: neither the user's configuration nor their indexes take part.
alone=(env -u XDG_CACHE_HOME -u XDG_CONFIG_HOME -u XDG_DATA_HOME -u XDG_STATE_HOME -u XDG_RUNTIME_DIR
  HOME="$inside/home" LANG=C.UTF-8 TERM=xterm-256color)
trap 'enter "${alone[@]}" "$inside/cabhfuil-lsp" stop >/dev/null || true; rm -rf "$scratch"' EXIT

mkdir "$scratch/home" "$scratch/editors"
cp "$server" "$scratch/cabhfuil-lsp"
cp -r "$here" "$here"/../{neovim,emacs,vim,helix,kakoune} "$scratch/editors/"
if [ -n "$root" ]; then
  cp -r "$repository" "$scratch/repository"
  repository=$inside/repository
fi
for plugin in ${CABHFUIL_TELESCOPE:-}; do cp -r "$plugin" "$scratch/"; done
if [ -n "${CABHFUIL_KAKOUNE_LSP:-}" ]; then cp "$CABHFUIL_KAKOUNE_LSP" "$scratch/kak-lsp"; fi
enter "${alone[@]}" bash "$inside/editors/e2e/fixture.sh" "$repository" "$inside/clone" >"$scratch/facts"

status=0
enter "${alone[@]}" CABHFUIL_SERVER="$inside/cabhfuil-lsp" CABHFUIL_FACTS="$inside/facts" \
  CABHFUIL_TELESCOPE="${CABHFUIL_TELESCOPE:+$inside}" PATH="$inside:$PATH" \
  timeout 400 bash "$inside/editors/e2e/scenario.sh" "$editor" "$inside" 2>&1 |
  tr -d '\r' | tee "$scratch/transcript" || status=1
if [ -n "$result" ]; then
  (cd "$here/../.." && go run ./editors/e2e/compare record "$editor") <"$scratch/transcript" >"$result"
fi
exit $status
