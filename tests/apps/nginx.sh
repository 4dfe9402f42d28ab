# nginx under load while it reloads: not one request fails, every one is in the log, every byte is right.
. "$(dirname "$0")/prelude"
rounds=$(size 4 12) requests=$(size 1000 8000)
[ -e "$CACHE/key" ] || openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$CACHE/key" -out "$CACHE/certificate" 2> /dev/null
port=$(free_port) secure=$(free_port)
http=http://127.0.0.1:$port https=https://127.0.0.1:$secure

mkdir html tmp
for n in 1 2 3 4 5 6 7 8; do words $((n * n * 30)) $n > html/$n; done
chmod -R a+rX .
configure() {                                   # configure GENERATION
    cat > nginx.conf <<END
$([ "$(id -u)" != 0 ] || echo 'user root;')
daemon off;
worker_processes 2;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 512; }
http {
    default_type text/plain;
    client_max_body_size 10m;
    log_format short '\$status \$request';
    access_log access.log short;
    client_body_temp_path tmp/body; proxy_temp_path tmp/proxy; fastcgi_temp_path tmp/f; uwsgi_temp_path tmp/u; scgi_temp_path tmp/s;
    proxy_cache_path tmp/cache keys_zone=zone:1m use_temp_path=off;
    gzip on; gzip_types text/plain; gzip_min_length 100;
    # Nothing kept alive: a worker that ends closes such a connection, perhaps as a request comes.
    upstream self { server 127.0.0.1:$port; }
    server {
        listen 127.0.0.1:$port;
        listen 127.0.0.1:$secure ssl http2;
        ssl_certificate $CACHE/certificate;
        ssl_certificate_key $CACHE/key;
        root html;
        location = /generation { return 200 "$1\n"; }
        location /proxied/ { proxy_pass http://self/; }
        location /cached/ { proxy_pass http://self/; proxy_cache zone; proxy_cache_valid 1m; }
        location /moved { rewrite ^/moved/(.*)\$ /\$1 redirect; }
        location /upload { proxy_pass http://self/generation; proxy_method GET; }
    }
}
END
}
curl_()      { curl -sS --cacert "$CACHE/certificate" --no-progress-meter --noproxy '*' "$@"; }
generation() { [ "$(curl_ $http/generation)" = "$1" ]; }
fetched()    { mkdir -p "$1" && curl_ "${@:3}" -o "$1/#1" "$2/[1-8]" && diff -r html "$1" && say "$1" right; }

configure 0
$PRELOAD nginx -p "$PWD" -c nginx.conf -e stderr &
server=$!
eventually generation 0
fetched plain $http
fetched gzip $http --compressed
fetched tls $https --http1.1
fetched http2 $https --http2 -Z
fetched proxied $http/proxied
fetched cached $http/cached
fetched cached $http/cached
fetched redirected $http/moved -L
say range "$(curl_ -r 1000-2000 $http/8 | digest)"
say missing "$(curl_ -o /dev/null -w '%{http_code}' $http/none)"
head -c 3000000 /dev/zero > body
say upload "$(curl_ -T body $http/upload)"

# load by ab; reloads meanwhile
load() { ab -q -n "$requests" -c 8 "$@" 2>&1 | awk '/^(Complete|Failed|Non-2xx)/ { printf "%s ", $0 }' | tr -s ' '; }
load -k $http/5 > ab.keepalive
say 'load, connections kept' "$(< ab.keepalive)"
(load $http/3 > ab.1; load $http/proxied/6 > ab.2) &
for ((n = 1; n <= rounds; n++)); do
    configure $n
    kill -HUP $server
    eventually generation $n
    curl_ --retry 5 --retry-all-errors -o seven $https/7 # as above
    cmp seven html/7
done
wait $!
say 'load and reloads' "$(< ab.1)$(< ab.2)"
mv access.log rotated
kill -USR1 $server
eventually test -e access.log
say 'after rotation' "$(curl_ $http/1 | cmp - html/1 && echo right)"
stop $server QUIT && say 'server ended' $?

# polls of the generation vary in number, everything else is counted
say log "$(cat rotated access.log | grep -v /generation | sort | uniq -c | tr -s ' ' | digest)"
cat rotated access.log | grep -v /generation | cut -d' ' -f1 | sort | uniq -c | tr -s ' '
