#!/bin/bash
# The scenario of editor.sh in Kakoune with kakoune-lsp: in a terminal of its own,
# by tmux, whose screen is what the checks look at.
#
#   kakoune.sh SCRATCH
set -euo pipefail
scratch=$1
fact() { sed -n "s/^$1=//p" "$scratch/facts"; }
sha=$(fact sha) subject=$(fact subject) upstream=$(fact upstream) directory=$(fact directory)
short=${sha:0:12}
patience=60 # seconds; a large repository has to be read first
passed=0 failed=0 last=

mkdir -p "$HOME/.config/kak"
cat >"$HOME/.config/kak/kakrc" <<KAK
eval %sh{kak-lsp}
source $scratch/editors/kakoune/cabhfuil.kak
lsp-enable
KAK
tmux() { command tmux -S "$scratch/tmux" "$@"; }
trap 'tmux kill-server 2>/dev/null || true' EXIT

screen() { tmux capture-pane -p -t kak; }
keys() { tmux send-keys -t kak "$@"; }
type_text() { tmux send-keys -t kak -l -- "$1"; }
# run COMMAND gives a command at the prompt.
run() {
  type_text ":$1"
  keys Enter
}

# open FILE starts Kakoune anew with a file.
open() {
  tmux kill-session -t kak 2>/dev/null || true
  tmux new-session -d -s kak -x 160 -y 50 "kak '$1'; echo ended; sleep 5"
  shows "$(basename "$1")"
}
# shows TEXT… waits until the screen has each of them.
shows() {
  local end=$((SECONDS + ${wait:-$patience})) text all
  while [ $SECONDS -lt $end ]; do
    all=1
    for text; do screen | grep -qF -- "$text" || all=; done
    [ "$all" ] && return
    sleep 0.1
  done
  return 1
}
# until_shown PRESS TEXT… runs PRESS until the screen shows each text, since an
# answer may come before the commits are read.
until_shown() {
  local end=$((SECONDS + patience)) press=$1
  shift
  while [ $SECONDS -lt $end ]; do
    $press
    if wait=4 shows "$@"; then return; fi
    last=$(screen)
    keys Escape Escape
  done
  return 1
}
check() {
  local feature=$1 name=$2
  shift 2
  if "$@"; then
    passed=$((passed + 1))
    echo "PASS $feature: $name"
  else
    failed=$((failed + 1))
    echo "FAIL $feature: $name"
    printf '%s\n' "$last" | sed 's/^/    /' | grep -v '^ *$' | head -n 30
  fi
  keys Escape Escape
}
# Shows the changelog with the cursor in the SHA.
go() {
  keys Escape Escape
  run "edit $directory/CHANGELOG.md"
  type_text "gg/$short"
  keys Enter
}

# Debian's says "Kakoune " and no more.
version=$(kak -version | grep -oE '[0-9]{4}([.][0-9]+)+') || version=$(dpkg-query -W -f '${Version}' kakoune | cut -d- -f1)
echo "EDITOR Kakoune $version, kakoune-lsp $(kak-lsp --version)"
open "$directory/CHANGELOG.md"

hover() { go; run lsp-hover; }
check hover 'a hover on a SHA shows the commit and its lines' until_shown hover "$short" "✓ $upstream"

# kakoune-lsp marks a line in its first column, and asks what a lens says when it is run.
lenses() { go; run lsp-code-lens; }
check lenses 'the line is marked, and lsp-code-lens shows what its lens says' until_shown lenses ">- $subject" "✓ $upstream"
echo 'NOTE lenses: The line is marked, and `lsp-code-lens` shows what its lens says'

echo 'LACKS commit: The configuration has no commit buffers; go to definition opens the commit as a file'
echo 'LACKS search: The configuration has no search but that of symbols'
echo 'LACKS missing: The configuration has no list of what a line lacks'

symbols() { go; run "lsp-workspace-symbol '$subject'"; }
check symbols 'lsp-workspace-symbol lists the commit' until_shown symbols "*symbols*" "$short $subject"

commands() { go; type_text ':lsp-execute-command cabhfuil.'; }
check command 'the server'\''s commands are offered' until_shown commands cabhfuil.where cabhfuil.missing
echo 'NOTE command: They can be run, but their results are not shown'

definition() { go; run lsp-definition; }
check definition 'lsp-definition opens the commit' until_shown definition "commit $sha"

open "$directory/.git/COMMIT_EDITMSG"
diagnostics() { keys Escape; run lsp-diagnostics; }
check diagnostics 'a message that names no commit is marked' until_shown diagnostics '*diagnostics*' 'deadbeefdead'

open "$directory/.git/COMMIT_EDITMSG"
completion() {
  keys Escape
  type_text 'ggo'
  type_text "Fixes: ${subject%% *}"
}
check completion 'Fixes: completes words of a subject' until_shown completion "$short $subject"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
