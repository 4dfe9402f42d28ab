# Node.js: V8's moving collector above ours, libuv's pool, workers, zlib and OpenSSL inside.
. "$(dirname "$0")/prelude"
$PRELOAD node --expose-gc "$APPS/node.js" "$(size 400 4000)" || say exit $?
say 'script error' "$($PRELOAD node -e 'null.x' 2>&1 | grep -c TypeError)"
