#!/bin/sh
# Draws the dashboards with Grafana's own panel components, over a real Prometheus that has scraped the incident: in the
# outage and after it. The pictures below docs/pictures are replaced. Records the incident first, at the shipped
# intervals, which takes about twenty minutes, unless a recording is below target/tools/preview/recorded.
#
# usage: scripts/preview.sh [--record]      (--record: throws the recording away and makes a new one)
set -eu

repository=$(cd "$(dirname "$0")/.." && pwd)
source=$repository/tools/preview
work=$repository/target/tools/preview
recorded=$work/recorded
prometheus=$repository/target/real/bin/prometheus

for tool in node npm chromium pngquant; do
    if ! command -v "$tool" >/dev/null; then
        echo "preview: '$tool' is not on this machine (apt-get install nodejs npm chromium pngquant)" >&2
        exit 1
    fi
done
if ! [ -x "$prometheus" ]; then
    echo "preview: there is no $prometheus (make real)" >&2
    exit 1
fi

mkdir -p "$work/drawn"
if ! cmp -s "$source/package-lock.json" "$work/package-lock.json" || ! [ -e "$work/installed" ]; then
    rm -f "$work/installed"
    cp "$source/package.json" "$source/package-lock.json" "$work"
    # Grafana asks for React 19, and some of what it stands on for an older one.
    (cd "$work" && npm ci --ignore-scripts --legacy-peer-deps --no-fund --no-audit --loglevel=error)
    touch "$work/installed"
fi
cp "$source"/*.html "$source"/*.js "$source"/*.jsx "$source"/*.mjs "$work"

[ "${1:-}" != --record ] || rm -rf "$recorded"
if ! [ -e "$recorded/moments.json" ]; then
    rm -rf "$recorded"
    mkdir -p "$recorded"
    (cd "$repository" && cargo run --example incident -- --record "$recorded")
fi

rm -f "$work"/drawn/*.png
(cd "$work" && node look.mjs "$prometheus" "$recorded" "$repository/dashboards" "$work/drawn" "$(command -v chromium)")
for picture in "$work"/drawn/*.png; do
    pngquant --force --speed 1 --output "$repository/docs/pictures/dashboard-$(basename "$picture")" 128 -- "$picture"
done
ls -l "$repository"/docs/pictures/dashboard-*.png
