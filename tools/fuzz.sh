#!/bin/sh
# fuzz.sh: looks for what nobody thought of, for FUZZ seconds in all (60). What a fuzzer finds it leaves in testdata/fuzz of its package.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh
sum=${FUZZ:-60}
list=$(grep -rn '^func Fuzz' --include='*_test.go' matrix clinical | sed 's/^\(.*\)\/[^/]*_test.go:[0-9]*:func \(Fuzz[A-Za-z0-9]*\).*/\1 \2/')
each=$((sum * 2 / 3 / $(echo "$list" | wc -l)))
[ "$each" -ge 1 ] || each=1
section "requests made from the specification's schemas, $((sum / 3)) s"
go test ./test/kernel -count 1 -run TestOdd_Generated -fuzz-for "$((sum / 3))s" -fuzz-seed "$(date +%s)"
echo "$list" | while read -r dir name; do
	section "$name in $dir, $each s"
	if said=$(go test "./$dir" -run '^$' -fuzz "^$name\$" -fuzztime "${each}s" -fuzzminimizetime 1x 2>&1); then
		echo "$said" | tail -1
		continue
	fi
	echo "$said"
	# The go command sometimes calls its own end of time a failure; it then names no input.
	case $said in
	*"Failing input"*) exit 1 ;;
	*"context deadline exceeded"*) echo "(no failure: the time was up)" ;;
	*) exit 1 ;;
	esac
done
