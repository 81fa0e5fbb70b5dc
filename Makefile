# What one does here, by name: `make help` lists it.
#
# A fresh machine needs git, make and Go; what else a target needs it installs itself
# (scripts/install-deps). The developer's tools are pinned in tools/go.mod and built on
# first use: the linter takes a minute or two then, and no time afterwards.

SHELL := bash

# Variables that the command line may set: make demo ARGS='--clinics 5', make test PKG=./internal/clinic ARGS='-run Schedule -v'.
ARGS     ?=
PKG      ?= ./...
BENCH    ?= .
FUZZTIME ?= 20s
DECISIONS ?= 34000
WHOLE    ?= 2000
MODELTIME ?= 20
VERSIONS ?= 15 16 17 18
# How many packages are tested at a time: one more than there are processors, because many
# tests wait for a page, a pause or a limit.
AT_ONCE  ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# Packages without memory that goroutines share: functions of their arguments alone, and
# tests whose subjects are processes of their own. The race detector is not run on them.
UNSHARED := archtest|chaos|cron|model|model/mutants|pims|pims/notes|pims/idexxneo/neosim|postgres/embedded|seal
# Packages whose own goroutines share memory. CI runs the race detector on these; the nightly
# workflow runs it on all.
SHARED := $(addprefix ./internal/,browser/proxy casesync feed metrics notify panics people pims/pimshttp queue quota scheduler tracing watch web webhooks)
# What the race detector is not run on: builds of the binary, the commands of scripts and
# pages (each a process of its own), tables of login pages that differ in nothing but the
# page, and the sizes of a snapshot and of a herd. internal/archtest and the memory of
# hostile answers leave themselves out.
UNRACED  := ^(TestScripts|TestTheBinaryIsStaticAndSaysWhatTheMachineLacks|TestTwoBuildsInTwoFoldersAreOneBinary|TestTheCommandsOfThePagesDoWhatThePagesSay|TestAHundredThousandVisitsAreOneSnapshot|TestThirtyThousandDueAtOnceAreEnqueuedExactlyOnce|TestEveryPageIsAccessibleInBothThemesAndAtEveryWidth|TestRunsAndCasesAreAccessible|TestLogin(WithForms|Ends|UnderstandsWhatTheSiteAnswers|DoesNotWaitForEver|CannotReach|FillsInOnlyWhatAPersonCanSee|SeesFieldsThatOnlyLookHidden))$$
VERSION  ?= $(shell git -c safe.directory='*' describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT   ?= $(shell git -c safe.directory='*' rev-parse HEAD 2>/dev/null)

# Outputs go to bin/, or to the user's cache where the checkout is not theirs to write.
BIN := $(shell [ -w bin ] || { [ ! -e bin ] && [ -w . ]; } && echo bin || echo "$${XDG_CACHE_HOME:-$$HOME/.cache}/pims-sync")

# Tests run as the product is built: without cgo. The checkout may belong to someone else,
# which git refuses to look into, so nothing is stamped from it but VERSION and COMMIT.
export CGO_ENABLED := 0
export GOFLAGS := $(strip $(GOFLAGS) -buildvcs=false)

TOOL := go tool -modfile=tools/go.mod
SQLC := $(TOOL) sqlc -f internal/postgres/sqlc.yaml

.DEFAULT_GOAL := help
.NOTPARALLEL: # prerequisites are steps, to be done in the order written
.PHONY: help demo test check build deps
.PHONY: fmt generate lint static fmt-check verify-generated arch vet licenses race race-short
.PHONY: test-postgresql bench bench-compare bench-growth screenshots oidc chaos chaos-short chaos-webhooks drift fixture recordings feed consumers signatures clients soak fuzz fuzz-api rotation schemathesis cover model model-short mutants dates dates-short release-check clean

## For a first look

help: ## List the targets
	@awk -F ':.*## ' '/^## / { print "\n" substr($$0, 4) } /^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: deps build ## Sync three simulated clinics before your eyes (ARGS: its flags)
	@$(BIN)/pims-sync demo $(ARGS)

# `make vet` runs go vet on everything; go test would run a part of it again.
test: deps ## Run the tests, on a real PostgreSQL and a real browser (PKG, ARGS: go test's)
	@scripts/install-deps procps curl
	go test -vet=off -timeout=10m -p=$(AT_ONCE) $(ARGS) $(PKG)

check: static race ## Run every check, and the tests under the race detector

build: ## Build the one static binary, bin/pims-sync
	go build -trimpath -ldflags='-s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)' -o $(BIN)/pims-sync ./cmd/pims-sync

deps: ## Install PostgreSQL and a headless Chromium if they are missing (the targets do it, too)
	@scripts/install-deps postgresql chromium

## For each change

fmt: ## Format the code
	$(TOOL) gofumpt -w .

generate: ## Make anew: the queries' code, the OpenAPI document, the import rule's table in docs
	$(SQLC) generate
	go test ./internal/api -run OpenAPIDocumentIsTheOne -update
	go test ./internal/archtest -run ArchitecturePage -update

lint: ## Run the linters of .golangci.yml
	$(TOOL) golangci-lint run $(PKG)

static: fmt-check verify-generated arch vet licenses lint ## Run every check that runs no test of ours

fmt-check: ## Fail if a file is not formatted
	@unformatted=$$($(TOOL) gofumpt -l .) || exit 1; \
	if [ -n "$$unformatted" ]; then printf 'not formatted (make fmt does it):\n%s\n' "$$unformatted" >&2; exit 1; fi

verify-generated: ## Fail if generated code is not what `make generate` makes
	$(SQLC) diff

arch: ## Fail if a package imports what it may not
	go test ./internal/archtest

vet: ## Run go vet
	go vet $(PKG)

licenses: ## Fail if the licence of a dependency is not allowed (scripts/licenses has the list)
	@scripts/licenses check

race: deps ## Run the tests under the race detector, in random order (installs a C compiler)
	@scripts/install-deps procps curl gcc
	CGO_ENABLED=1 go test -race -vet=off -shuffle=on -timeout=20m -skip='$(UNRACED)' $(ARGS) $(if $(filter ./...,$(PKG)),$$(go list ./... | grep -vE '/internal/($(UNSHARED))$$'),$(PKG))

race-short: ## Run the race detector on the packages whose own goroutines share memory
	@$(MAKE) race PKG='$(SHARED)'

## For a closer look

test-postgresql: deps ## Run the database tests on each PostgreSQL that is supported (VERSIONS; needs npm)
	@for version in $(VERSIONS); do \
		bin=$$(scripts/fetch-postgresql $$version) && "$$bin/postgres" --version && \
		PATH="$$bin:$$PATH" go test -count=1 -timeout=15m $(ARGS) ./internal/postgres/... ./internal/queue ./internal/casesync || exit 1; \
	done

bench: deps ## Measure beside bare baselines of the same run, see docs/benchmarks.md (BENCH: which; bin/bench.json)
	@mkdir -p $(BIN)
	go run ./internal/bench -bench='$(BENCH)' -skip='Growth|ManyClinics' -json=$(BIN)/bench.json $(ARGS) $(PKG)

bench-compare: deps ## Measure the revision BASE and the working tree by turns, and print benchstat's comparison (BENCH; ARGS: -rounds)
	@test -n '$(BASE)' || { echo 'BASE is missing: make bench-compare BASE=v1.0.0' >&2; exit 2; }
	go run ./internal/bench -bench='$(BENCH)' -base='$(BASE)' $(ARGS) $(PKG)

bench-growth: deps ## Measure what must not grow with clinics and rows, in about ten minutes (bin/bench-growth.json)
	@mkdir -p $(BIN)
	go run ./internal/bench -bench='Growth|ManyClinics' -json=$(BIN)/bench-growth.json $(ARGS) ./cmd/pims-sync

chaos: deps ## Kill replicas a thousand times, PostgreSQL two hundred, and look for damage (ARGS: -kills, -seconds, -seed, -stop)
	go test ./internal/chaos -run='Killed|Stopped' -count=1 -timeout=6h -v -kills=1000 -stop=1m $(ARGS)

chaos-short: deps ## Do what chaos does, for a minute (ARGS: -seconds, -seed)
	go test ./internal/chaos -run=Killed -count=1 -timeout=15m -v -kills=100000 -seconds=60 $(ARGS)

chaos-webhooks: deps ## Do what chaos does while 100,000 changes go out by webhooks, and look for what is lost (ARGS: -changes, -kills, -seed)
	go test ./internal/chaos -run=Killed -count=1 -timeout=6h -v -kills=50 -changes=100000 $(ARGS)

fuzz-api: deps ## Send the API a hundred thousand right, wrong, forged and broken requests of two tenants (ARGS: -requests, -seed)
	go test ./internal/apifuzz -count=1 -timeout=6h -v -requests=100000 $(ARGS)

rotation: deps ## Kill the rotation of the encryption key fifty times over ten thousand records (ARGS: -rotation.records, -rotation.kills)
	go test ./internal/attacks -run=ARotation -count=1 -timeout=60m -v -rotation.records=10000 -rotation.kills=50 $(ARGS)

schemathesis: deps build ## Let schemathesis send the API what its description allows and forbids (ARGS: seconds for each key)
	@scripts/install-deps python3-venv
	@tools/schemathesis/run $(BIN) $(ARGS)

clients: deps build ## Generate clients of the API with three generators and let them call a live server (ARGS: --if-reachable)
	@scripts/install-deps python3-venv
	@tools/clients/run $(BIN) $(ARGS)

screenshots: deps ## Write pictures of every page of the console to bin/screenshots: both themes, three widths
	go test ./internal/console -run='EveryPage|RunsAndCases' -count=1 -screenshots=$(abspath $(BIN))/screenshots $(ARGS)

oidc: deps ## Sign in at an OpenID Connect provider from npm, with a real browser (ARGS: --if-reachable)
	@tools/oidc/run $(BIN) $(ARGS)

drift: ## Play 200 normal years of practices: no change of form may be told (R51)
	go test ./internal/drift -run NormalYears -v -practices 200

recordings: ## Record faulty runs of all kinds, and compare each with its replay and that of its anonymous copy (R52)
	go test -count=1 ./internal/recordings/anonymous -every $(ARGS)

fixture: ## Make a test of an anonymous copy of a recording (BUNDLE: the file that pims-sync recordings export wrote)
	@test -n "$(BUNDLE)" || { echo "say which: make fixture BUNDLE=recording.json.gz" >&2; exit 2; }
	go test -count=1 ./internal/recordings/anonymous -run=TestEachFixtureReplaysAsItWas -bundle=$(abspath $(BUNDLE))

soak: deps ## Do 500 syncs in a row, and 100 logins in trouble, and look for what is left (ARGS: -syncs)
	@scripts/install-deps procps curl
	go test ./internal/browser -run='InTrouble|HostilePage' -count=1 -v -logins=100 -hostile
	go test ./internal/chaos -run=InARow -count=1 -timeout=2h -v -syncs=500 $(ARGS)

fuzz: ## Fuzz every parser of foreign input, one after the other (FUZZTIME: how long each)
	@scripts/fuzz $(FUZZTIME)

# Commands that tests start are programs of their own, which write what they ran to a folder.
COVERED = $(abspath $(BIN))/covered

cover: deps ## Show how much of each package the tests run, and write bin/coverage.html
	@scripts/install-deps procps curl
	@rm -rf $(COVERED) && install -d -m 777 $(COVERED)
	PIMS_SYNC_COVERED=$(COVERED) go test -vet=off -timeout=20m -cover -coverpkg=./... $(ARGS) $(PKG) -args -test.gocoverdir=$(COVERED)
	@go tool covdata textfmt -i=$(COVERED) -o $(BIN)/coverage.out
	@go tool cover -html=$(BIN)/coverage.out -o $(BIN)/coverage.html
	@go tool covdata percent -i=$(COVERED)
	@go tool cover -func=$(BIN)/coverage.out | tail -n 1

feed: deps ## Let 50 writers overlap, roll back and die while 5 readers follow the change feed (ARGS: -feed.seed)
	go test -count=1 -v -timeout=60m ./internal/postgres/feedstore -run=Overlap -feed.transactions=200 $(ARGS)

signatures: ## Verify signatures of webhooks with the official library for JavaScript (needs npm; ARGS: --if-reachable)
	@mkdir -p $(BIN)
	@tools/standardwebhooks/run $(BIN) $(ARGS)

consumers: deps ## Run the consumers of docs/events.md in Go, TypeScript and Python against a server (needs node and python3)
	go test -count=1 -v -timeout=10m ./internal/app -run=Consumer -consumers=go,ts,python

model: deps ## Play the model: a million steps of the decisions, 2,000 sequences on PostgreSQL (ARGS: -rapid.seed=N begins elsewhere)
	go test -count=1 -v -timeout=120m ./internal/model -model.decisions=$(DECISIONS) -model.whole=$(WHOLE) $(ARGS)

model-short: deps ## Play the model for a minute with a random seed, which it prints (MODELTIME: seconds of each of its three machines; the tests play the fixed seed)
	go test -count=1 -v -timeout=10m ./internal/model -model.seconds=$(MODELTIME) -rapid.seed=$$(date +%s) $(ARGS)

mutants: deps ## Take each condition of a guard away, one by one, and expect its tests to fail (ARGS: -only R23)
	go run ./internal/model/mutants $(ARGS)

dates: deps ## Run the tests on other dates, hours and zones: two years' days, 60 chosen moments (ARGS: -days, -moments, -part, -only)
	@scripts/install-deps procps curl gcc
	go run ./internal/dates $(ARGS)

dates-short: deps ## Run the tests of four packages, each at a random moment (ARGS: -seed, as printed)
	@scripts/install-deps procps curl gcc
	go run ./internal/dates -some 4 $(ARGS)

release-check: ## Build a whole release without publishing it, and check what is in it (ARGS: goreleaser's)
	@scripts/release-check $(ARGS)

clean: ## Remove what was built
	rm -rf $(BIN) dist
