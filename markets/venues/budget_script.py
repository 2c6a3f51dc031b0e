"""The rules of `markets.venues.budget_rules` as one script in Redis: one round trip for any number of like requests.

Keys: the pool's hash, then the hash of the account of each request.
Arguments: weight of each, span of the weight (ms), how far it may be filled, number of the span and weight that this
process has seen there, until when this process knows of a ban, how long to keep the hashes (ms); then span and limit of
each count of orders.
Returns the time (all clocks of the machines that share the budget are Redis' one) and until when the pool is banned;
then, for each request that is not granted, its number, the ruling, and until when that holds.
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

local fields = {'held'}
for i = 8, #ARGV, 2 do
  table.insert(fields, 'span' .. ARGV[i])
  table.insert(fields, 'used' .. ARGV[i])
end

local function rule(account)
  if banned > now then return 1, banned end
  local known = #ARGV > 7 and redis.call('HMGET', account, unpack(fields)) or {}
  local held = tonumber(known[1]) or 0
  if held > now then return 3, held end
  if weight > 0 and used + weight > allowed then return 2, (present + 1) * length end
  local changes = {}
  for i = 8, #ARGV, 2 do
    local each, limit, place = tonumber(ARGV[i]), tonumber(ARGV[i + 1]), i - 6
    local number = math.floor(now / each)
    local count = tonumber(known[place]) == number and tonumber(known[place + 1]) or 0
    if count >= limit then return 3, (number + 1) * each end
    table.insert(changes, fields[place]) table.insert(changes, number)
    table.insert(changes, fields[place + 1]) table.insert(changes, count + 1)
  end
  if #changes > 0 then
    redis.call('HSET', account, unpack(changes))
    redis.call('PEXPIRE', account, keep)
  end
  used = used + weight
  return 0, 0
end

local answer = {now, banned}
for i = 2, #KEYS do
  local ruling, until_ = rule(KEYS[i])
  if ruling > 0 then
    table.insert(answer, i - 2) table.insert(answer, ruling) table.insert(answer, until_)
  end
end
redis.call('HSET', KEYS[1], 'span', span, 'used', used, 'banned', banned)
redis.call('PEXPIRE', KEYS[1], math.max(keep, banned - now + keep))
return answer
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
