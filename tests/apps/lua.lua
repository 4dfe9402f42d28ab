-- Tables, strings, closures, coroutines, weak tables and finalisers. argument: rounds
local rounds = tonumber(arg[1])
local seed = 42
local function random(n) seed = seed * 16807 % 2147483647; return seed % n + 1 end

local function report(name, value) print(name .. ": " .. tostring(value)) end

-- objects with metatables
local Vector = {}
Vector.__index = Vector
Vector.__add = function(a, b) return setmetatable({ x = a.x + b.x, y = a.y + b.y }, Vector) end
Vector.__tostring = function(v) return "(" .. v.x .. "," .. v.y .. ")" end
local sum = setmetatable({ x = 0, y = 0 }, Vector)
for i = 1, rounds * 20 do sum = sum + setmetatable({ x = i, y = -i }, Vector) end
report("vector", sum)

-- a map that grows, shrinks and is sorted
local map = {}
for i = 1, rounds * 10 do map["key" .. random(rounds * 5)] = { i, tostring(i):rep(random(9)) } end
for i = 1, rounds * 5, 3 do map["key" .. i] = nil end
local keys = {}
for key in pairs(map) do keys[#keys + 1] = key end
table.sort(keys)
local total = 0
for _, key in ipairs(keys) do total = total + #map[key][2] end
report("map", #keys .. " " .. total .. " " .. keys[1] .. " " .. keys[#keys])

-- strings
local parts = {}
for i = 1, rounds do parts[i] = ("%05d:%x:%s"):format(i, i * 2654435761, ("ab"):rep(i % 50)) end
local text = table.concat(parts, ";")
local count = select(2, text:gsub("(%x+):(%a+)", "%2-%1"))
report("gsub", #text .. " " .. count)
local seen = 0
for word in text:gmatch("[^;]+") do if word:reverse():upper():find("BABA", 1, true) then seen = seen + 1 end end
report("gmatch", seen)

-- a pipeline of coroutines
local function producer() return coroutine.wrap(function() for i = 1, rounds * 2 do coroutine.yield({ i }) end end) end
local function filter(source, divisor)
    return coroutine.wrap(function() for box in source do if box[1] % divisor ~= 0 then coroutine.yield(box) end end end)
end
local pipe, passed = filter(filter(filter(producer(), 2), 3), 5), 0
for box in pipe do passed = passed + box[1] end
report("coroutines", passed)
local sleepers = {}
for i = 1, rounds do sleepers[i] = coroutine.create(function(a) local b = coroutine.yield({ a }); error({ b[1] + i }) end) end
local caught = 0
for i, thread in ipairs(sleepers) do
    local _, box = coroutine.resume(thread, i)
    local ok, err = coroutine.resume(thread, box)
    if not ok then caught = caught + err[1] end
end
report("errors", caught)

-- weak tables and finalisers
local weak, finalised = setmetatable({}, { __mode = "k" }), 0
local held = {}
for i = 1, rounds do
    local object = setmetatable({}, { __gc = function() finalised = finalised + 1 end })
    weak[object] = ("payload"):rep(i % 20)
    if i % 4 == 0 then held[#held + 1] = object end
end
collectgarbage(); collectgarbage()
local alive = 0
for _ in pairs(weak) do alive = alive + 1 end
report("weak", alive .. " alive, " .. finalised .. " finalised, " .. #held .. " held")

-- generational mode, code from strings
collectgarbage("generational")
local made = 0
for i = 1, rounds do made = made + load("local a, b = ... ; return function() return a * b + " .. i .. " end")(i, 2)() end
report("load", made)
local matrix = {}
for i = 1, 60 do matrix[i] = {}; for j = 1, 60 do matrix[i][j] = table.pack(i, j, i * j, table.unpack({ i, j })).n end end
report("packed", matrix[60][60])
