# libgcpre: `make help` lists what can be made.
#
# Three builds share these rules: build/obj (release), build/debug/obj (assertions on, and for the unit tests) and build/fault/obj
# (core/sys/fault.h). A private copy of jemalloc (scripts/jemalloc-private) is linked into each.

CC      := gcc
AR      := ar
PREFIX  := /usr/local
DESTDIR :=

CFLAGS_RELEASE := -O2 -g
CFLAGS_DEBUG   := -O1 -g3 -DGCPRE_DEBUG=1
CFLAGS_FAULT   := $(CFLAGS_DEBUG) -DGCPRE_FAULTS=1

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wvla
# We define the allocation functions, so the compiler may not assume what they do. Our signal handlers run on
# the application's stacks, however small: no stack protector.
CODEGEN  := -fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-semantic-interposition -fno-strict-aliasing \
	-fno-stack-protector $(patsubst %,-fno-builtin-%,malloc calloc realloc free aligned_alloc posix_memalign)
CPPFLAGS := -D_GNU_SOURCE -iquote core
CFLAGS   := -std=gnu17 $(CODEGEN) $(WARNINGS)
LDFLAGS  := -shared -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete -Wl,-z,defs -Wl,-soname,libgcpre.so \
	-Wl,--version-script=preload/exports.map
LDLIBS   := -Wl,--as-needed -lpthread -ldl

CORE    := $(sort $(wildcard core/*/*.c))
PRELOAD := $(sort $(wildcard preload/*.c))
UNIT    := $(sort $(wildcard tests/unit/*.c))

TOOL    := $(patsubst scripts/%,%,$(sort $(wildcard scripts/gcpretool/*.py scripts/gcpretool/assets/*)))

FORMATTED := $(wildcard core/*/*.[ch] preload/*.[ch] tests/unit/*.[ch] tests/unit/plugins/*.[ch] tests/fuzz/*.[ch] tests/demo/*.c)

objects  = $(patsubst %.c,$(1)/%.o,$(CORE) $(PRELOAD))
RELEASE := $(call objects,build/obj)
DEBUG   := $(call objects,build/debug/obj)
FAULT   := $(call objects,build/fault/obj)
JOBS     = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
UNITBIN := $(UNIT:tests/unit/%.c=build/unit/%)

all: build/libgcpre.so ## the library, build/libgcpre.so (default)
debug: build/debug/libgcpre.so ## the same with assertions, build/debug/libgcpre.so
fault: build/fault/libgcpre.so ## with faults on demand (core/sys/fault.h), build/fault/libgcpre.so
unit: $(UNITBIN) ## the programs of tests/unit, in build/unit

# --- what is tested, measured, shown -------------------------------------------------------------------------
test: ## set up, build, lint, unit, system and tool tests, the quick part of the application tests
	@scripts/setup build test
	@$(MAKE) $(JOBS) --no-print-directory all debug fault unit
	@scripts/test-all
test-apps: ## every application test in full
	@scripts/setup build apps
	@$(MAKE) $(JOBS) --no-print-directory all
	@scripts/test-all --apps
test-suites: ## the test suites of Debian's source packages, with and without the library
	@scripts/setup suites
	@$(MAKE) $(JOBS) --no-print-directory -s all
	@tests/suites/run
soak: all ## all storms at once, verified, for SECONDS=1800
	@scripts/setup build test
	@scripts/soak --seconds $(if $(filter command line environment,$(origin SECONDS)),$(SECONDS),1800)
SECONDS := 60
FUZZED  := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
fuzz: ## every parser, SECONDS=60 each, with what was found before (tests/fuzz/corpus) and what is found now (build/fuzz)
	@scripts/setup build fuzz
	@$(MAKE) $(JOBS) --no-print-directory -s $(FUZZED:%=build/fuzz/%)
	@for target in $(FUZZED); do \
	    mkdir -p build/fuzz/$$target.found; \
	    build/fuzz/$$target -max_total_time=$(SECONDS) -max_len=4096 -print_final_stats=1 -artifact_prefix=build/fuzz/ \
	        build/fuzz/$$target.found tests/fuzz/corpus/$$target >build/fuzz/$$target.log 2>&1 || \
	        { tail -n 40 build/fuzz/$$target.log; echo "FAIL $$target: build/fuzz/$$target FILE repeats it"; exit 1; }; \
	    echo "ok   $$target: $$(sed -n 's/^stat::number_of_executed_units: *//p' build/fuzz/$$target.log) inputs"; \
	done
lint: all ## both compilers' warnings, formatting, cppcheck, layers, exports, scripts
	@scripts/lint
bench: all ## benchmarks against other allocators
	@scripts/bench
demo: ## a real program that leaks, with and without the library
	@scripts/setup demo
	@$(MAKE) $(JOBS) --no-print-directory -s all
	@scripts/demo
format: ## clang-format over the C sources (not over system tests and benchmarks: many are tables, set by hand)
	clang-format -i $(FORMATTED)

# --- install -------------------------------------------------------------------------------------------------
install: all ## into PREFIX (default /usr/local); DESTDIR is honoured
	install -D -m 644 build/libgcpre.so $(DESTDIR)$(PREFIX)/lib/libgcpre.so
	install -D -m 644 preload/gcpre.h $(DESTDIR)$(PREFIX)/include/gcpre.h
	install -D -m 755 scripts/gcpre $(DESTDIR)$(PREFIX)/bin/gcpre
	for file in $(TOOL); do install -D -m 644 scripts/$$file $(DESTDIR)$(PREFIX)/lib/gcpre/$$file || exit; done
uninstall: ## removes what install put there, and what Python compiled of it
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,lib/libgcpre.so include/gcpre.h bin/gcpre)
	rm -rf $(DESTDIR)$(PREFIX)/lib/gcpre
clean: ## removes build/
	rm -rf build
print-%:
	@echo '$($*)'
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

# --- how objects are made ------------------------------------------------------------------------------------
build/libgcpre.so: MODE := $(CFLAGS_RELEASE)
build/libgcpre.so: $(RELEASE)
build/debug/libgcpre.so: MODE := $(CFLAGS_DEBUG)
build/debug/libgcpre.so: $(DEBUG)
build/fault/libgcpre.so: MODE := $(CFLAGS_FAULT)
build/fault/libgcpre.so: $(FAULT)
build/libgcpre.so build/debug/libgcpre.so build/fault/libgcpre.so: build/jemalloc.o preload/exports.map
	$(CC) $(MODE) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LDLIBS)

$(RELEASE): MODE := $(CFLAGS_RELEASE)
$(DEBUG): MODE := $(CFLAGS_DEBUG)
$(FAULT): MODE := $(CFLAGS_FAULT)
# Cancelling a thread unwinds through our wrappers of blocking calls.
build/obj/preload/%.o build/debug/obj/preload/%.o build/fault/obj/preload/%.o: EXTRA := -fexceptions -fasynchronous-unwind-tables
%_avx2.o: EXTRA := -mavx2 -mbmi -mbmi2

define compile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(MODE) $(EXTRA) -MMD -MP -c -o $@ $<
endef
$(RELEASE): build/obj/%.o: %.c build/flags
	$(compile)
$(DEBUG): build/debug/obj/%.o: %.c build/flags
	$(compile)
$(FAULT): build/fault/obj/%.o: %.c build/flags
	$(compile)

build/jemalloc.o: scripts/jemalloc-private
	@mkdir -p $(@D)
	scripts/jemalloc-private $@

# Rewritten, and therefore newer than every object, only when a flag has changed.
FLAGS := $(CC) $(CPPFLAGS) $(CFLAGS) $(CFLAGS_RELEASE) $(CFLAGS_DEBUG) $(CFLAGS_FAULT) $(LDFLAGS) $(LDLIBS)
build/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' >$@

# --- fuzzing: libFuzzer, with what the parsers stand on compiled anew under the sanitizers ---------------------------
build/fuzz/%: tests/fuzz/%.c $(filter core/base/% core/world/maps.c core/world/procfd.c core/leak/elf.c core/leak/suppress.c core/ctl/request.c,$(CORE))
	@mkdir -p $(@D)
	clang $(CPPFLAGS) -std=gnu17 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined $(WARNINGS) -o $@ $^

# --- unit tests: the debug core as an archive, and check -------------------------------------------------------
build/libcore.a: $(CORE:%.c=build/debug/obj/%.o) build/jemalloc.o
	rm -f $@
	$(AR) rcs $@ $^

build/unit/%: tests/unit/%.c build/libcore.a build/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -std=gnu17 $(CFLAGS_DEBUG) -fno-strict-aliasing $(WARNINGS) -MMD -MP -o $@ $< \
	    build/libcore.a $$(pkg-config --cflags --libs check) $(LDLIBS)

# A module of its own, which the test opens.
build/unit/test_recall: build/unit/recalled.so
build/unit/%.so: tests/unit/plugins/%.c build/flags
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -O1 -g -fPIC -shared $(WARNINGS) -MMD -MP -o $@ $<

-include $(RELEASE:.o=.d) $(DEBUG:.o=.d) $(FAULT:.o=.d) $(UNITBIN:=.d)
.PHONY: all debug fault unit test test-apps test-suites soak fuzz lint bench demo format install uninstall clean help FORCE
.DELETE_ON_ERROR:
