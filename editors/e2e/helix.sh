#!/bin/bash
# The scenario of editor.sh in Helix.
#
#   helix.sh SCRATCH
scratch=$1 program=hx
. "$(dirname "$0")/terminal.sh"

mkdir -p "$HOME/.config/helix"
cp "$scratch/editors/helix/languages.toml" "$HOME/.config/helix/"

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

result
