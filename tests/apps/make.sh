# GNU make with two jobs: pattern rules, functions, included files, a recursive make under the job server.
. "$(dirname "$0")/prelude"
targets=$(size 80 250)
words $((targets * 5)) 29 > words
mkdir src sub
split -l 5 -a 3 --additional-suffix=.in words src/f

cat > Makefile <<'END'
inputs  := $(sort $(wildcard src/*.in))
outputs := $(patsubst src/%.in,out/%.txt,$(inputs))
upper    = $(shell echo '$(1)' | tr a-z A-Z)
twice    = $(foreach name,$(1),$(name)-$(words $(wordlist 1,3,$(inputs))) $(subst a,A,$(name)))
define rule
out/$(1).sum: out/$(1).txt ; @cksum < $$< | cut -d' ' -f1 > $$@
sums += out/$(1).sum
endef

all: total listing
	@$(MAKE) --no-print-directory -C sub FROM=$(words $(inputs))
	@echo $(words $(outputs)) outputs, $(call upper,first $(notdir $(firstword $(outputs))))
	@echo $(call twice,alpha beta gamma)
out: ; @mkdir $@
out/%.txt: src/%.in | out ; @sort -k3 $< | awk '{ print $$3, $$1 }' > $@
$(foreach input,$(inputs),$(eval $(call rule,$(basename $(notdir $(input))))))
total: $(sums) ; @cat $^ | awk '{ s += $$1 } END { printf "%d\n", s }' > $@
include depend
depend: ; @for f in $(inputs); do echo "listing: $$f"; done > $@
listing: ; @echo $^ | wc -w > $@
fails: ; @exit 3
END
printf 'all: a b ; @echo sub $(FROM) $^\n%%: ; @seq $(FROM) > $@\n' > sub/Makefile

$PRELOAD make -j2 2> /dev/null
say total "$(cat total) $(cat listing)"
say outputs "$(cat out/*.txt | digest)"
say again "$($PRELOAD make -j2)"
touch src/faaa.in
say 'one changed' "$($PRELOAD make -j2 -n | wc -l)"
say database "$($PRELOAD make -p -n -r | grep -c '^out/f')"
$PRELOAD make -k fails missing > /dev/null 2>&1 || say fails $?
