# The demo and the installation. What make run does: top of deploy/run/main.mjs.
PREFIX ?= /usr/local
DESTDIR ?=

.PHONY: setup run install help
setup:
	@deploy/setup
run:
	@BUILD="$(BUILD)" deploy/up
install: all
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/share/fairlead/sql" "$(DESTDIR)$(PREFIX)/share/doc/fairlead"
	install -m 755 $(BINS) "$(DESTDIR)$(PREFIX)/bin"
	install -m 644 $(sort $(wildcard sql/*)) "$(DESTDIR)$(PREFIX)/share/fairlead/sql"
	install -m 644 README.md LICENSE "$(DESTDIR)$(PREFIX)/share/doc/fairlead"
help:
	@echo 'make                     the four programs, in $(BUILD)/bin'
	@echo 'make run                 a whole fleet on a private chain with live traffic; Ctrl-C ends all of it'
	@echo 'make run ONCE=1          37 tokens from event to final, a ledger, a verdict; exit 0 when every code is right'
	@echo 'CONFIG=my.yaml make run  the fleet on your own file'
	@echo 'make setup               install what is missing (Debian packages, npm packages into .run/npm)'
	@echo 'make test                everything that must hold; make test ONLY=K-05 one row of it'
	@echo 'make check-source        layers, format, sizes, words'
	@echo 'make bench               how fast, beside hand-written workers; make bench-ingest: how fast a chain is read'
	@echo 'make fuzz FUZZ_S=60      each decoder under libFuzzer, so many seconds a target'
	@echo 'make soak                10,000 random worlds and a million events, for hours; SEEDS= FROM= EVENTS='
	@echo 'make install             DESTDIR= PREFIX=/usr/local: programs, sql, README'
	@echo 'make clean               build/ and .run/'
