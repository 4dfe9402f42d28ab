# Arrays, sorting, substitutions, user functions, a coprocess and big numbers over a text of words.
function depth(n, acc,    local) { local[n] = acc; return n ? depth(n - 1, acc + length(local)) : acc }
function by_count(i1, v1, i2, v2) { return v1 != v2 ? v2 - v1 : (i1 < i2 ? -1 : i1 > i2) }
{
    for (i = 2; i <= NF; i++) { count[$i]++; first[substr($i, 1, 1)][length($i)] += NR }
    line = $0
    changed += gsub(/[aeiou]+/, "<&>", line)
    if (match(line, /([a-z]+)<([a-z]+)>ng/, part)) caught[part[1]] = caught[part[1]] part[2]
    $3 = toupper($3) NR; rebuilt += length($0)
    history[NR % 50] = line
    if (NR % 100 == 0) delete history
}
END {
    print "words", length(count), "changed", changed, "rebuilt", rebuilt
    PROCINFO["sorted_in"] = "by_count"
    for (word in count) if (n++ < 8) print word, count[word]
    PROCINFO["sorted_in"] = "@ind_str_asc"
    for (letter in first) { printf "%s", letter; for (len in first[letter]) printf " %d=%d", len, first[letter][len]; print "" }
    m = asorti(caught, names); print "caught", m, names[1], names[m], length(caught[names[1]])
    print "split", split(line, pieces, /[<>]/, separators), length(separators)
    print "deep", depth(400, 0)
    filter = "sort -u | wc -l"
    for (word in count) print substr(word, 1, 4) |& filter
    close(filter, "to"); filter |& getline unique; print "unique", unique + 0, "status", close(filter)
    while (("ls -d / /tmp" | getline path) > 0) print "path", path
    for (i = 1; i <= 300; i++) text = text sprintf("%c%s", 97 + i % 26, text ~ /z$/ ? "!" : "")
    print "text", length(text), strtonum("0x7fff"), gensub(/(a)(b)/, "\\2\\1", "g", substr(text, 1, 30))
    power = 1; for (i = 1; i <= 200; i++) power *= 7
    print "power", power
}
