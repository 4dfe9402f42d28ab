# Lua: many small blocks, realloc of tables and strings, an own collector above ours.
. "$(dirname "$0")/prelude"
$PRELOAD lua5.4 "$APPS/lua.lua" "$(size 5000 60000)"
$PRELOAD lua5.4 -e 'local t = {} for i = 1, 1e7 do t[i] = i if i == 1e6 then os.exit(7) end end' || say exit $?
$PRELOAD lua5.4 -e 'error({})' 2> /dev/null || say error $?
