# make          builds the four programs          make run    a whole fleet on a private chain, no configuration
# make test     runs everything that must hold    make help   the rest
SHELL := /bin/bash
# V=1 shows the commands.
Q := $(if $(filter 1,$(V)),,@)
CC ?= cc
VERSION ?= 0.1.0
BUILD ?= build/release
PROGRAMS := listener batcher submitter reconciler
# The floors of the house, from the ground up: a library each; what stands left may use what stands right of it.
FLOORS := fleet bus ledger io app evm base

PKGS := libuv libpq hiredis libcurl libsecp256k1 libsodium yaml-0.1 yajl libcjson libpcre2-8 zlib openssl
WARN := -Wall -Wextra -Wformat=2 -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wundef -Wvla -Wcast-qual -Wimplicit-fallthrough -Wnull-dereference -Werror=implicit \
	-Werror=incompatible-pointer-types -Werror=int-conversion $(WERROR)
HARDEN := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
GCC_ONLY := -ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr -Wtrampolines -Wbidi-chars=any
OPT ?= -O2 -g
SAN ?=
ifeq ($(SAN),)
EXTRA := $(HARDEN) $(if $(findstring clang,$(CC)),,$(GCC_ONLY))
else
EXTRA := -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
CFLAGS_ALL = -std=gnu11 $(OPT) $(WARN) $(EXTRA) -fno-strict-aliasing -fno-delete-null-pointer-checks -fPIE \
	-ffunction-sections -fdata-sections -I. -I$(BUILD)/gen -isystem /usr/share/include/llhttp -DFAIRLEAD_VERSION='"$(VERSION)"' \
	$(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS) 2>/dev/null)) $(CFLAGS)
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code -Wl,--as-needed -Wl,--gc-sections \
	$(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)
LIBS = $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lwslay -lm

BINS := $(PROGRAMS:%=$(BUILD)/bin/fairlead-%)
.PHONY: all
all: $(BINS)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard $(1)/*.c $(1)/*/*.c))
floor_libs = $(foreach f,$(1),$(BUILD)/lib/lib$(f).a)
LIBS_ALL := $(call floor_libs,$(FLOORS))

# The program that has pages (*.html, *.css, *.js in its folders) carries them.
PAGES := $(wildcard reconciler/*/*.html reconciler/*/*.css reconciler/*/*.js)
pages = $(if $(filter $(1)/%,$(PAGES)),$(BUILD)/obj/gen/assets.o)

define floor
$(BUILD)/lib/lib$(1).a: $(call obj,common/$(1)) $(if $(filter io,$(1)),$(BUILD)/obj/llhttp/llhttp.o $(BUILD)/obj/llhttp/api.o $(BUILD)/obj/llhttp/http.o) $(if $(filter ledger,$(1)),$(BUILD)/obj/gen/migrations.o)
	@mkdir -p $$(@D); rm -f $$@
	$(Q)ar rcs $$@ $$^
endef
$(foreach f,$(FLOORS),$(eval $(call floor,$(f))))

define program
$(BUILD)/bin/fairlead-$(1): $(call obj,$(1)) $(call pages,$(1)) $(LIBS_ALL)
	@mkdir -p $$(@D)
	@echo '  LD  $$(@F)'
	$(Q)$$(CC) $$(LDFLAGS_ALL) -o $$@ $(call obj,$(1)) $(call pages,$(1)) $(LIBS_ALL) $$(LIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo '  CC  $<'
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
# Debian ships the C sources of Node's HTTP parser (package node-llhttp); they are compiled as they are.
$(BUILD)/obj/llhttp/%.o: /usr/share/llhttp/%.c
	@mkdir -p $(@D)
	@echo '  CC  $<'
	$(Q)$(CC) $(CFLAGS_ALL) -w -c -o $@ $<
# sql/*.sql in the order of their numbers, as one table of C strings: a program carries its own migrations.
# With it goes a fingerprint of what turns a configuration into tables and functions: another build of that installs again.
MADE_OF := $(sort $(wildcard sql/*.sql common/app/*.[ch] common/ledger/*.[ch]))
$(BUILD)/gen/migrations.c: $(MADE_OF)
	@mkdir -p $(@D)
	$(Q){ echo '#include "common/ledger/migrations.h"'; \
	printf 'const char migrations_made_of[] = "%s";\n' "$$(cat $^ | sha256sum | cut -c1-32)"; \
	n=$$(basename $(lastword $(filter %.sql,$^))); printf 'const int schema_version = %d;\n' $$((10#$${n%%_*})); \
	echo 'const struct migration migrations[] = {'; \
	for f in $(filter %.sql,$^); do printf '{"%s",\n' "$$(basename $$f .sql)"; sed -e 's/\\/\\\\/g; s/"/\\"/g; s/^/"/; s/$$/\\n"/' $$f; echo '},'; done; \
	echo '{0, 0}};'; } > $@
# PAGES as arrays of bytes by their names: reconciler/serve/asset.h.
$(BUILD)/gen/assets.c: $(PAGES) Makefile
	@mkdir -p $(@D)
	$(Q){ echo '#include "reconciler/serve/asset.h"'; \
	n=0; for f in $(PAGES); do echo "static const unsigned char f$$n[] = {"; od -An -v -tx1 $$f | sed 's/ \(..\)/0x\1,/g'; echo '};'; n=$$((n+1)); done; \
	echo 'const struct asset assets[] = {'; n=0; for f in $(PAGES); do echo "{\"$${f##*/}\", f$$n, sizeof f$$n},"; n=$$((n+1)); done; \
	echo '{0, 0, 0}};'; } > $@
$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c
	@mkdir -p $(@D)
	@echo '  CC  $<'
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

-include $(shell test -d $(BUILD)/obj && find $(BUILD)/obj $(wildcard $(BUILD)/unit) -name '*.d')

# Unit tests: test/unit/<floor>/test_<module>.c links only its floor and the floors below (the layer rule, at link time).
floors_from = $(if $(filter $(1),$(firstword $(2))),$(2),$(if $(2),$(call floors_from,$(1),$(wordlist 2,99,$(2)))))
UNIT_SRC := $(wildcard test/unit/*/test_*.c)
UNIT_BINS := $(UNIT_SRC:test/unit/%.c=$(BUILD)/unit/%)
define unit
$(BUILD)/unit/$(1)/%: test/unit/$(1)/%.c $(call floor_libs,$(call floors_from,$(1),$(FLOORS)))
	@mkdir -p $$(@D)
	@echo '  CC  $$<'
	$(Q)$$(CC) $$(CFLAGS_ALL) -MMD -MP $$(LDFLAGS_ALL) -o $$@ $$< $(call floor_libs,$(call floors_from,$(1),$(FLOORS))) -lcmocka $$(LIBS)
endef
$(foreach f,$(FLOORS),$(eval $(call unit,$(f))))
# A program's pure machines: test/unit/<program>/test_<machine>.c includes the .c files that it tests.
define unit_program
$(BUILD)/unit/$(1)/%: test/unit/$(1)/%.c $(LIBS_ALL)
	@mkdir -p $$(@D)
	@echo '  CC  $$<'
	$(Q)$$(CC) $$(CFLAGS_ALL) -MMD -MP $$(LDFLAGS_ALL) -o $$@ $$< $(LIBS_ALL) -lcmocka $$(LIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call unit_program,$(p))))
.PHONY: unit
unit: $(UNIT_BINS)

.PHONY: clean
clean:
	rm -rf build .run

# Set-up, the demo, tests, checks and benches: each in its own file, so that this page stays the build.
-include deploy/run.mk test/test.mk
