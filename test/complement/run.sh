#!/bin/sh
# run.sh CHECKOUT: Complement's tests of the client-server API against this program, on one server.
# CHECKOUT is a folder with Complement's source (github.com/matrix-org/complement; tried at 50044edb), which is changed: its tests start
# bin/wardline in place of a container. Fails when a test fails that is not in expected.txt, or one that is there passes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:?usage: run.sh CHECKOUT}"
cp "$here/deployment.txt" wardline.go
python3 "$here/patch.py" test_package.go tests/csapi/main_test.go
WARDLINE="$here/../../bin/wardline" COMPLEMENT_BASE_IMAGE=none go test ./tests/csapi -count 1 -json | python3 "$here/judge.py" "$here/expected.txt"
