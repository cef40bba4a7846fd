# Everything here needs only Go; `make` alone prints what there is.

include .ci/tools.env

GO       ?= go
FUZZTIME ?= 20s
PKG      ?= ./...

.DEFAULT_GOAL := help

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: test
test: ## run the tests
	$(GO) test $(PKG)

.PHONY: race
race: ## run the tests under the race detector, in random order
	$(GO) test -race -shuffle=on $(PKG)

.PHONY: lint
lint: ## gofmt, go vet and staticcheck
	@bad=$$($$($(GO) env GOROOT)/bin/gofmt -l .); if [ -n "$$bad" ]; then printf 'gofmt would change:\n%s\n' "$$bad"; exit 1; fi
	$(GO) vet $(PKG)
	$(GO) run $(STATICCHECK) $(PKG)

.PHONY: fuzz
fuzz: ## run each fuzz test for FUZZTIME (20s)
	@set -e; for pkg in $$($(GO) list $(PKG)); do \
		found=$$($(GO) test -list '^Fuzz' "$$pkg"); \
		for name in $$(echo "$$found" | grep '^Fuzz'); do \
			echo "== $$pkg $$name"; \
			$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$pkg"; \
		done; \
	done

.PHONY: bench
bench: ## run the benchmarks
	$(GO) test -run '^$$' -bench . -benchmem $(PKG)

.PHONY: defences
defences: ## take each defence against loss and doubling out of the source and see that a test notices (half an hour)
	TG360_DEFENCES=1 $(GO) test -count=1 -run TestDefences -v -timeout 90m ./syncer

.PHONY: crash
crash: ## kill, freeze, restore and cut the power of the real connector (an hour; needs strace)
	@command -v strace >/dev/null || { echo "crash needs strace" >&2; exit 1; }
	TG360_CRASH=long TG360_REQUIRE_SERVICES=1 $(GO) test -count=1 -v -timeout 120m ./examples/connector/internal/crashtest

.PHONY: verify
verify: ## all that CI does, without services
	.ci/run --without-services
