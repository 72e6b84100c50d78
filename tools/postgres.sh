#!/bin/sh
# postgres.sh COMMAND...: runs a command with WARDLINE_TEST_POSTGRES set to an empty PostgreSQL of its own, which is gone afterwards.
# It listens on a socket in a temporary folder, so that no port is taken. initdb refuses root: then it runs as another user.
set -eu

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)
if [ -z "$bin" ]; then
	bin=$(command -v initdb >/dev/null 2>&1 && dirname "$(command -v initdb)" || true)
fi
if [ -z "$bin" ]; then
	echo "postgres.sh: there is no PostgreSQL here; on Debian: apt-get install postgresql" >&2
	exit 1
fi

dir=$(mktemp -d /tmp/wardline-pg.XXXXXX)
owner=$(id -un)
if [ "$(id -u)" = 0 ]; then
	owner=postgres
	id postgres >/dev/null 2>&1 || owner=nobody
	chown "$owner" "$dir"
	chmod 711 "$dir"
fi
as_owner() {
	if [ "$(id -un)" = "$owner" ]; then "$@"; else runuser -u "$owner" -- "$@"; fi
}

stop() {
	status=$?
	trap - EXIT INT TERM
	if [ -s "$dir/data/postmaster.pid" ]; then
		kill -INT "$(head -n 1 "$dir/data/postmaster.pid")" 2>/dev/null || true
		wait 2>/dev/null || true
	fi
	rm -rf "$dir"
	exit $status
}
trap stop EXIT
trap 'exit 130' INT TERM

cd "$dir"
as_owner "$bin/initdb" -D "$dir/data" -U wardline -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; exit 1; }
# Tests want speed; what survives a power cut is tested elsewhere. A benchmark says WARDLINE_TEST_POSTGRES_FSYNC=on.
fsync=${WARDLINE_TEST_POSTGRES_FSYNC:-off}
as_owner "$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses='' -c fsync="$fsync" -c full_page_writes="$fsync" -c max_connections=400 -c shared_buffers=128MB \
	>"$dir/log" 2>&1 &
tries=0
until "$bin/pg_isready" -q -h "$dir" -U wardline -d postgres; do
	tries=$((tries + 1))
	if [ $tries -gt 300 ]; then
		cat "$dir/log" >&2
		exit 1
	fi
	sleep 0.1
done
cd "$OLDPWD"
WARDLINE_TEST_POSTGRES="postgres://wardline@/postgres?host=$dir" "$@"
