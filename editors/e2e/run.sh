#!/bin/bash
# Runs the end-to-end tests in real editors: builds the server and the extension,
# makes the demo repository, and drives Neovim, Emacs, Vim and VS Code headless.
#
#   run.sh [SCREENSHOTS]   screenshots go to that folder, or nowhere
#
# With PICTURES=1 those of the documentation and the walkthrough are made anew, in
# docs/images and editors/vscode/media/walkthrough. Look at each before it is kept.
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
failed=0
pictures=()
[ -n "${PICTURES:-}" ] && pictures=(--pictures)
(cd editors/vscode && node ../e2e/vscode.mjs --server "$work/cabhfuil-lsp" --repository "$work/demo" --vsix cabhfuil.vsix --screenshots "$work/shots" "${pictures[@]}") || failed=1
if [ -n "${PICTURES:-}" ]; then
  # Few colours make small files; the quality keeps thin signs of the theme's colours.
  for picture in "$work"/shots/docs/*.png "$work"/shots/walkthrough/*.png; do
    pngquant --force --ext .png --strip --speed 1 --quality 85-100 256 "$picture"
    optipng -quiet -o2 "$picture"
  done
  cp "$work"/shots/docs/*.png docs/images/
  cp "$work"/shots/walkthrough/*.png editors/vscode/media/walkthrough/
fi
if [ -n "$shots" ]; then
  mkdir -p "$shots"
  cp -r "$work"/shots/. "$shots/"
fi
exit "$failed"
