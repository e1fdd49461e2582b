#!/bin/bash
# The scenario of editor.sh in Kakoune with kakoune-lsp.
#
#   kakoune.sh SCRATCH
scratch=$1 program=kak
. "$(dirname "$0")/terminal.sh"

mkdir -p "$HOME/.config/kak"
cat >"$HOME/.config/kak/kakrc" <<KAK
eval %sh{kak-lsp}
source $scratch/editors/kakoune/cabhfuil.kak
lsp-enable
KAK

# run COMMAND gives a command at the prompt.
run() {
  type_text ":$1"
  keys Enter
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

result
