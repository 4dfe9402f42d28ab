# openssl: digests, ciphers, keys, certificates, signed mail, and TLS between its own server and client.
. "$(dirname "$0")/prelude"
input=$(cached words words "$(size 6000 60000)" 23)
export OPENSSL_CONF=$PWD/openssl.cnf
printf '[req]\ndistinguished_name = dn\n[dn]\n[ca]\nbasicConstraints = critical,CA:TRUE\n[leaf]\nsubjectAltName = DNS:localhost\n' > openssl.cnf
ssl() { $PRELOAD openssl "$@"; }

for hash in md5 sha1 sha512 sha3-256 blake2b512; do say $hash "$(ssl dgst -$hash < "$input" | cut -c1-60)"; done
for cipher in aes-256-cbc aes-128-ctr chacha20 camellia-192-cbc; do
    ssl enc -$cipher -pass pass:secret -pbkdf2 -S 0123456789abcdef -in "$input" -out packed
    say $cipher "$(digest < packed) $(ssl enc -d -$cipher -pass pass:secret -pbkdf2 -S 0123456789abcdef -in packed | cmp - "$input" && echo same)"
done
say base64 "$(ssl base64 -in "$input" | ssl base64 -d | cmp - "$input" && echo same)"
say prime "$(ssl prime 1000000007) $(ssl prime -generate -bits 256 | awk '{ print (length > 70) }')"

# an authority, a leaf, a revocation of trust
ssl genrsa -out ca.key 2048 2> /dev/null
ssl req -x509 -new -key ca.key -subj /CN=authority -days 30 -extensions ca -out ca.pem
ssl ecparam -name prime256v1 -genkey -noout -out leaf.key
ssl req -new -key leaf.key -subj /CN=localhost -out leaf.csr
ssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -set_serial 7 -days 20 -extfile openssl.cnf -extensions leaf -out leaf.pem 2> /dev/null
ssl verify -CAfile ca.pem leaf.pem
ssl verify leaf.pem > /dev/null 2>&1 || say 'not trusted' $?
say subject "$(ssl x509 -in leaf.pem -noout -subject -issuer -serial -ext subjectAltName | tr '\n' ' ')"
for key in ed25519 x448 rsa-pss; do say $key "$(ssl genpkey -quiet -algorithm $key | ssl pkey -noout -check 2>&1 || echo "status $?")"; done
ssl dgst -sha256 -sign ca.key -out signature "$input"
say signature "$(digest < signature | wc -c) $(ssl dgst -sha256 -verify <(ssl rsa -in ca.key -pubout 2> /dev/null) -signature signature "$input")"
ssl cms -sign -in "$input" -signer leaf.pem -inkey leaf.key -certfile ca.pem -binary -out signed.cms
say cms "$(ssl cms -verify -in signed.cms -CAfile ca.pem -purpose any -binary 2> /dev/null | cmp - "$input" && echo verified)"
ssl pkcs12 -export -in leaf.pem -inkey leaf.key -certfile ca.pem -passout pass:x -out all.p12
say pkcs12 "$(ssl pkcs12 -in all.p12 -passin pass:x -nodes | grep -c BEGIN)"
say asn1 "$(ssl asn1parse -in leaf.pem | grep -c OBJECT)"

# TLS on loopback: many connections, sessions resumed, a client that is not trusted
port=$(free_port)
cp "$input" page
$PRELOAD openssl s_server -accept 127.0.0.1:$port -cert leaf.pem -key leaf.key -CAfile ca.pem -WWW -quiet &
server=$!
client() { $PRELOAD openssl s_client -connect 127.0.0.1:$port -CAfile ca.pem -verify_return_error -servername localhost "$@"; }
fetch() { printf 'GET /page HTTP/1.0\r\n\r\n' | client -quiet -ign_eof "$@" 2> /dev/null | sed '1,/^\r$/d'; }
eventually openssl s_client -connect 127.0.0.1:$port -brief
for ((n = 0; n < $(size 6 40); n++)); do fetch | cmp - "$input"; done
say 'tls 1.3' "$(fetch -tls1_3 | digest)"
say 'tls 1.2' "$(fetch -tls1_2 | digest)"
client -sess_out session < /dev/null > /dev/null 2>&1
say resumed "$(client -tls1_2 -reconnect < /dev/null 2> /dev/null | grep -c '^Reused')"
$PRELOAD openssl s_client -connect 127.0.0.1:$port -verify_return_error -brief < /dev/null > /dev/null 2>&1 || say 'client does not trust' $?
stop $server > /dev/null || say server $?
