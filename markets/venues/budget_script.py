"""The rules of `markets.venues.budget_rules` as one script in Redis: one round trip for many like requests.

Keys: the pool's hash, that of accounts that wait, then for each count of orders the hash of its present span, which
holds what each account has used of it: so that many accounts (Lua takes some 3,900) are read, and written, by one
command.
Arguments: weight of each, span of the weight (ms), how far it may be filled, number of the span and weight that this
process has seen there, until when this process knows of a ban, how long to keep the hashes (ms), how many counts of
orders there are; then span and limit of each of them, then the accounts of the requests.
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
local keep, counted = tonumber(ARGV[7]), tonumber(ARGV[8])
local accounts = {unpack(ARGV, 9 + 2 * counted)}

local present = math.floor(now / length)
if span ~= present then span, used = present, 0 end
if seen_span == present and seen_used > used then used = seen_used end
if known_ban > banned then banned = known_ban end

local function read(key)
  local found, known = redis.call('HMGET', key, unpack(accounts)), {}
  for i, account in ipairs(accounts) do known[account] = tonumber(found[i]) or 0 end
  return known
end

local function begin(key, number, length)
  if tonumber(redis.call('HGET', key, 'span')) == number then return end
  redis.call('DEL', key)
  redis.call('HSET', key, 'span', number)
  redis.call('PEXPIRE', key, math.max(keep, length))
end

local held, counts = nil, {}
if counted > 0 and redis.call('EXISTS', KEYS[2]) == 1 then held = read(KEYS[2]) end
for i = 1, counted do
  local each, limit, key = tonumber(ARGV[7 + 2 * i]), tonumber(ARGV[8 + 2 * i]), KEYS[2 + i]
  local number = math.floor(now / each)
  begin(key, number, each)
  counts[i] = {key = key, limit = limit, ends = (number + 1) * each, used = read(key)}
end

local function rule(account)
  if banned > now then return 1, banned end
  if held and held[account] > now then return 3, held[account] end
  if weight > 0 and used + weight > allowed then return 2, (present + 1) * length end
  for _, count in ipairs(counts) do
    if count.used[account] >= count.limit then return 3, count.ends end
  end
  for _, count in ipairs(counts) do count.used[account] = count.used[account] + 1 end
  used = used + weight
  return 0, 0
end

local answer = {now, banned}
for i, account in ipairs(accounts) do
  local ruling, until_ = rule(account)
  if ruling > 0 then
    table.insert(answer, i - 1) table.insert(answer, ruling) table.insert(answer, until_)
  end
end
for _, count in ipairs(counts) do
  local changes = {}
  for account, number in pairs(count.used) do
    changes[#changes + 1] = account
    changes[#changes + 1] = number
  end
  redis.call('HSET', count.key, unpack(changes))
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
  redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), ARGV[3]))
end
return redis.status_reply('OK')
"""
