#!lua name=lab

-- The slot of a key exactly as Redis Cluster computes it: CRC16 (XMODEM) of the hash tag, modulo 16384.
local function slot(keys)
  local key = keys[1]
  local open = string.find(key, '{', 1, true)
  local close = open and string.find(key, '}', open + 1, true)
  if close and close > open + 1 then key = string.sub(key, open + 1, close - 1) end
  local crc = 0
  for i = 1, #key do
    crc = bit.bxor(crc, bit.lshift(string.byte(key, i), 8))
    for _ = 1, 8 do
      crc = bit.lshift(crc, 1)
      if bit.band(crc, 0x10000) ~= 0 then crc = bit.bxor(crc, 0x11021) end
    end
  end
  return crc % 16384
end

-- Those of the keys, or of the fields `args` of the first one, that have a time to live.
local function ending(keys, args)
  local found = {}
  for _, key in ipairs(keys) do
    if redis.call('TTL', key) >= 0 then table.insert(found, key) end
  end
  for _, field in ipairs(args) do
    local left = redis.pcall('HTTL', keys[1], 'FIELDS', 1, field)
    if type(left) == 'table' and left[1] and left[1] >= 0 then table.insert(found, field) end
  end
  return found
end

-- Of pairs `key`, `database`: those that have a time to live there.
local function ending_in(keys, args)
  local found = {}
  for i, key in ipairs(keys) do
    redis.call('SELECT', args[i])
    if redis.call('TTL', key) >= 0 then table.insert(found, key) end
  end
  return found
end

-- Of pairs `key`, `database`: where a key is in a database to which it does not belong.
local function strays(keys, args)
  local found = {}
  for database = 0, 15 do
    if redis.pcall('SELECT', database).err then break end
    for i, key in ipairs(keys) do
      if database ~= tonumber(args[i]) and redis.call('EXISTS', key) == 1 then
        table.insert(found, 'db ' .. database .. ': ' .. key)
      end
    end
  end
  return found
end

-- What is wrong with the pages 1 to `args[1]`: those that are gone, changed, have a time to live, or were added.
local function pages(_, args)
  local total, found, added = tonumber(args[1]), {}, {}
  local cursor, seen = '0', {}
  repeat
    local answer = redis.call('SCAN', cursor, 'MATCH', 'page:*', 'COUNT', 1000)
    cursor = answer[1]
    for _, name in ipairs(answer[2]) do seen[name] = true end
  until cursor == '0'
  for i = 1, total do
    local name = 'page:' .. i
    if not seen[name] then table.insert(found, 'gone: ' .. name)
    elseif redis.pcall('GET', name) ~= 'seen' then table.insert(found, 'changed: ' .. name)
    elseif redis.call('TTL', name) >= 0 then table.insert(found, 'ends: ' .. name)
    end
    seen[name] = nil
  end
  for name in pairs(seen) do table.insert(added, 'added: ' .. name) end
  table.sort(added)
  for _, text in ipairs(added) do table.insert(found, text) end
  return { unpack(found, 1, 3) }
end

-- The members of a set. Where there is none: an error if another database has something of this name.
local function members(keys)
  local found = redis.call('SMEMBERS', keys[1])
  if #found > 0 then return found end
  for database = 1, 15 do
    if redis.pcall('SELECT', database).err then break end
    if redis.call('EXISTS', keys[1]) == 1 then return redis.error_reply('OTHERDB in database ' .. database) end
  end
  return found
end

-- What is missing of the things that have to stay: keys, jobs that wait or are in work, players on the board.
local function missing()
  local found = {}
  -- An empty text is no setting either.
  local length = redis.pcall('STRLEN', 'config:checkout:timeout')
  if type(length) == 'table' or length == 0 then table.insert(found, 'config:checkout:timeout') end
  local jobs = {}
  for _, list in ipairs({ 'jobs:mail', 'jobs:mail:working' }) do
    local all = redis.pcall('LRANGE', list, 0, -1)
    if not all.err then
      for _, job in ipairs(all) do jobs[job] = true end
    end
  end
  for _, job in ipairs({ 'receipt:lee', 'reminder:park' }) do
    if not jobs[job] then table.insert(found, 'jobs:mail: ' .. job) end
  end
  for _, player in ipairs({ 'kim', 'lee', 'park', 'choi', 'han' }) do
    local score = redis.pcall('ZSCORE', 'board:week', player)
    if not score or type(score) == 'table' then table.insert(found, 'board:week: ' .. player) end
  end
  return found
end

-- What has been noted of the uploads: 'all', 'some', 'nothing', or what is the matter.
local function noted(keys, args)
  local function count()
    local type = redis.call('TYPE', keys[1]).ok
    if type == 'none' then return 0, 0 end
    if type ~= 'set' then return -1, 0 end
    local right = 0
    for _, name in ipairs(args) do right = right + redis.call('SISMEMBER', keys[1], 'tmp:upload:' .. name) end
    return right, redis.call('SCARD', keys[1])
  end
  redis.call('SELECT', 1)
  local right, all = count()
  if right < 0 then return 'not in a set' end
  if right == #args and all == right then return 'all of them' end
  if right == #args then return 'more than the uploads' end
  local left = 0
  for _, name in ipairs(args) do left = left + redis.call('EXISTS', 'tmp:upload:' .. name) end
  if right + left < #args then return 'removed before they were noted' end
  if right > 0 then return 'only some of them' end
  if all > 0 then return 'other names' end
  redis.call('SELECT', 0)
  right = count()
  if right > 0 then return 'in database 0' end
  return 'nothing'
end

local read_only = { 'no-writes' }
redis.register_function { function_name = 'slot', callback = slot, flags = read_only }
redis.register_function { function_name = 'ending', callback = ending, flags = read_only }
redis.register_function { function_name = 'ending_in', callback = ending_in, flags = read_only }
redis.register_function { function_name = 'members', callback = members, flags = read_only }
redis.register_function { function_name = 'strays', callback = strays, flags = read_only }
redis.register_function { function_name = 'pages', callback = pages, flags = read_only }
redis.register_function { function_name = 'missing', callback = missing, flags = read_only }
redis.register_function { function_name = 'noted', callback = noted, flags = read_only }
