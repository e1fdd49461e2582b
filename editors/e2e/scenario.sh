#!/bin/bash
# Starts the editor of editor.sh, where that is, on the clone of a scratch folder.
#
#   scenario.sh EDITOR SCRATCH
set -euo pipefail
editor=$1
scratch=$2
cd "$scratch/clone"
case $editor in
neovim)
  packages=()
  if [ -n "${CABHFUIL_TELESCOPE:-}" ]; then
    packages=(--cmd "set runtimepath+=$scratch/plenary.nvim,$scratch/telescope.nvim")
  fi
  exec nvim --headless --clean --cmd "set runtimepath^=$scratch/editors/neovim" "${packages[@]}" \
    --cmd "let g:cabhfuil_server = \$CABHFUIL_SERVER" \
    CHANGELOG.md -S "$scratch/editors/e2e/neovim.lua"
  ;;
emacs-eglot | emacs-lsp-mode)
  exec emacs --batch --directory "$scratch/editors/emacs" --load "$scratch/editors/e2e/$editor.el"
  ;;
vim | helix | kakoune) exec "$scratch/editors/e2e/$editor.sh" "$scratch" ;;
*)
  echo "no scenario for $editor" >&2
  exit 2
  ;;
esac
