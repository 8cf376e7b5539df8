#!/bin/sh
# Holds every dashboard against the type that Grafana publishes (npm @grafana/schema): an unknown key, a wrong type or a
# missing key is an error of TypeScript's. Works below target/tools/schema; installs again only when the lock file changed.
#
# usage: scripts/dashboard-schema.sh [FILE…]      (default: dashboards/*.json)
set -eu

repository=$(cd "$(dirname "$0")/.." && pwd)
source=$repository/tools/dashboards/schema
work=$repository/target/tools/schema

for tool in node npm; do
    if ! command -v "$tool" >/dev/null; then
        echo "dashboard-schema: left out: '$tool' is not on this machine (apt-get install nodejs npm)" >&2
        [ -z "${CI:-}" ] && exit 0
        exit 1
    fi
done
[ "$#" -gt 0 ] || set -- "$repository"/dashboards/*.json

mkdir -p "$work"
if ! cmp -s "$source/package-lock.json" "$work/package-lock.json" || ! [ -e "$work/installed" ]; then
    rm -f "$work/installed"
    cp "$source/package.json" "$source/package-lock.json" "$work"
    (cd "$work" && npm ci --ignore-scripts --no-fund --no-audit --loglevel=error)
    touch "$work/installed"
fi

# A JSON file is an expression of TypeScript's; only one that is written out is searched for unknown keys.
rm -f "$work"/*.ts
cp "$source/written.ts" "$work"
for file in "$@"; do
    {
        echo "import type { DashboardFile } from './written';"
        printf 'export const dashboard = %s satisfies DashboardFile;\n' "$(cat "$file")"
    } >"$work/$(basename "$file" .json).ts"
done
(cd "$work" && node_modules/.bin/tsc --noEmit --strict --skipLibCheck --target es2022 --module preserve --types '' ./*.ts)
echo "dashboard-schema: $# dashboards satisfy Grafana's type"
