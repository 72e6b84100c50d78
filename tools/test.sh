#!/bin/sh
# test.sh: everything that must be true before a change is taken. Sections end with what they took; the first failure ends it.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh
export npm_config_loglevel=error NO_COLOR=1
staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2
began=$(date +%s)

section "what this needs"
tools/need.sh test
echo "$(go version), node $(node --version), $(nproc) processors"

section "form: gofmt, vet, staticcheck"
unformed=$(gofmt -l $(git ls-files '*.go'))
if [ -n "$unformed" ]; then
	echo "not as gofmt writes it:"
	echo "$unformed"
	exit 1
fi
quiet "go vet" go vet ./...
if GOBIN=$PWD/.cache/bin quiet "staticcheck itself" go install "$staticcheck"; then
	quiet "staticcheck" .cache/bin/staticcheck ./...
else
	echo "staticcheck cannot be had here; left out"
fi

section "web: types, unit tests, build, size"
quiet "packages" make -s web/node_modules/.stamp
quiet "types" npm --prefix web run check
npm --prefix web test
quiet "build" make -s bin/wardline
npm --prefix web run budget

section "go: tests with race, SQLite and PostgreSQL"
race=-race
have gcc || { race=; echo "no C compiler: without -race"; }
with=tools/postgres.sh
$with true || { with=; echo "no PostgreSQL: SQLite only"; }
# The race detector finds nothing in a pure function, nor more in many random lives than in one, and takes ten times as long: those have a run of their own.
# What comes out is held to the hazard log: a control without a test that passed ends this.
# shellcheck disable=SC2086
{
	$with go test -json $race -timeout 20m ./... || true
	go test -json ./clinical/paging -run EveryWay || true
	go test -json ./test/scenario -run EveryInstant || true
} | go run ./test/safety/prove docs/safety/hazards.yaml

section "oracle: events and verdicts beside an implementation not ours"
(cd test/oracle && GOEXPERIMENT=jsonv2 go test ./...)

section "mautrix-go on our server: a client and a bridge"
(cd test/oracle && go test -tags goolm ./client)

section "benchmark, its quick form: is every answer right?"
quiet "bench" go run ./test/bench -quick

if [ -f test/jssdk/package.json ]; then
	section "matrix-js-sdk on our server"
	quiet "packages" make -s test/jssdk/node_modules/.stamp
	npm --prefix test/jssdk test
fi

section "oidc-provider signs people in to our server"
quiet "packages" make -s test/op/node_modules/.stamp
npm --prefix test/op test

section "dex signs people in to our server"
(cd test/dex && go test ./...)

section "matrix-nio on our server"
if tools/need.sh nio; then
	.cache/nio/bin/python test/nio/client.py bin/wardline
else
	echo "matrix-nio cannot be had here; left out"
fi

section "FHIR directory beside models that are not ours"
if tools/need.sh fhir; then
	out=$(mktemp -d)
	WARDLINE_FHIR_OUT=$out go test ./test/scenario -count 1 -run FHIRDirectory
	.cache/fhir/bin/python test/fhir/validate.py "$out"
	rm -rf "$out"
else
	echo "fhir.resources cannot be had here; left out"
fi

if [ -f web/e2e/story.mjs ]; then
	section "browser: the story, on a phone's and a desk's screen"
	quiet "packages" make -s web/e2e/node_modules/.stamp
	npm --prefix web/e2e run story
	npm --prefix web/e2e run chat
	npm --prefix web/e2e run device
	npm --prefix web/e2e run lossy
	npm --prefix web/e2e run tabs
	npm --prefix web/e2e run duty
	npm --prefix web/e2e run group
	npm --prefix web/e2e run ask
	npm --prefix web/e2e run media
	npm --prefix web/e2e run reach
	npm --prefix web/e2e run policy
	npm --prefix web/e2e run emergency
	npm --prefix web/e2e run switchboard
	npm --prefix web/e2e run testpage
	npm --prefix web/e2e run signin
	npm --prefix web/e2e run ldap
	npm --prefix web/e2e run arrange
	npm --prefix web/e2e run clips
	npm --prefix web/e2e run files
	npm --prefix web/e2e run own
	npm --prefix web/e2e run everyday
	npm --prefix web/e2e run edges

	section "browser: a large trust and a long shift, in short"
	npm --prefix web/e2e run scale
	section "browser: the fluidity budgets, in short: bytes and the processor's time"
	npm --prefix web/e2e run budgets -- -quick
fi

section "all of it passed, $(($(date +%s) - began)) s"
