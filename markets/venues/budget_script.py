"""The rules of `markets.venues.budget_rules` as one script in Redis: one round trip for one request.

Keys: the pool's hash, the account's hash.
Arguments: weight, span of the weight (ms), how far it may be filled, number of the span and weight that this process
has seen there, until when this process knows of a ban, how long to keep the hashes (ms); then span and limit of each
count of orders.
Returns the ruling, until when it holds, the time (all clocks of the machines that share the budget are Redis' one),
and until when the pool is banned.
"""

RESERVE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local pool = redis.call('HMGET', KEYS[1], 'span', 'used', 'banned')
local span, used, banned = tonumber(pool[1]) or -1, tonumber(pool[2]) or 0, tonumber(pool[3]) or 0
local weight, length, allowed = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local seen_span, seen_used, known_ban = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local keep = tonumber(ARGV[7])

local present = math.floor(now / length)
if span ~= present then span, used = present, 0 end
if seen_span == present and seen_used > used then used = seen_used end
if known_ban > banned then banned = known_ban end

local function leave(ruling, until_)
  redis.call('HSET', KEYS[1], 'span', span, 'used', used, 'banned', banned)
  redis.call('PEXPIRE', KEYS[1], math.max(keep, banned - now + keep))
  return {ruling, until_, now, banned}
end

if banned > now then return leave(1, banned) end
local places = #ARGV > 7
local held = places and tonumber(redis.call('HGET', KEYS[2], 'held')) or 0
if held > now then return leave(3, held) end
if weight > 0 and used + weight > allowed then return leave(2, (present + 1) * length) end

local changes = {}
for i = 8, #ARGV, 2 do
  local each, limit = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  local number = math.floor(now / each)
  local known = redis.call('HMGET', KEYS[2], 'span' .. ARGV[i], 'used' .. ARGV[i])
  local count = tonumber(known[1]) == number and tonumber(known[2]) or 0
  if count >= limit then return leave(3, (number + 1) * each) end
  table.insert(changes, 'span' .. ARGV[i]) table.insert(changes, number)
  table.insert(changes, 'used' .. ARGV[i]) table.insert(changes, count + 1)
end
if places then
  redis.call('HSET', KEYS[2], unpack(changes))
  redis.call('PEXPIRE', KEYS[2], keep)
end
used = used + weight
return leave(0, 0)
"""

# Keys: the hash. Arguments: the field, until when, how long to keep the hash (ms). The later of two ends wins.
POSTPONE = """
local known = tonumber(redis.call('HGET', KEYS[1], ARGV[1])) or 0
if tonumber(ARGV[2]) > known then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return redis.status_reply('OK')
"""
