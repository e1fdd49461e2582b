#!/bin/bash
# The scenario of editor.sh in Helix: in a terminal of its own, by tmux, whose
# screen is what the checks look at.
#
#   helix.sh SCRATCH
set -euo pipefail
scratch=$1
fact() { sed -n "s/^$1=//p" "$scratch/facts"; }
sha=$(fact sha) subject=$(fact subject) upstream=$(fact upstream) directory=$(fact directory)
short=${sha:0:12}
patience=60 # seconds; a large repository has to be read first
passed=0 failed=0

mkdir -p "$HOME/.config/helix"
cp "$scratch/editors/helix/languages.toml" "$HOME/.config/helix/"
tmux() { command tmux -S "$scratch/tmux" "$@"; }
trap 'tmux kill-server 2>/dev/null || true' EXIT

screen() { tmux capture-pane -p -t hx; }
keys() { tmux send-keys -t hx "$@"; }
type_text() { tmux send-keys -t hx -l -- "$1"; }

# open FILE starts Helix anew with a file.
open() {
  tmux kill-session -t hx 2>/dev/null || true
  tmux new-session -d -s hx -x 160 -y 50 "hx '$1'; echo ended; sleep 5"
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
# Puts the cursor onto the SHA.
go() {
  keys Escape Escape
  type_text "gg/$short"
  keys Enter
}

echo "EDITOR Helix $(hx --version | cut -d' ' -f2)"
open "$directory/CHANGELOG.md"

hover() { go; keys Space k; }
check hover 'a hover on a SHA shows the commit and its lines' until_shown hover "$short" "✓ $upstream"

echo 'LACKS lenses: Helix draws no code lenses'
echo 'LACKS commit: Helix has no plugins; go to definition opens the commit as a file'
echo 'LACKS search: Helix has no plugins; the picker of symbols searches'
echo 'LACKS missing: Helix has no plugins'

symbols() { go; keys Space S; type_text "$subject"; } # Escape Space would be one key
check symbols 'the picker of workspace symbols finds the commit' until_shown symbols "$short $subject"

commands() { keys Escape; type_text ':lsp-workspace-command'; keys Enter; }
check command 'the server'\''s commands are offered' until_shown commands cabhfuil.where cabhfuil.missing
echo 'NOTE command: They can be run, but their results are not shown'

definition() { go; type_text gd; }
check definition 'gd opens the commit' until_shown definition "commit $sha"

open "$directory/.git/COMMIT_EDITMSG"
diagnostics() { keys Escape; type_text 3gg; keys Space d; }
check diagnostics 'a message that names no commit is marked' until_shown diagnostics fixes-unknown

completion() {
  keys Escape
  type_text 'ggo'
  type_text "Fixes: ${subject%% *}"
  keys C-x
}
check completion 'Fixes: completes words of a subject' until_shown completion "$short $subject"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
