# git: a history with branches, merges and renames; packing with threads, cloning, searching, checking.
. "$(dirname "$0")/prelude"
export GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat GIT_TERMINAL_PROMPT=0
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=C GIT_COMMITTER_EMAIL=c@example.org
clock=1600000000 letters=abcdefgh

git_() { GIT_AUTHOR_DATE="@$clock +0000" GIT_COMMITTER_DATE="@$clock +0000" $PRELOAD git "$@"; }
commit() { clock=$((clock + 60)); git_ commit -q -a -m "$1"; }

files=$(size 60 400) commits=$(size 6 25)
printf '[user]\n\tname = A\n\temail = a@example.org\n[gc]\n\tautoDetach = false\n[pack]\n\tthreads = 2\n' > .gitconfig
input=$(cached words words $((files * 40)) 19)

git_ init -q -b main repo
cd repo
mkdir -p src/deep doc
split -l 40 -a 2 --additional-suffix=.txt "$input" src/f
git_ add .
commit 'all files'
for ((n = 1; n <= commits; n++)); do
    sed -i "$((n % 30 + 1))s/^/change $n: /; \$a line $n" src/faa.txt src/f?"${letters:n % 8:1}".txt
    echo "notes $n" > "doc/n$n"
    git_ add doc
    commit "change $n"
done
git_ checkout -q -b side HEAD~3
git_ mv src/fab.txt src/deep/renamed.txt
sed -i '5,9d' src/deep/renamed.txt
commit 'rename'
git_ checkout -q main
git_ tag -a -m 'a tag' v1
git_ merge -q -m 'merge side' side
sed -i 's/ing/ING/' src/faa.txt
git_ stash -q
git_ checkout -q -b conflict HEAD~1
sed -i '1s/^/ours /' src/fab.txt
commit 'conflicting'
git_ rebase -q main
git_ stash pop -q
commit 'popped'

say head "$(git_ rev-parse HEAD)"
say log "$(git_ log --all --graph --stat -M -p | digest)"
say blame "$(git_ blame -s src/faa.txt | digest)"
say grep "$(git_ grep --threads 2 -n 'change [135]' v1 | digest)"
say pickaxe "$(git_ log --oneline -S'ING' | wc -l)"
say diff "$(git_ diff --patience --word-diff v1 HEAD | digest)"
say archive "$(git_ archive --format=tar HEAD | digest)"

git_ gc -q --aggressive --prune=now
git_ fsck --full --strict --no-progress && say fsck clean
say objects "$(git_ count-objects -v | grep -E '^(count|in-pack|packs|garbage)' | tr '\n' ' ')"
git_ repack -q -a -d -f --depth=20 --window=20
git_ verify-pack .git/objects/pack/*.idx && say pack verified

cd ..
git_ clone -q "file://$PWD/repo" clone
git_ clone -q --bare --depth=3 "file://$PWD/repo" shallow
say clone "$(git_ -C clone log --oneline | digest) $(git_ -C shallow log --oneline | wc -l)"
say status "$(git_ -C clone status --porcelain | wc -l)"
echo new > clone/new
git_ -C clone add new
(cd clone && commit 'new in the clone')
git_ -C clone push -q origin HEAD:refs/heads/pushed
say pushed "$(git_ -C repo log -1 --format=%H pushed)"
git_ -C repo bundle create -q ../all.bundle --all
say bundle "$(git_ -C repo bundle verify -q ../all.bundle && echo verified)"
git_ -C repo checkout -q no-such-branch 2> /dev/null || say 'no such branch' $?
