# What scenarios in a terminal of its own share: it runs in tmux, and the checks look
# at its screen. Whoever reads this file has set scratch, and program, which is the
# editor that open starts.
set -euo pipefail
fact() { sed -n "s/^$1=//p" "$scratch/facts"; }
sha=$(fact sha) subject=$(fact subject) upstream=$(fact upstream) directory=$(fact directory)
short=${sha:0:12}
patience=60 # seconds; a large repository has to be read first
passed=0 failed=0 last=

tmux() { command tmux -S "$scratch/tmux" "$@"; }
trap 'tmux kill-server 2>/dev/null || true' EXIT

screen() { tmux capture-pane -p -t editor; }
keys() { tmux send-keys -t editor "$@"; }
type_text() { tmux send-keys -t editor -l -- "$1"; }

# open FILE starts the editor anew with a file.
open() {
  tmux kill-session -t editor 2>/dev/null || true
  tmux new-session -d -s editor -x 160 -y 50 "$program '$1'; echo ended; sleep 5"
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
# result tells how many checks passed, and fails where one did not.
result() {
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}
