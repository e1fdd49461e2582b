#!/bin/bash
# Makes the folder that an end-to-end test opens: a clone of a repository that
# shares its objects, so that nothing is written to the original, with a
# changelog and a source file that name two of its commits. Prints what is to be
# expected there as lines of name=value.
#
#   fixture.sh REPOSITORY DIRECTORY     DIRECTORY must not exist yet
set -euo pipefail

repository=$(realpath "${1:?usage: fixture.sh REPOSITORY DIRECTORY}")
directory=${2:?usage: fixture.sh REPOSITORY DIRECTORY}
[ -e "$directory" ] && { echo "$directory is there already" >&2; exit 2; }

unset $(git rev-parse --local-env-vars)
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null

# No checkout: the blobs of a mirror may be absent, and no check needs them.
git clone --quiet --shared --no-checkout --template= "$repository" "$directory"
cd "$directory"

# Not the tip: an older commit has had the time to reach tags and lines.
sha=$(git rev-list --no-merges --skip=2 --max-count=1 HEAD)
other=$(git rev-list --no-merges --skip=1 --max-count=1 HEAD)
subject=$(git log -1 --format=%s "$sha")

cat >CHANGELOG.md <<MD
# Changelog

- $subject (${sha:0:12}).
- $(git log -1 --format=%s "$other") ($other).

Not a commit: deadbeef1.
MD
mkdir -p e2e
cat >e2e/example.py <<PY
def stop(valves):
    for valve in valves:
        # Since ${sha:0:12} a valve is drained before it closes.
        valve.close(drain=True)
PY

# A message that is being written, with a name of no commit and one to complete.
cat >.git/COMMIT_EDITMSG <<MSG
Drain the valves twice

Fixes: deadbeefdead ("No such change")
MSG

# A source file as HEAD has it, where it is the demo repository.
source=src/engine.py
if git cat-file -e "HEAD:$source" 2>/dev/null; then
  mkdir -p src
  git show "HEAD:$source" >"$source"
else
  source=
fi

# The only release line, where there is one, and a commit that it lacks.
line=$(git for-each-ref --format='%(refname:lstrip=3)' refs/remotes/origin/stable)
lacked=
case $line in
*$'\n'*) line= ;;
?*) lacked=$(git rev-list --no-merges --max-count=1 "origin/$line..HEAD") ;;
esac

printf '%s=%s\n' directory "$PWD" sha "$sha" other "$other" subject "$subject" \
  upstream "$(git symbolic-ref --short HEAD)" line "$line" lacked "$lacked" source "$source"
