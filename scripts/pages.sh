#!/bin/sh
# Looks at the pages of a running linkwatch (`make demo` in another terminal): pictures below target/tools/pages/pictures,
# and what axe-core says of their accessibility. Exits 1 for any serious finding.
#
# usage: scripts/pages.sh [URL [PATH…]]      (default: http://127.0.0.1:9716)
set -eu

repository=$(cd "$(dirname "$0")/.." && pwd)
work=$repository/target/tools/pages
url=${1:-http://127.0.0.1:9716}
[ "$#" -eq 0 ] || shift

for tool in node npm chromium; do
    if ! command -v "$tool" >/dev/null; then
        echo "pages: '$tool' is not on this machine (apt-get install nodejs npm chromium)" >&2
        exit 1
    fi
done

mkdir -p "$work/pictures"
cp "$repository/tools/pages/package.json" "$repository/tools/pages/package-lock.json" "$repository/tools/pages/look.mjs" "$work"
[ -d "$work/node_modules" ] || (cd "$work" && npm ci --ignore-scripts --no-fund --no-audit --loglevel=error)
node "$work/look.mjs" "$url" "$work/pictures" "$(command -v chromium)" "$@"
