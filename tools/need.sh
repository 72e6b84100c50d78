#!/bin/sh
# need.sh build|test|nio|fhir: installs what is missing when this is Debian and we are root; otherwise says exactly what to install.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh

# nio: matrix-nio in a Python environment of its own, in .cache. It is a test that may be left out.
if [ "${1:-}" = nio ]; then
	want=test/nio/requirements.txt
	cmp -s "$want" .cache/nio/installed.txt && exit 0
	have python3 || exit 1
	quiet "fetching matrix-nio" sh -c "rm -rf .cache/nio && python3 -m venv .cache/nio && .cache/nio/bin/pip install -q --disable-pip-version-check -r $want" || exit 1
	cp "$want" .cache/nio/installed.txt
	exit 0
fi

# fhir: a validator of FHIR resources, likewise.
if [ "${1:-}" = fhir ]; then
	want=test/fhir/requirements.txt
	cmp -s "$want" .cache/fhir/installed.txt && exit 0
	have python3 || exit 1
	quiet "fetching fhir.resources" sh -c "rm -rf .cache/fhir && python3 -m venv .cache/fhir && .cache/fhir/bin/pip install -q --disable-pip-version-check -r $want" || exit 1
	cp "$want" .cache/fhir/installed.txt
	exit 0
fi

missing=''
broken=0
need() { missing="$missing $*"; }

# at_least WANT HAVE: compares two version numbers.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

if ! have go; then
	echo "Go is missing: install Go 1.26 or newer (https://go.dev/dl), and put it into PATH."
	broken=1
elif ! at_least 1.26 "$(go env GOVERSION | sed 's/^go//')"; then
	echo "Go is $(go env GOVERSION); wardline needs 1.26 or newer (https://go.dev/dl)."
	broken=1
fi
if ! have node || ! have npm; then
	need nodejs npm
elif ! at_least 20.19 "$(node --version | sed 's/^v//')"; then
	echo "Node is $(node --version); the web app needs 20.19 or newer (https://nodejs.org)."
	broken=1
fi

if [ "${1:-build}" = test ]; then
	have gcc || need gcc libc6-dev # go test -race
	have chromium || have chromium-browser || have google-chrome || need chromium
	have python3 || need python3-venv # for matrix-nio
	have slapd || [ -x /usr/sbin/slapd ] || need slapd # a directory server to import people from
	have strace || need strace # makes fsync fail
	{ have initdb && have postgres; } || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || need postgresql
fi

if [ -n "$missing" ]; then
	if [ "$(id -u)" = 0 ] && have apt-get; then
		export DEBIAN_FRONTEND=noninteractive
		# shellcheck disable=SC2086
		quiet "installing$missing" sh -c "apt-get install -y --no-install-recommends $missing || { apt-get update && apt-get install -y --no-install-recommends $missing; }" || broken=1
	else
		echo "Missing:$missing. On Debian or Ubuntu:"
		echo "    sudo apt-get install$missing"
		broken=1
	fi
fi
exit $broken
