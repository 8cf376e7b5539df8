#!/bin/sh
# Holds what `linkwatch bundle operator` writes against the schemas of the Prometheus operator (npm
# @kubernetes-models/prometheus-operator): wrong values, missing and unknown keys. Works below target/tools/operator;
# installs again only when the lock file changed.
#
# usage: scripts/operator-schema.sh [FILE]      (default: what the program of this checkout writes)
set -eu

repository=$(cd "$(dirname "$0")/.." && pwd)
source=$repository/tools/operator
work=$repository/target/tools/operator

for tool in node npm; do
    if ! command -v "$tool" >/dev/null; then
        echo "operator-schema: left out: '$tool' is not on this machine (apt-get install nodejs npm)" >&2
        [ -z "${CI:-}" ] && exit 0
        exit 1
    fi
done

mkdir -p "$work"
if ! cmp -s "$source/package-lock.json" "$work/package-lock.json" || ! [ -e "$work/installed" ]; then
    rm -f "$work/installed"
    cp "$source/package.json" "$source/package-lock.json" "$work"
    (cd "$work" && npm ci --ignore-scripts --no-fund --no-audit --loglevel=error)
    touch "$work/installed"
fi
cp "$source/judge.mjs" "$work"

# Whether the resources in file $1 are what the operator takes.
judge() {
    rm -rf "$work/resources"
    mkdir "$work/resources"
    (cd "$work" && node judge.mjs resources <"$1" &&
        node_modules/.bin/tsc --noEmit --strict --skipLibCheck --target es2022 --module preserve --types '' resources/*.ts)
}

if [ "$#" -eq 0 ]; then
    (cd "$repository" && cargo run --quiet -- bundle operator) >"$work/resources.yml"
    set -- "$work/resources.yml"
fi
file=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
judge "$file"

# The judge judges: one wrong value, and one key that the operator does not know.
for edit in 's/interval: *30s/interval: soon/' 's/^\( *\)module:/\1modul:/'; do
    sed "$edit" "$file" >"$work/spoilt.yml"
    if ! cmp -s "$file" "$work/spoilt.yml" && judge "$work/spoilt.yml" >/dev/null 2>&1; then
        echo "operator-schema: what was spoilt by $edit passes: the judge is broken" >&2
        exit 1
    fi
done
echo "operator-schema: $(grep -c '^kind:' "$file") resources are what the Prometheus operator takes"
