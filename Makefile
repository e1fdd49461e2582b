# What people run. `make help` lists it.
SHELL := /bin/bash
GO ?= go
BIN := bin/cabhfuil-lsp
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0
FUZZTIME ?= 30s
REPO ?= .
PREFIX ?= /usr/local
DESTDIR ?=
VERSION ?=

# Where `make install` puts things; DESTDIR goes before, for who makes packages.
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d

.PHONY: help build install uninstall release deb cross test exttest lint fuzz together bench series paths refs lineage contents cards lenses e2e editors generate ext

help: ## list the targets
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

build: ## build bin/cabhfuil-lsp
	$(GO) build -o $(BIN) ./cmd/cabhfuil-lsp

install: build ## the server, its completion and manual pages, below PREFIX (/usr/local)
	rm -rf bin/share && mkdir -p bin/share/man
	$(BIN) man bin/share/man
	for shell in bash zsh fish; do $(BIN) completion $$shell > bin/share/$$shell || exit 1; done
	install -d "$(DESTDIR)$(BINDIR)" "$(DESTDIR)$(MANDIR)/man1" "$(DESTDIR)$(BASHDIR)" "$(DESTDIR)$(ZSHDIR)" "$(DESTDIR)$(FISHDIR)"
	rm -f "$(DESTDIR)$(MANDIR)"/man1/cabhfuil-lsp{,-*}.1 # of an older version
	install -m 755 $(BIN) "$(DESTDIR)$(BINDIR)/cabhfuil-lsp"
	install -m 644 bin/share/man/*.1 "$(DESTDIR)$(MANDIR)/man1/"
	install -m 644 bin/share/bash "$(DESTDIR)$(BASHDIR)/cabhfuil-lsp"
	install -m 644 bin/share/zsh "$(DESTDIR)$(ZSHDIR)/_cabhfuil-lsp"
	install -m 644 bin/share/fish "$(DESTDIR)$(FISHDIR)/cabhfuil-lsp.fish"

uninstall: ## remove what install put there
	rm -f "$(DESTDIR)$(BINDIR)/cabhfuil-lsp" "$(DESTDIR)$(MANDIR)"/man1/cabhfuil-lsp{,-*}.1 \
	  "$(DESTDIR)$(BASHDIR)/cabhfuil-lsp" "$(DESTDIR)$(ZSHDIR)/_cabhfuil-lsp" "$(DESTDIR)$(FISHDIR)/cabhfuil-lsp.fish"

release: ## archives for six platforms, bills of materials, Debian packages and checksums in dist/ (docs/install.md)
	rm -rf dist
	$(GO) run ./internal/release -out dist -version "$(VERSION)"

deb: ## the Debian package for this machine's processor, in dist/
	$(GO) run ./internal/release -out dist -version "$(VERSION)" -kinds deb -only linux/$$($(GO) env GOARCH)

cross: ## vet, tests too, for Windows and macOS
	GOOS=windows GOARCH=amd64 CGO_ENABLED=0 $(GO) vet ./...
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 $(GO) vet ./...

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

e2e: ## real editors, headless; PICTURES=1 makes those of the documentation anew (editors/e2e/README.md)
	editors/e2e/run.sh

editors: ## docs/editors.md, of the results in editors/e2e/results
	$(GO) test ./editors/e2e/compare -update

generate: ## regenerate the plugins' wire form (needs protoc, protoc-gen-go, protoc-gen-go-grpc), and the copies of chroma's lexers
	$(GO) generate ./plugins ./internal/outline

ext: ## the VS Code extension, as editors/vscode/*.vsix: one for each platform with the server, one without
	rm -rf editors/vscode/out/servers
	$(GO) run ./internal/release -out editors/vscode/out/servers -version "$(VERSION)" -kinds binary
	cd editors/vscode && npm ci --no-audit --no-fund && \
	  SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) npm run package:all -- out/servers
