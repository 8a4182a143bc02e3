-- Applies one batch of events in one go: Redis runs a script with nothing in between.
-- ARGV[1]: the batch as JSON; ARGV[2]: now in milliseconds; ARGV[3]: lifetime of a handled id in seconds.
-- Answers one number per event: 1 handled, 0 handled before.
-- Times are strings: a Lua number would be cut to 14 digits on its way back into Redis.

local batch, now, ttl = cjson.decode(ARGV[1]), ARGV[2], ARGV[3]
local clock = redis.call('TIME')
-- What an id is marked with: when that was, in milliseconds, so that its lifetime can be told.
local marked = string.format('%d', clock[1] * 1000 + math.floor(clock[2] / 1000))

local function first_time(work)
  local key = 'processed:' .. work.event_id
  if not work.remember then return redis.call('EXISTS', key) == 0 end
  if redis.call('SET', key, marked, 'NX', 'EX', ttl) then return true end
  return false
end

local function fan_out(work, score)
  for _, user in ipairs(work.followers) do
    redis.call('ZADD', 'feed:' .. user, score, work.post_id)
    redis.call('SADD', 'holders:' .. work.post_id, user)
  end
end

-- Out of the feeds of all who have it, whether they still follow or not.
local function take_out(work)
  local holders = 'holders:' .. work.post_id
  if not work.all_holders then
    for _, user in ipairs(work.followers) do
      redis.call('ZREM', 'feed:' .. user, work.post_id)
      redis.call('SREM', holders, user)
    end
    return
  end
  for _, user in ipairs(redis.call('SMEMBERS', holders)) do
    redis.call('ZREM', 'feed:' .. user, work.post_id)
  end
  redis.call('DEL', holders)
end

local changes = {}

function changes.created(work, post, known)
  if known.deleted and work.keep_removed then return end
  local status = work.status
  -- A status that was set stands, however late the creation comes.
  if work.keep_removed and known.status then status = known.status end
  redis.call('HSET', post, 'user_id', work.user_id, 'caption', work.caption, 'media_type', work.media_type,
    'created_at', work.created_at, 'score', work.score, 'status', status)
  redis.call('HDEL', post, 'deleted')
  if status == 'published' then fan_out(work, work.score) end
end

function changes.status_updated(work, post, known)
  if known.deleted then return end
  if known.status_ms and tonumber(work.updated_ms) < tonumber(known.status_ms) then return end
  redis.call('HSET', post, 'user_id', work.user_id, 'status', work.status, 'status_ms', work.updated_ms)
  if work.status ~= 'published' then
    take_out(work)
  elseif known.score then
    fan_out(work, known.score)
  end
end

function changes.deleted(work, post, known)
  redis.call('HSET', post, 'user_id', work.user_id, 'status', 'deleted', 'deleted', '1', 'caption', '', 'media_type', '')
  take_out(work)
end

function changes.named(work)
  local author = 'author:' .. work.user_id
  local last = redis.call('HGET', author, 'updated_ms')
  if last and tonumber(work.updated_ms) < tonumber(last) then return end
  redis.call('HSET', author, 'name', work.name, 'updated_ms', work.updated_ms)
end

local function what_is_known(post)
  local fields = redis.call('HMGET', post, 'status', 'status_ms', 'score', 'deleted')
  return { status = fields[1], status_ms = fields[2], score = fields[3], deleted = fields[4] }
end

local function journal(work)
  local row = { event_id = work.event_id, event_type = work.event_type, post_id = work.post_id, handled_ms = now }
  row.seq = tostring(redis.call('LLEN', 'handled') + 1)
  local text = cjson.encode(row)
  redis.call('RPUSH', 'handled', text)
  redis.call('RPUSH', 'handled:' .. work.post_id, text)
end

local outcomes = {}
for i, work in ipairs(batch) do
  local first = first_time(work)
  if work.dedup and not first then
    outcomes[i] = 0
  else
    if work.change then
      local post = 'post:' .. work.post_id
      changes[work.change](work, post, what_is_known(post))
    end
    if work.journal then journal(work) end
    outcomes[i] = 1
  end
end
return outcomes
