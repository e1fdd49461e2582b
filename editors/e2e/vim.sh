#!/bin/bash
# Starts Vim without a terminal for the scenario; its messages become lines.
#
#   vim.sh SCRATCH
set -euo pipefail
export CABHFUIL_REPORT=$1/report
: >"$CABHFUIL_REPORT"
status=0
timeout 300 vim -T dumb --not-a-term -N -n -i NONE -u "$1/editors/e2e/vimrc" "$1/clone/CHANGELOG.md" \
  -S "$1/editors/e2e/scenario.vim" >"$1/vim.out" 2>&1 </dev/null || status=$?
cat "$CABHFUIL_REPORT"
[ $status = 0 ] || tail -n 20 "$1/vim.out" >&2
exit $status
