"""Publishing, as one step of Redis: known id, position, storing, delivering. All of it happens, or nothing.

XADD is the first write. Redis refuses a script at its first write where memory or disk is full, a replica
is read-only or too few replicas are there; later writes of the same script are not refused any more.
"""

import hashlib

__all__ = ["DUPLICATES_S", "PUBLISH", "PUBLISH_SHA", "TOP_TTL_S"]

DUPLICATES_S = 300  # protocol §5
TOP_TTL_S = 86_400  # a position outlives its message: a quiet topic is resumed for a day

PUBLISH = """
-- KEYS: top, stream, id
-- ARGV: id, message, most messages, their ms, seconds of top, seconds of id (0: no key), floor, channel
if ARGV[6] ~= '0' then
  local known = redis.call('GET', KEYS[3])
  if known then
    local seq, prev = string.match(known, '^(%d+) (%d+)$')
    return {seq, prev, 1}
  end
end
local last = 0
local top = redis.call('GET', KEYS[1])
if top then
  last = tonumber(string.match(top, '^%d+'))
else
  local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
  if newest then last = tonumber(string.match(newest[1], '^%d+')) end
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local seq = string.format('%.0f', math.max(last + 1, tonumber(ARGV[7]) + 1, now))
local prev = string.format('%.0f', last)
redis.call('XADD', KEYS[2], 'MAXLEN', '=', ARGV[3], seq .. '-0', 'p', prev, 'm', ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
redis.call('SET', KEYS[1], seq .. ' ' .. ARGV[1], 'EX', ARGV[5])
if ARGV[6] ~= '0' then redis.call('SET', KEYS[3], seq .. ' ' .. prev, 'EX', ARGV[6]) end
redis.call('PUBLISH', ARGV[8], seq .. ' ' .. prev .. ' ' .. ARGV[2])
return {seq, prev, 0}
"""

PUBLISH_SHA = hashlib.sha1(PUBLISH.encode(), usedforsecurity=False).hexdigest()
