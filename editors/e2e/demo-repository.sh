#!/bin/bash
# Builds the repository that the end-to-end tests show and hover: an engine with
# a release line, two tags, a fix that landed on both, and one that did not.
# Names, dates and so all SHAs are the same on every run and every machine.
#
#   demo-repository.sh DIRECTORY     DIRECTORY must not exist yet
set -euo pipefail

directory=${1:?usage: demo-repository.sh DIRECTORY}
[ -e "$directory" ] && { echo "$directory is there already" >&2; exit 2; }

# The host's configuration may sign, template or rename; none of it takes part.
unset $(git rev-parse --local-env-vars)
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null TZ=UTC
export GIT_AUTHOR_NAME='Aoife Byrne' GIT_AUTHOR_EMAIL=aoife@example.org
export GIT_COMMITTER_NAME='Aoife Byrne' GIT_COMMITTER_EMAIL=aoife@example.org

git init --quiet --template= --initial-branch=main "$directory"
cd "$directory"

day=0
# commit MESSAGE records all changes, one day after the commit before.
commit() {
  day=$((day + 1))
  local when
  when=$(printf '2025-03-%02dT12:00:00+00:00' "$day")
  git add --all
  GIT_AUTHOR_DATE=$when GIT_COMMITTER_DATE=$when git commit --quiet --message="$1"
}
# tag NAME marks HEAD as released, at the commit's own time.
tag() { GIT_COMMITTER_DATE=$(git log -1 --format=%cI) git tag --annotate --message="Release $1" "$1"; }

mkdir src
cat >src/engine.py <<'PY'
"""Starts and stops the engine."""


def start(valves):
    for valve in valves:
        valve.open()
PY
printf 'Engine\n======\n' >README.md
commit 'Start the engine'

cat >>src/engine.py <<'PY'


def stop(valves):
    for valve in valves:
        valve.close()
PY
commit 'Stop the engine'
tag v1.0
git branch stable/1

sed -i 's/valve.close()/valve.close(drain=True)/' src/engine.py
commit 'Fix leak in engine

Valves kept their last litre when the engine stopped. Drain them.

Fixes: #12'
leak=$(git rev-parse HEAD)

cat >>src/engine.py <<'PY'


def pressure(valves):
    return max(valve.pressure for valve in valves)
PY
commit 'Report the pressure'
pressure=$(git rev-parse HEAD)
tag v1.1

# The release line takes the fix under another SHA.
git checkout --quiet stable/1
sed -i 's/valve.close()/valve.close(drain=True)/' src/engine.py
commit "Fix leak in engine

Valves kept their last litre when the engine stopped. Drain them.

Fixes: #12
(cherry picked from commit $leak)"
tag v1.0.1
backport=$(git rev-parse HEAD)

git checkout --quiet main
cat >CHANGELOG.md <<MD
# Changelog

## 1.1

- The engine no longer leaks when it stops (${leak:0:12}).
- Pressure is reported ($pressure).

## 1.0.1

- The leak fix for the stable line (${backport:0:10}).

Not a commit: deadbeef1.
MD
sed -i "s|^def stop(valves):|&\n    # Draining came with ${leak:0:12}.|" src/engine.py
commit 'Write the changelog'
