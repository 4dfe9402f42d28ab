# Functions, arrays, subshells, pipes, here-documents, traps, jobs, coprocesses. argument: rounds
rounds=$1

fib() { (($1 < 2)) && { echo "$1"; return; }; echo $(($(fib $(($1 - 1))) + $(fib $(($1 - 2))))); }
echo "fib: $(fib 8)"

declare -A seen; list=()
for ((i = 0, x = 1; i < rounds; i++)); do
    x=$((x * 16807 % 2147483647)); key=k$((x % 997))
    seen[$key]+="${i},"; list+=("$key:${#seen[$key]}")
done
for ((i = 0; i < rounds; i += 3)); do unset "list[$i]"; done
list=("${list[@]}")
echo "arrays: ${#seen[@]} ${#list[@]} ${list[0]} ${list[-1]} ${seen[k7]%,}"
sorted=$(printf '%s\n' "${!seen[@]}" | sort | head -n 3 | tr '\n' ' '); echo "sorted: $sorted"

text=; for ((i = 0; i < rounds; i++)); do text+="word$((i % 89)) "; done
echo "expansion: ${#text} ${text//word1/} " | wc -c
IFS=' ' read -ra pieces <<< "$text"; echo "read: ${#pieces[@]} ${pieces[*]:5:3}"
[[ $text =~ (word8[0-9])\ (word[0-9]+) ]] && echo "regex: ${BASH_REMATCH[*]}"
quoted=$(printf '%q ' "${pieces[@]:0:3}" $'tab\there' 'it'\''s'); eval "back=($quoted)"; echo "quoted: ${#back[@]} ${back[-1]}"

sum() { local total=0 n; while read -r n; do ((total += n)); done; echo "$total"; }
echo "pipe: $(seq "$rounds" | while read -r n; do echo $((n * n % 1000)); done | sort -n | uniq -c | awk '{ print $1 * $2 }' | sum)"
echo "process substitution: $(diff <(seq 1 100) <(seq 2 101) | wc -l)"
mapfile -t lines < <(for ((i = 0; i < 200; i++)); do echo "line $i"; done); echo "mapfile: ${#lines[@]} ${lines[199]}"
cat << END | (while read -r a b; do echo "$b $a"; done) | tr a-z A-Z
here $(printf 'document %03d' "$rounds")
ends with ${seen[k8]:-nothing}
END

# signals: every one arrives, and interrupts no builtin half-way
caught=0; trap 'caught=$((caught + 1)); junk=($(seq 20))' USR1
for ((i = 0; i < 50; i++)); do kill -USR1 $BASHPID; seen[signal]+=$i; done
trap - USR1; echo "signals: $caught ${#seen[signal]}"
(trap 'echo "exit trap: $?"' EXIT; trap 'exit 4' TERM; kill -TERM $BASHPID; sleep 60); echo "subshell: $?"
set -E; fails() { trap 'echo "err trap: line is known, status $?"' ERR; false; true; }; fails; trap - ERR

# jobs: 20 children, their exit statuses collected in order of their ids
pids=(); for ((i = 0; i < 20; i++)); do (for ((j = 0; j < 50; j++)); do v[j]=$((i * j)); done; exit $((v[7] % 50))) & pids+=($!); done
statuses=; for pid in "${pids[@]}"; do wait "$pid"; statuses+="$? "; done; echo "jobs: $statuses"
coproc UPPER { while read -r line; do echo "${line^^} ${#line}"; done; }
for ((i = 0; i < 20; i++)); do echo "to the coprocess $i" >&"${UPPER[1]}"; read -r answer <&"${UPPER[0]}"; done
echo "coproc: $answer"; eval "exec ${UPPER[1]}>&-"; wait "$UPPER_PID"; echo "coproc ended: $?"
mkfifo silent; exec {silent}<> silent; read -r -t 0.05 -u "$silent" nothing; echo "read timed out: $(($? > 128))"

source /dev/stdin <<< 'made() { local -n to=$1; to+=("made $2"); }; declare -a out; for n in {1..500}; do made out $n; done'
echo "nameref: ${#out[@]} ${out[499]}"
printf -v padded '%-20s|%05.1f|%x' left 3.14159 255; echo "printf: $padded"
exit 9
