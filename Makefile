# Versions of the linters; `go run` builds them once and keeps them.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
ACTIONLINT  = github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

VERSION  ?= dev
FUZZTIME ?= 60s

build: ## the belay binary, into bin/
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/belay ./cmd/belay

test: ## all tests; those that need docker run when this machine can start an engine, the short ones of the real n8n when lab-n8n has built it
	.ci/engine run go test -timeout 20m ./... ./.ci/catalog
	if testdata/lab/lab has-n8n; then testdata/lab/lab run $(MAKE) test-n8n PLAYS='^(keys|fails)$$$$' TESTQUEUE=; else echo 'upgrades of the real n8n were not tried: make lab-n8n builds it'; fi

test-full: test lab-n8n test-n8n test-lab ## all that, with whole upgrades in the lab, those of the real n8n too; about an hour

race: ## the tests of what reads files and answers, under the race detector
	CGO_ENABLED=1 go test -race ./lint/... ./release/github/... ./release/registry

lint:
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	go vet ./... ./.ci/catalog ./.ci/github
	go run $(STATICCHECK) ./... ./.ci/catalog ./.ci/github
	go run $(ACTIONLINT)

bench:
	go test -run '^$$' -bench . -benchmem ./...

fuzz: ## every fuzz target for FUZZTIME
	.ci/fuzz $(FUZZTIME)

docs: ## writes what is generated: rule pages, schemas, the Action's table
	UPDATE=1 go test -count=1 ./...

catalog: ## adds the releases of Dify that release/catalog/dify.tsv lacks; CATALOG=--check only compares. A token in GITHUB_TOKEN saves questions
	go run ./.ci/catalog $(CATALOG)

image: ## belay:check and belay:full, in the engine of the tests, without a registry
	VERSION=$(VERSION) .ci/engine run .ci/images

lab: ## the lab: its registry, its images and an engine; LAB=DIR makes a stack there too
	testdata/lab/lab up
	$(if $(LAB),testdata/lab/lab stack $(LAB))

lab-down: ## stops the lab's registry and engine; what was built stays
	testdata/lab/lab down

TESTSTACK ?= $(HOME)/.cache/belay/test-stack
TESTDIFY  ?= $(HOME)/.cache/belay/test-dify
TESTMAJOR ?= $(HOME)/.cache/belay/test-major
TESTRUNNER ?= $(HOME)/.cache/belay/test-runner

test-lab: ## whole runs of belay on a stack of the lab, judged by scripts that share no code with it; those of the Action when make image has built it; about an hour
	testdata/lab/lab up
	if [ -d $(TESTSTACK) ]; then testdata/lab/lab reset $(TESTSTACK); else testdata/lab/lab stack -k mini $(TESTSTACK); fi
	if [ -d $(TESTDIFY) ]; then testdata/lab/lab reset $(TESTDIFY); else testdata/lab/lab stack -k mini@1.11.4 $(TESTDIFY); fi
	if [ -d $(TESTMAJOR) ]; then testdata/lab/lab reset $(TESTMAJOR); else testdata/lab/lab stack -k mini@1.16.0 $(TESTMAJOR); fi
	if [ -d $(TESTRUNNER) ]; then testdata/lab/lab reset $(TESTRUNNER); else testdata/lab/lab stack -k mini $(TESTRUNNER); fi
	eval "$$(testdata/lab/lab env)" && BELAY_TEST_LAB=$(TESTSTACK) BELAY_TEST_DIFY=$(TESTDIFY) BELAY_TEST_MAJOR=$(TESTMAJOR) BELAY_TEST_RUNNER=$(TESTRUNNER) go test -count=1 -timeout 120m -run 'TestLab$$|TestDifyReleases$$|TestMajor$$|TestRunner$$' ./cmd/belay
	for dir in $(TESTSTACK) $(TESTDIFY) $(TESTMAJOR) $(TESTRUNNER); do testdata/lab/lab remove $$dir || exit 1; done

test-newest: ## what drives docker, on the newest engine that Go modules have; about half an hour, and some minutes to build it once
	testdata/lab/lab up
	.ci/newest sh -c 'for tag in pg17 pg18; do docker pull -q pgvector/pgvector:$$tag || exit 1; done; go test -count=1 -timeout 60m ./upgrade/docker ./upgrade/steps'

TESTFLOWS ?= $(HOME)/.cache/belay/test-flows
TESTQUEUE ?= $(HOME)/.cache/belay/test-queue

lab-n8n: lab ## images of the real n8n for the lab, from npm: a quarter of an hour and gigabytes, once
	testdata/lab/lab n8n

PLAYS     ?= .

test-n8n: ## upgrades of the real n8n, in regular and in queue mode; after lab-n8n, about a quarter of an hour. PLAYS='keys|fails' are short
	testdata/lab/lab up
	for kind in n8n=$(TESTFLOWS) n8n-queue=$(TESTQUEUE); do dir=$${kind#*=}; \
	  if [ -d "$$dir" ]; then testdata/lab/lab reset $$dir; elif [ "$$dir" ]; then testdata/lab/lab stack -k $${kind%%=*} $$dir; fi || exit 1; done
	eval "$$(testdata/lab/lab env)" && BELAY_TEST_N8N=$(TESTFLOWS) BELAY_TEST_N8N_QUEUE=$(TESTQUEUE) go test -count=1 -timeout 60m -run 'TestN8N$$/($(PLAYS))' -v ./cmd/belay
	for dir in $(TESTFLOWS) $(TESTQUEUE); do testdata/lab/lab remove $$dir || exit 1; done

faults: ## breaks upgrades in the lab at every point and judges what is left; FAULTS='-quick 6' for a few points in minutes
	go run ./testdata/lab/faults $(FAULTS)

demo: build ## an upgrade that is refused, one that goes through and one that is taken back, on a stack of the lab; about five minutes
	BELAY_DEMO_BIN=$(CURDIR)/bin/belay testdata/lab/demo $(LAB)

major: build ## PostgreSQL 17 to 18 with a handbook's commands and with Belay, on a stack of the lab with 700 MB: what each takes and loses; about eight minutes
	BELAY_MAJOR_BIN=$(CURDIR)/bin/belay testdata/lab/major

BENCH ?= $(HOME)/.cache/belay/bench

bench-lab: build ## dump, ways back, memory and downtime on a stack of the lab with 650 MB; takes a quiet machine and ten minutes
	testdata/lab/lab up
	if [ -d $(BENCH) ]; then testdata/lab/lab reset $(BENCH); else SEED_MB=650 testdata/lab/lab stack $(BENCH); fi
	eval "$$(testdata/lab/lab env)" && go run ./testdata/lab/bench -belay $(CURDIR)/bin/belay -work $(dir $(BENCH)) $(BENCH)

dist: ## the binaries of a release and their checksums, into dist/
	rm -rf dist && mkdir dist
	for p in linux_amd64 linux_arm64 darwin_amd64 darwin_arm64; do \
	  CGO_ENABLED=0 GOOS=$${p%_*} GOARCH=$${p#*_} go build -trimpath -buildvcs=false \
	    -ldflags "-s -w -X main.version=$(VERSION)" -o dist/belay_$$p ./cmd/belay || exit 1; \
	done
	cd dist && sha256sum belay_* >SHA256SUMS

.PHONY: build test test-full race lint bench fuzz docs catalog image lab lab-down test-lab test-newest lab-n8n test-n8n faults demo major bench-lab dist
