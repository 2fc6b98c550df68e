//! The keys, the scripts and the answers: everything that is said to the server.
//!
//! | key | what |
//! |---|---|
//! | `{prefix}:meta` | hash: `identity` of the fingerprint key, `seq` of the last record |
//! | `{prefix}:tail` | stream of the last records, ids `seq-0` |
//! | `{prefix}:index` | sorted set of stretches, scored by when they expire |
//! | `{prefix}:at:N` | list of the records that lapse in stretch `N`; expires after it |
//! | `{prefix}:ever` | list of the records that never lapse |
//! | `{prefix}:heal` | held by the replica that is writing a lost store back |

use std::collections::HashMap;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Script, Value};

use crate::store::Record;

use super::{RedisConfig, RedisError};

/// Records that lapse within the same 2^12 seconds share a list.
const STRETCH_BITS: u32 = 12;

/// Lists outlive their records by this, in seconds, so that a server's clock may be off by half of it.
const MARGIN: u64 = 3600;

/// Records per command when loading or writing back.
pub(super) const BATCH: usize = 8192;

/// ARGV: identity, tail length, then per record: stretch (or empty), expiry, bytes. Returns the last `seq`.
const APPEND: &str = r"
local identity = redis.call('HGET', KEYS[1], 'identity')
if not identity then return redis.error_reply('COVETMISSING no store') end
if identity ~= ARGV[1] then return redis.error_reply('COVETKEY other key') end
local base, seq = KEYS[2], 0
for i = 3, #ARGV, 3 do
  seq = redis.call('HINCRBY', KEYS[1], 'seq', 1)
  redis.call('XADD', base .. ':tail', 'MAXLEN', '~', ARGV[2], string.format('%d-0', seq), 'r', ARGV[i + 2])
  if ARGV[i] == '' then
    redis.call('RPUSH', base .. ':ever', ARGV[i + 2])
  else
    local list = base .. ':at:' .. ARGV[i]
    redis.call('RPUSH', list, ARGV[i + 2])
    redis.call('EXPIREAT', list, ARGV[i + 1])
    redis.call('ZADD', base .. ':index', ARGV[i + 1], ARGV[i])
  end
end
redis.call('ZREMRANGEBYSCORE', base .. ':index', '-inf', '(' .. redis.call('TIME')[1])
return seq
";

/// As `APPEND`, but into the lists alone and whether or not there is a store: writes back what was lost.
const RESTORE: &str = r"
local base = KEYS[1]
for i = 1, #ARGV, 3 do
  if ARGV[i] == '' then
    redis.call('RPUSH', base .. ':ever', ARGV[i + 2])
  else
    local list = base .. ':at:' .. ARGV[i]
    redis.call('RPUSH', list, ARGV[i + 2])
    redis.call('EXPIREAT', list, ARGV[i + 1])
    redis.call('ZADD', base .. ':index', ARGV[i + 1], ARGV[i])
  end
end
return 0
";

/// What one look at the server shows.
#[derive(Debug)]
pub(super) struct Sight {
    pub(super) run_id: String,
    pub(super) primary: bool,
    pub(super) policy: String,
    pub(super) seconds: u64,
    /// The store's identity and last `seq`; `None` if there is no store.
    pub(super) store: Option<(String, u64)>,
    /// Records after the given position, with theirs.
    pub(super) tail: Vec<(u64, Record)>,
}

/// One connection to one server.
#[derive(Clone)]
pub(super) struct Link {
    connection: MultiplexedConnection,
    base: String,
    tail: usize,
    after_expiry: u64,
}

impl Link {
    pub(super) async fn connect(config: &RedisConfig, after_expiry: u64) -> Result<Self, RedisError> {
        let client = Client::open(config.url.as_str())?;
        let settings = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(config.timeout))
            .set_response_timeout(Some(config.timeout));
        let connection = client.get_multiplexed_async_connection_with_config(&settings).await?;
        Ok(Self { connection, base: format!("{{{}}}", config.prefix), tail: config.tail, after_expiry })
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.base)
    }

    /// Looks at the server, then waits up to `wait` for records after `position`. One round trip.
    pub(super) async fn look(&mut self, position: Option<u64>, wait: Duration) -> Result<Sight, RedisError> {
        let mut pipe = redis::pipe();
        pipe.cmd("ROLE").cmd("INFO").arg("server").cmd("INFO").arg("memory").cmd("TIME");
        pipe.cmd("HMGET").arg(self.key("meta")).arg("identity").arg("seq");
        if let Some(position) = position {
            pipe.cmd("XREAD").arg("COUNT").arg(BATCH).arg("BLOCK").arg(wait.as_millis().max(1) as u64);
            pipe.arg("STREAMS").arg(self.key("tail")).arg(format!("{position}-0"));
        }
        let answers: Vec<Value> = pipe.query_async(&mut self.connection).await?;
        let mut answers = answers.into_iter();
        let mut next = || answers.next().unwrap_or(Value::Nil);
        let role = next();
        let primary = match role {
            Value::Array(parts) => parts.first().map(text) == Some("master".to_owned()),
            _ => false,
        };
        let run_id = field(&text(&next()), "run_id").ok_or(RedisError::Protocol("INFO without run_id"))?;
        let policy = field(&text(&next()), "maxmemory_policy").unwrap_or_default();
        let (seconds, _): (u64, u64) = redis::from_redis_value(next()).map_err(redis::RedisError::from)?;
        let (identity, seq): (Option<String>, Option<u64>) =
            redis::from_redis_value(next()).map_err(redis::RedisError::from)?;
        let tail = entries(next())?;
        Ok(Sight { run_id, primary, policy, seconds, store: identity.zip(Some(seq.unwrap_or(0))), tail })
    }

    /// Writes records into lists and tail. Returns the last one's position.
    pub(super) async fn append(&mut self, identity: &str, records: &[Record]) -> Result<u64, RedisError> {
        let script = Script::new(APPEND);
        let mut call = script.key(self.key("meta"));
        call.key(&self.base).arg(identity).arg(self.tail);
        for record in records {
            let (stretch, expires) = self.place(record);
            call.arg(stretch).arg(expires).arg(record.to_bytes());
        }
        let answer: Result<u64, redis::RedisError> = call.invoke_async(&mut self.connection).await;
        answer.map_err(|error| match error.code() {
            Some("COVETMISSING") => RedisError::Missing,
            Some("COVETKEY") => RedisError::OtherKey,
            Some("READONLY") => RedisError::NotPrimary,
            _ => RedisError::Redis(error),
        })
    }

    /// Writes records back into the lists of a store that is not there yet.
    pub(super) async fn restore(&mut self, records: &[Record]) -> Result<(), RedisError> {
        let script = Script::new(RESTORE);
        let mut call = script.key(&self.base);
        for record in records {
            let (stretch, expires) = self.place(record);
            call.arg(stretch).arg(expires).arg(record.to_bytes());
        }
        call.invoke_async::<u64>(&mut self.connection).await?;
        Ok(())
    }

    /// Begins a store, unless there is one. Positions go on from `seq`, so that no replica is ahead of them.
    pub(super) async fn create(&mut self, identity: &str, seq: u64) -> Result<(), RedisError> {
        let mut pipe = redis::pipe();
        pipe.atomic();
        pipe.cmd("HSETNX").arg(self.key("meta")).arg("seq").arg(seq).ignore();
        pipe.cmd("HSETNX").arg(self.key("meta")).arg("identity").arg(identity).ignore();
        Ok(pipe.query_async(&mut self.connection).await?)
    }

    /// Takes the right to write a lost store back, for a while. False if another replica has it.
    pub(super) async fn may_heal(&mut self, who: &str, hold: Duration) -> Result<bool, RedisError> {
        let mut set = redis::cmd("SET");
        set.arg(self.key("heal")).arg(who).arg("NX").arg("PX").arg(hold.as_millis() as u64);
        let taken: Option<String> = set.query_async(&mut self.connection).await?;
        Ok(taken.is_some())
    }

    /// Hands over every record in the lists.
    pub(super) async fn load(&mut self, mut sink: impl FnMut(Vec<Record>)) -> Result<(), RedisError> {
        let mut stretches = redis::cmd("ZRANGE");
        stretches.arg(self.key("index")).arg(0).arg(-1);
        let stretches: Vec<String> = stretches.query_async(&mut self.connection).await?;
        let lists = stretches.iter().map(|stretch| self.key(&format!("at:{stretch}"))).chain([self.key("ever")]);
        let lists: Vec<String> = lists.collect();
        for list in lists {
            let mut from = 0;
            loop {
                let mut range = redis::cmd("LRANGE");
                range.arg(&list).arg(from).arg(from + BATCH - 1);
                let batch: Vec<Value> = range.query_async(&mut self.connection).await?;
                let count = batch.len();
                sink(batch.iter().filter_map(record).collect());
                if count < BATCH {
                    break;
                }
                from += count;
            }
        }
        Ok(())
    }

    fn place(&self, record: &Record) -> (String, u64) {
        match record.lapses_at() {
            None => (String::new(), 0),
            Some(at) => {
                let stretch = at >> STRETCH_BITS;
                // Below 2^53, which is what the server's scores hold.
                let expires = ((stretch + 1) << STRETCH_BITS).saturating_add(self.after_expiry + MARGIN);
                (stretch.to_string(), expires.min(1 << 50))
            }
        }
    }
}

/// Whether a server's time is near enough to ours for its expiries to come after our lapses.
pub(super) fn clocks_agree(server: u64, now: u64) -> bool {
    server.abs_diff(now) <= MARGIN / 2
}

fn text(value: &Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) => text.clone(),
        Value::VerbatimString { text, .. } => text.clone(),
        _ => String::new(),
    }
}

fn field(info: &str, name: &str) -> Option<String> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(|value| value.trim().to_owned())
}

fn record(value: &Value) -> Option<Record> {
    match value {
        Value::BulkString(bytes) => Record::from_bytes(bytes),
        _ => None,
    }
}

/// The entries of an `XREAD` of one stream. What is not a record is passed over as an unknown one would be: its
/// position counts.
fn entries(answer: Value) -> Result<Vec<(u64, Record)>, RedisError> {
    if answer == Value::Nil {
        return Ok(Vec::new());
    }
    type Fields = HashMap<String, Value>;
    let streams: Vec<(String, Vec<(String, Fields)>)> =
        redis::from_redis_value(answer).map_err(redis::RedisError::from)?;
    let entries = streams.into_iter().flat_map(|(_, entries)| entries);
    entries
        .map(|(id, fields)| {
            let position = id.split('-').next().and_then(|seq| seq.parse().ok());
            let record = fields.get("r").and_then(record);
            position.zip(record).ok_or(RedisError::Protocol("the tail holds what is no record"))
        })
        .collect()
}
