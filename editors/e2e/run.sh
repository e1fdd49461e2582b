#!/bin/bash
# Runs the end-to-end tests in real editors: builds the server and the extension,
# makes the demo repository, and drives Neovim, Emacs, Vim and VS Code headless.
#
#   run.sh [SCREENSHOTS]   pictures go to that folder, or nowhere
set -euo pipefail
cd "$(dirname "$0")/../.."
shots=${1:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
editors/e2e/install.sh
go build -o "$work/cabhfuil-lsp" ./cmd/cabhfuil-lsp
(cd editors/vscode && npm ci --no-audit --no-fund && npm run lint && npm test && npm run package)
editors/e2e/demo-repository.sh "$work/demo"
mkdir -p "$work/shots"
for editor in neovim emacs-eglot emacs-lsp-mode vim; do
  editors/e2e/editor.sh "$editor" "$work/cabhfuil-lsp" "$work/demo"
done
(cd editors/vscode && node ../e2e/vscode.mjs --server "$work/cabhfuil-lsp" --repository "$work/demo" --vsix cabhfuil.vsix --screenshots "$work/shots")
if [ -n "$shots" ]; then
  mkdir -p "$shots"
  cp "$work"/shots/*.png "$shots/"
fi
