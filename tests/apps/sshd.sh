# OpenSSH: a server with privilege separation and seccomp filters that kill on a surprising system call, and its client.
. "$(dirname "$0")/prelude"
sshd=$(command -v sshd)                         # it wants to be started by its full path
user=$(id -un) port=$(free_port)
ssh-keygen -q -t ed25519 -N '' -f host
ssh-keygen -q -t rsa -b 2048 -N '' -f key
cp key.pub authorized
chmod 600 authorized
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
cat > sshd_config <<END
ListenAddress 127.0.0.1:$port
HostKey $PWD/host
PidFile none
AuthorizedKeysFile $PWD/authorized
StrictModes no
UsePAM no
PermitRootLogin yes
MaxStartups 100
Subsystem sftp internal-sftp
END
echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 host.pub)" > known
options="-F none -i $PWD/key -o UserKnownHostsFile=$PWD/known -o StrictHostKeyChecking=yes -o BatchMode=yes -o LogLevel=ERROR"
ssh_() { $PRELOAD ssh $options -p "$port" "$user@127.0.0.1" "$@"; }

$PRELOAD "$sshd" -D -e -f sshd_config 2> server.log &
server=$!
eventually ssh $options -p "$port" "$user@127.0.0.1" true

words "$(size 10000 40000)" 37 > words
say echo "$(ssh_ echo from the other side)"
ssh_ exit 9 || say status $?
say there "$(ssh_ 'sha256sum' < words | cut -c1-20)"
say back "$(ssh_ "cat '$PWD/words'" | digest)"
for options_ in '-c aes128-ctr -m hmac-sha2-512' '-c chacha20-poly1305@openssh.com' '-C -o KexAlgorithms=ecdh-sha2-nistp256' '-o RekeyLimit=200K'; do
    say "$options_" "$(ssh_ $options_ cat < words | digest)"
done
for ((n = 0; n < $(size 8 40); n++)); do ssh_ "echo $n" > out.$n & done
# shellcheck disable=SC2046 # one argument a job is what is wanted
wait $(jobs -p | grep -v "^$server$")
say parallel "$(cat out.? out.?? 2> /dev/null | sort -n | digest)"
printf 'put words copy\nget copy back\nrename copy renamed\nls -1 renamed\n' | $PRELOAD sftp $options -q -b - -P "$port" "$user@127.0.0.1:$PWD" 2>&1 | grep -v '^sftp>' || :
say sftp "$(digest < back)"
ssh-keygen -q -t ed25519 -N '' -f other
$PRELOAD ssh -F none -i other -o IdentitiesOnly=yes -o UserKnownHostsFile=known -o BatchMode=yes -p "$port" "$user@127.0.0.1" true 2> /dev/null || say refused $?
stop $server || say 'server ended' $?
grep -iE 'fatal|gcpre|signal' server.log >&2 || :
