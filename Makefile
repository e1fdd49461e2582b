# What people run. `make help` lists it.
SHELL := /bin/bash
GO ?= go
BIN := bin/cabhfuil-lsp
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0
FUZZTIME ?= 30s
REPO ?= .

.PHONY: help build test exttest lint fuzz together bench series paths refs lineage contents cards lenses e2e editors generate ext

help: ## list the targets
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

build: ## build bin/cabhfuil-lsp
	$(GO) build -o $(BIN) ./cmd/cabhfuil-lsp

test: lint ## what has to pass: linters, then all tests with the race detector, then the extension's
	$(GO) test -race ./...
	$(MAKE) exttest

exttest: ## the extension's types, linter and tests
	cd editors/vscode && npm ci --no-audit --no-fund --silent && npm run --silent check && npm run --silent lint && npm test --silent

lint: ## gofmt, vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

fuzz: ## each fuzz test for FUZZTIME (30s, or 2000x)
	@set -e; for pkg in $$($(GO) list ./...); do \
	  dir=$$($(GO) list -f '{{.Dir}}' $$pkg); \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$dir/*_test.go 2>/dev/null | sed 's/func //'); do \
	    echo "== $$pkg $$f"; $(GO) test $$pkg -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME); \
	  done; done

together: ## windows (Neovims too), terminals and the background process, killed 100 times in random order
	CABHFUIL_TEST_KILLS=100 $(GO) test -race -count=1 -timeout 60m -run "TestBackground(Together|Neovim)" -v ./cmd/cabhfuil-lsp

bench: build ## measure against git on REPO=<a full clone>
	$(GO) run ./internal/bench -bin $(BIN) -repo $(REPO)

series: build ## change refs of a copy of REPO while a server runs, against git
	$(GO) run ./internal/bench/series -bin $(BIN) -repo $(REPO)

paths: build ## hold file: against git log on REPO
	$(GO) run ./internal/bench/paths -bin $(BIN) -repo $(REPO)

refs: build ## the time to index REPO with few and with many refs
	$(GO) run ./internal/bench/refs -bin $(BIN) -repo $(REPO)

lineage: ## what lineage finds in REPO, and a sample of copies to judge
	$(GO) run ./internal/bench/lineage -repo $(REPO)

contents: ## what comparing contents costs on REPO, against git patch-id, and what lineage adds to an index
	$(GO) run ./internal/bench/contents -repo $(REPO)

cards: build ## how long a fix card with many lines takes, and those of REPO
	$(GO) run ./internal/bench/cards -bin $(BIN) -repo $(REPO)

lenses: build ## lenses of random source files of REPO against git blame, also edited ones
	$(GO) run ./internal/bench/lenses -bin $(BIN) -repo $(REPO)
	$(GO) run ./internal/bench/lenses -bin $(BIN) -repo $(REPO) -edit -seed 2

e2e: ## real editors, headless (editors/e2e/README.md)
	editors/e2e/run.sh

editors: ## docs/editors.md, of the results in editors/e2e/results
	$(GO) test ./editors/e2e/compare -update

generate: ## regenerate the plugins' wire form (needs protoc, protoc-gen-go, protoc-gen-go-grpc)
	$(GO) generate ./plugins

ext: ## the VS Code extension, as editors/vscode/*.vsix
	cd editors/vscode && npm ci && npm run package
