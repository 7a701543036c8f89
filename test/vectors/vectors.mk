# The standard vectors: make.mjs reads them out of an npm package (FAIRLEAD_NPM: the folder that holds node_modules),
# check compares them with the codecs in both directions. blocks.txt are blocks of running chains, made by blocks.mjs.
$(BUILD)/vectors/check: $(wildcard test/vectors/check*.c) test/vectors/check.h $(call floor_libs,evm base)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $(filter %.c,$^) $(call floor_libs,evm base) $(LIBS)
.PHONY: vectors
vectors: $(BUILD)/vectors/check
	@set -o pipefail; { node test/vectors/make.mjs && cat test/vectors/blocks.txt; } | $(BUILD)/vectors/check
