# Daily verbs. `make help` lists them.
.POSIX:
.PHONY: help run fresh build test check fuzz bench fluid soak durability screenshots clean

VERSION != git describe --tags --always --dirty 2>/dev/null || echo dev
GO_SRC != find app clinical cmd edge ground matrix web/embed.go -type f ! -name '*_test.go' ! -path '*/testdata/*'
WEB_SRC != find web/src web/public web/scripts web/index.html web/vite.config.ts web/tsconfig.json web/svelte.config.js -type f
ARGS =
FUZZ = 60

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r verb what; do printf '  make %-12s %s\n' "$$verb" "$$what"; done

run: build ## a hospital to try it with: builds what is missing and prints one address (ARGS="-listen 127.0.0.1:9000")
	@bin/wardline demo $(ARGS)

fresh: build ## the same, starting over
	@bin/wardline demo -fresh $(ARGS)

build: bin/wardline ## the web app and the program, one static file in bin/

test: ## everything that must pass before a change is taken; .ci/run calls it
	@tools/test.sh

check: ## what is quick to know: form, vet, house rules, Go tests on SQLite
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	@go vet ./...
	@go test ./...

fuzz: ## looks for what nobody thought of, for a minute (FUZZ=600 for ten)
	@FUZZ=$(FUZZ) tools/fuzz.sh

bench: build ## how fast it is here: throughput, latency, memory, processor time a message
	@go run ./test/bench $(ARGS)

durability: ## kills the server 200 times under load on each engine, 100,000 connections, slow clients; takes minutes
	@tools/postgres.sh go test -count 1 -timeout 60m ./test/process -run 'Kill|Trouble|Overload' -long

fluid: build web/e2e/node_modules/.stamp ## the web app's fluidity budgets, measured in a browser: minutes (ARGS=-md for a table)
	@cd web/e2e && node budgets.mjs $(ARGS)

soak: build web/e2e/node_modules/.stamp ## a long shift in a large trust: 10,000 messages, 2,000 photos, eight hours in minutes
	@SOAK=long npm --prefix web/e2e run scale

screenshots: build web/e2e/node_modules/.stamp ## new pictures for README and docs
	@npm --prefix web/e2e run screenshots

clean: ## removes what was built; the demo's data stays
	@rm -rf bin .cache web/node_modules web/e2e/node_modules test/jssdk/node_modules test/op/node_modules
	@find web/dist -mindepth 1 ! -name .gitkeep -delete

bin/wardline: $(GO_SRC) go.mod go.sum web/dist/index.html
	@. tools/say.sh; quiet "building the program" env CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X wardline/app.Version=$(VERSION)" -o bin/wardline ./cmd/wardline

web/dist/index.html: web/node_modules/.stamp $(WEB_SRC)
	@. tools/say.sh; quiet "building the web app" npm --prefix web run build
	@touch web/dist/.gitkeep $@

web/node_modules/.stamp: web/package-lock.json
	@tools/need.sh build
	@. tools/say.sh; quiet "fetching the web app's packages" npm --prefix web ci --no-audit --no-fund
	@touch $@

web/e2e/node_modules/.stamp: web/e2e/package-lock.json
	@. tools/say.sh; quiet "fetching the browser tests' packages" npm --prefix web/e2e ci --no-audit --no-fund
	@touch $@

test/jssdk/node_modules/.stamp: test/jssdk/package-lock.json
	@. tools/say.sh; quiet "fetching matrix-js-sdk" npm --prefix test/jssdk ci --no-audit --no-fund
	@touch $@

test/op/node_modules/.stamp: test/op/package-lock.json
	@. tools/say.sh; quiet "fetching oidc-provider" npm --prefix test/op ci --no-audit --no-fund
	@touch $@
