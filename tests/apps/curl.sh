# curl: many transfers at once, TLS, uploads, ranges, redirects, cookies, errors; against a server of Python's.
. "$(dirname "$0")/prelude"
[ -e "$CACHE/key" ] || openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost \
    -addext subjectAltName=IP:127.0.0.1,DNS:localhost -keyout "$CACHE/key" -out "$CACHE/certificate" 2> /dev/null
python3 "$APPS/curl.py" "$CACHE/certificate" "$CACHE/key" ports &
eventually test -e ports
read -r plain secure < ports
http=http://127.0.0.1:$plain https=https://127.0.0.1:$secure
curl_() { $PRELOAD curl -sS --cacert "$CACHE/certificate" --no-progress-meter --noproxy '*' --max-time 300 "$@"; }

many=$(size 60 600)
say one "$(curl_ $http/text/1000000 | digest)"
say tls "$(curl_ $https/text/1000000 | digest)"
say keep-alive "$(curl_ "$http/text/[1-$many]" | digest)"
say parallel "$(mkdir p && curl_ -Z --parallel-max 16 -o 'p/#1' "$http/text/[1-$many]" && sha256sum p/* | digest)"
say 'parallel tls' "$(mkdir s && curl_ -Z --parallel-max 8 -o 's/#1' "$https/text/[1000-$((1000 + many / 4))]" && sha256sum s/* | digest)"
say range "$(curl_ -r 100-5000 $http/text/9999 | digest)"
say gzip "$(curl_ --compressed $http/gzip/300000 | digest)"
say chunks "$(curl_ $http/chunks/700 | digest)"
say redirect "$(curl_ -L -w ' %{num_redirects} %{http_code}' $http/redirect/12 | digest)"
say cookies "$(curl_ -c jar -b jar "$http/cookie/[1-5]")"
head -c 700000 /dev/zero | tr '\0' z > body
say post "$(curl_ --data-binary @body -H Expect: $https/post)"
say put "$(curl_ -T body $http/put)"
say form "$(curl_ -F 'a=b' -F 'f=@body;filename=x' $http/post | cut -d' ' -f1 | awk '{ print ($1 > 700000) }')"
say file "$(curl_ "file://$PWD/body" | digest)"
say config "$(printf 'url=%s/text/%d\n' $http 11 $http 22 $https 33 | curl_ -K - | digest)"
say missing "$(curl_ -f $http/none 2>&1 || echo $?)"
say refused "$(curl_ http://127.0.0.1:1/ 2> /dev/null || echo $?)"
say untrusted "$($PRELOAD curl -s $https/text/1 || echo $?)"
say slow "$(curl_ --limit-rate 2M $http/text/400000 | digest)"
