# Everything that must hold. `make test ONLY=K-05` runs one row; names and options: top of test/run.mjs.
-include test/vectors/vectors.mk
# make.mjs of the vectors finds its npm packages here.
export FAIRLEAD_NPM ?= $(CURDIR)/.run/npm

.PHONY: test check-source lanes fuzz fuzz-replay
test:
	@deploy/setup --test
	@ONLY="$(ONLY)" JOBS="$(JOBS)" BUILD="$(BUILD)" node test/run.mjs
check-source:
	@deploy/setup --test
	@node test/source/check.mjs
# Both compilers without a warning, and the sanitizer build.
lanes:
	@ONLY=build BUILD="$(BUILD)" node test/run.mjs

# Fuzz targets: test/fuzz/fuzz_<x>.c, seeds in test/fuzz/corpus/<x>. fuzz-replay runs them on files (any compiler);
# fuzz builds them with libFuzzer and runs each for FUZZ_S seconds on a copy of its corpus under build/.
FUZZ_SRC := $(wildcard test/fuzz/fuzz_*.c)
FUZZ_TARGETS := $(FUZZ_SRC:test/fuzz/fuzz_%.c=%)
FUZZ_S ?= 60
fuzz-replay: $(FUZZ_TARGETS:%=$(BUILD)/fuzz/fuzz_%)
$(BUILD)/fuzz/fuzz_%: test/fuzz/fuzz_%.c test/fuzz/replay.c $(LIBS_ALL)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $< test/fuzz/replay.c $(LIBS_ALL) $(LIBS)
fuzz:
	@deploy/setup --test
	$(MAKE) BUILD=build/fuzz CC=clang SAN=address,undefined OPT="-O1 -g" CFLAGS=-fsanitize=fuzzer-no-link libfuzzers
	for t in $(FUZZ_TARGETS); do mkdir -p build/fuzz/corpus/$$t && build/fuzz/libfuzzer/fuzz_$$t -max_total_time=$(FUZZ_S) -close_fd_mask=1 build/fuzz/corpus/$$t test/fuzz/corpus/$$t || exit 1; done
.PHONY: libfuzzers
libfuzzers: $(FUZZ_TARGETS:%=$(BUILD)/libfuzzer/fuzz_%)
$(BUILD)/libfuzzer/fuzz_%: test/fuzz/fuzz_%.c $(LIBS_ALL)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -fsanitize=fuzzer -o $@ $< $(LIBS_ALL) $(LIBS)

# How fast, beside a hand-written worker and the floor: about two minutes. Closes with lines `figure <name> <value>`.
.PHONY: bench
bench:
	@deploy/setup --test
	@$(MAKE) --no-print-directory all
	@node test/bench/bench.mjs

# Reading 100,000 logs beside curl with COPY and beside a tuned script, and one event at the head: top of test/bench/ingest.mjs.
.PHONY: bench-ingest
bench-ingest:
	@deploy/setup --test
	@$(MAKE) --no-print-directory all
	@node test/bench/ingest.mjs

# Routes and topics beside pgbench, fastify and nginx, over one million rows: about three minutes. Top of test/bench/serve.mjs.
.PHONY: bench-serve
bench-serve:
	@deploy/setup --bench
	@$(MAKE) --no-print-directory all
	@node test/bench/serve.mjs

# Sending 2,000 ready batches beside the same transactions presigned, an ethers and a BullMQ worker: top of test/bench/send.mjs.
.PHONY: bench-send
bench-send: $(BUILD)/test/bare
	@deploy/setup --bench
	@$(MAKE) --no-print-directory all
	@node test/bench/send.mjs
$(BUILD)/test/bare: test/bench/bare.c $(call floor_libs,evm base)
	@mkdir -p $(@D)
	@echo '  CC  $<'
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $< $(call floor_libs,evm base) $(LIBS)

# The scripted node (test/node/README.md): one chain, endpoints that disagree. Not a program of the fleet, never installed.
NODE := $(BUILD)/test/fairlead-node
$(NODE): $(call obj,test/node) $(call floor_libs,io evm base)
	@mkdir -p $(@D)
	@echo '  LD  $(@F)'
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)
.PHONY: node
node: $(NODE)

# Long runs of what `make test` does briefly: 10,000 random worlds (test/worlds/run.mjs; SEEDS, FROM), and a million events with flat memory.
.PHONY: soak
soak:
	@deploy/setup --test
	@$(MAKE) --no-print-directory all node
	@EVENTS=$${EVENTS:-1000000} node test/worlds/million.mjs
	@SEEDS=$${SEEDS:-10000} FROM=$${FROM:-1} node test/worlds/run.mjs

# Every fault point of the submitter × kill, stop, err × every mood of the node, each cell in a fleet of its own: test/certify/README.md.
# JOBS=4 CELLS="send_*:kill" runs a part. certify-mutants breaks the code in six ways and shows that the cells see each.
.PHONY: certify certify-mutants
certify:
	@deploy/setup --test
	@$(MAKE) --no-print-directory all node
	@CELLS="$(CELLS)" JOBS="$(JOBS)" node test/certify/run.mjs
certify-mutants:
	@deploy/setup --test
	@$(MAKE) --no-print-directory all node
	@MUTANT="$(MUTANT)" JOBS="$(JOBS)" node test/certify/mutants.mjs
