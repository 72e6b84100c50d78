# Shared by the scripts here: . tools/say.sh
# shellcheck shell=sh

# section TITLE: a heading that is found again in a long log.
section() { printf '\n== %s\n' "$*"; }

# quiet TITLE COMMAND...: one line while it works; all of its output when it fails.
quiet() {
	title=$1
	shift
	quiet_began=$(date +%s)
	out=$(mktemp "${TMPDIR:-/tmp}/wardline.XXXXXX")
	printf '%s … ' "$title"
	if "$@" >"$out" 2>&1; then
		printf 'done, %s s\n' "$(($(date +%s) - quiet_began))"
		rm -f "$out"
		return 0
	fi
	printf 'did not work:\n'
	cat "$out"
	rm -f "$out"
	return 1
}

have() { command -v "$1" >/dev/null 2>&1; }
