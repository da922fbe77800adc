# What one does with drydock. "make up" needs only Go; "make test" also git, and the aws CLI for the scenarios.
GO   ?= go
LINT  = $(GO) tool -modfile=$(CURDIR)/tools/go.mod golangci-lint run
BOTH  = set -e; for module in . test; do (cd $$module &&
MAIN  = $(if $(wildcard cmd/drydock),./cmd/drydock,$(error cmd/drydock is not in this tree))

# The tests in test/ look at what is outside of their module, which the test cache does not see: hence -count=1.
.PHONY: up gen fmt lint vuln test race terraform fuzz sim ui demo load ledger check
.PHONY: formatted vetted arch generated portable tidied

up: ; $(GO) run $(MAIN) up
gen: ; $(GO) generate ./api && $(GO) run $(MAIN) coverage --docs docs/services
fmt: ; gofmt -w $$(tools/gofiles)
lint: ; @$(BOTH) $(LINT) ./...); done
vuln: ; @tools/vuln
test: ; @$(GO) test -timeout 10m ./... && cd test && $(GO) test -count=1 -timeout 10m ./...
race: ; @$(GO) test -race -timeout 30m ./... && cd test && $(GO) test -race -count=1 -timeout 30m ./...
terraform: ; @cd test && $(GO) test -tags terraform -count=1 -timeout 40m ./terraform $(if $(MODULE),-run 'TestModules/^($(MODULE))$$')
fuzz: ; @tools/fuzz $(or $(FUZZTIME),10s)
sim: ; $(GO) test -count=1 -timeout 30m ./sim/...
ui: ; $(GO) generate ./console
demo: ; $(GO) run $(MAIN) demo build
load: ; cd test && $(GO) run ./load $(LOAD)
ledger: ; @$(GO) run ./ledger/report

# check is all that must hold before a change lands, besides the tests.
check: formatted vetted arch lint generated portable tidied vuln ; @$(GO) run ./ledger/report -check
formatted: ; @files=$$(gofmt -l $$(tools/gofiles)) && test -z "$$files" || { echo "not gofmt'ed: $$files" >&2; exit 1; }
vetted: ; @$(BOTH) $(GO) vet -tags terraform ./...); done
arch: ; @cd test && $(GO) test -count=1 ./arch
generated: ; @tools/unchanged api $(GO) generate ./api && tools/unchanged docs/services $(GO) run $(MAIN) coverage --docs docs/services
portable: ; @for at in darwin/amd64 darwin/arm64 linux/arm64; do CGO_ENABLED=0 GOOS=$${at%/*} GOARCH=$${at#*/} $(GO) build -o /dev/null $(MAIN) || { echo "does not build for $$at" >&2; exit 1; }; done
tidied: ; @$(BOTH) $(GO) mod tidy -diff); done; cd tools && $(GO) mod tidy -diff
