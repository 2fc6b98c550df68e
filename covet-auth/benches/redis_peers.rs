//! Revocations over a real Redis: what a token takes there, how long a new process takes to load all of them, how soon
//! another process refuses what was revoked here.
//!
//! `cargo xtask services run -- cargo bench -p covet-auth --features redis --bench redis_peers [-- TOKENS]`. The server must
//! be empty. Every step verifies what it measured: that all tokens arrived, that they are refused.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use covet_auth::store::Record;
use covet_auth::store::redis::{RedisConfig, Replica};
use covet_auth::{
    Blacklist, BlacklistConfig, Clock, FingerprintBits, FingerprintKey, Revocations, SystemClock, TokenFacts,
};
use covet_bench::workload::tokens::{ISSUER, id, id_bytes};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const MILLION: u64 = 1_000_000;

/// How many revocations are timed on their way to another process.
const SENT: u64 = 1_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--bench")).collect();
    let Ok(url) = std::env::var("COVET_REDIS_URL") else {
        println!("left out: COVET_REDIS_URL names no server (cargo xtask services run -- cargo bench ...)");
        return ExitCode::SUCCESS;
    };
    if arguments.iter().any(|argument| argument == "--test") {
        println!("left out: it takes an empty server and a minute");
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let done = runtime.map_err(Failure::from).and_then(|runtime| {
        runtime.block_on(async {
            match arguments.first().map(String::as_str) {
                Some("--follow") => follow(&url).await,
                Some(tokens) => measure(&url, tokens.parse()?).await,
                None => measure(&url, 10 * MILLION).await,
            }
        })
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("redis_peers: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(url: &str, tokens: u64) -> Result<(), Failure> {
    let client = redis::Client::open(url)?;
    // The server is busy for a while when it forgets a million keys.
    let patient = redis::AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(60)));
    let mut server = client.get_multiplexed_async_connection_with_config(&patient).await?;
    let keys: u64 = redis::cmd("DBSIZE").query_async(&mut server).await?;
    if keys > 0 {
        return Err(format!("the server holds {keys} keys and is not ours to fill").into());
    }
    let idle = used_memory(&mut server).await?;

    // What services do without a library: a key per token.
    let keys = tokens.min(MILLION);
    let expires = SystemClock.now() + 86_400;
    for first in (0..keys).step_by(10_000) {
        let mut pipe = redis::pipe();
        for n in first..(first + 10_000).min(keys) {
            pipe.cmd("SET").arg(id(n)).arg("").arg("EXAT").arg(expires).ignore();
        }
        pipe.query_async::<()>(&mut server).await?;
    }
    let each = used_memory(&mut server).await?.saturating_sub(idle) as f64 / keys as f64;
    println!("Redis, SET jti \"\" EXAT, {keys} keys: {each:.1} B per token");
    redis::cmd("FLUSHALL").exec_async(&mut server).await?;
    let idle = used_memory(&mut server).await?;

    let replica = Replica::connect(blacklist()?, config(url)).await?;
    fill(&mut server, tokens).await?;
    let each = used_memory(&mut server).await?.saturating_sub(idle) as f64 / tokens as f64;
    println!("Redis, our lists, {tokens} records over one hour: {each:.1} B per token");
    drop(replica);

    let started = Instant::now();
    let replica = Replica::connect(blacklist()?, config(url).create_if_missing(false)).await?;
    let loading = started.elapsed();
    if replica.blacklist().len() as u64 != tokens {
        return Err(format!("{} of {tokens} arrived", replica.blacklist().len()).into());
    }
    println!("Replica, load of {tokens}: {:.2} s", loading.as_secs_f64());

    let mut delays = spread_of(url, &replica).await?;
    delays.sort_unstable();
    let at = |share: f64| delays[((delays.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "revocation to refusal in another process, {} sent: p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
        delays.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
    Ok(())
}

fn blacklist() -> Result<Blacklist, Failure> {
    let config = BlacklistConfig::new().key(FingerprintKey::from_bytes([7; 16])).max_entries(64 << 20);
    Ok(Blacklist::new(config.fingerprint_bits(FingerprintBits::Bits128))?)
}

fn config(url: &str) -> RedisConfig {
    RedisConfig::new(url).lease(Duration::from_secs(5)).timeout(Duration::from_secs(10)).create_if_missing(true)
}

async fn used_memory(server: &mut redis::aio::MultiplexedConnection) -> Result<u64, Failure> {
    let info: String = redis::cmd("INFO").arg("memory").query_async(server).await?;
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
    Ok(line.ok_or("INFO without used_memory")?.trim().parse()?)
}

/// Writes records straight into the lists, as `store/redis/link.rs` lays them out: one call each would take an hour.
async fn fill(server: &mut redis::aio::MultiplexedConnection, tokens: u64) -> Result<(), Failure> {
    let now = SystemClock.now();
    for first in (0..tokens).step_by(10_000) {
        let mut pipe = redis::pipe();
        for n in first..(first + 10_000).min(tokens) {
            let exp = now + 3_600 + n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 3_600;
            // A token's record: its kind, sixteen bytes of fingerprint, its expiry.
            let bytes = [&[1][..], &id_bytes(n), &exp.to_le_bytes()].concat();
            if Record::from_bytes(&bytes).is_none() {
                return Err("the records have another form".into());
            }
            pipe.cmd("RPUSH").arg(format!("{{covet:revoked}}:at:{}", exp >> 12)).arg(bytes).ignore();
        }
        pipe.query_async::<()>(server).await?;
    }
    for stretch in now >> 12..=(now + 7_200) >> 12 {
        let expires = ((stretch + 1) << 12) + 7_200;
        redis::cmd("EXPIREAT").arg(format!("{{covet:revoked}}:at:{stretch}")).arg(expires).exec_async(server).await?;
        redis::cmd("ZADD").arg("{covet:revoked}:index").arg(expires).arg(stretch).exec_async(server).await?;
    }
    Ok(())
}

fn token(n: u64, now: u64) -> TokenFacts {
    TokenFacts::builder().issuer(ISSUER).id(&id(100 * MILLION + n)).issued_at(now).expires_at(now + 3_600).build()
}

/// Nanoseconds since 1970, which two processes of one machine read alike.
fn wall() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// From the call of `revoke` here to the first refusal there.
async fn spread_of(url: &str, replica: &Replica) -> Result<Vec<Duration>, Failure> {
    let now = SystemClock.now();
    let mut other = Other(
        Command::new(std::env::current_exe()?)
            .args(["--follow", &now.to_string()])
            .env("COVET_REDIS_URL", url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?,
    );
    let mut seen = BufReader::new(other.0.stdout.take().ok_or("no pipe")?).lines();
    if seen.next().transpose()?.as_deref() != Some("ready") {
        return Err("the other process did not start".into());
    }
    let mut sent = Vec::new();
    for n in 0..SENT {
        sent.push(wall());
        replica.revoke_facts(&token(n, now)).await?;
        // Without a rhythm that the other could fall into.
        tokio::time::sleep(Duration::from_micros(1_000 + n * 7_919 % 9_000)).await;
    }
    let mut delays = Vec::new();
    for sent in sent {
        let at: u64 = seen.next().ok_or("the other process ended")??.parse()?;
        delays.push(Duration::from_nanos(at.saturating_sub(sent)));
    }
    Ok(delays)
}

struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The other process: says when each token was first refused.
async fn follow(url: &str) -> Result<(), Failure> {
    let now: u64 = std::env::args().next_back().unwrap_or_default().parse()?;
    let replica = Replica::connect(blacklist()?, config(url).create_if_missing(false)).await?;
    println!("ready");
    std::io::stdout().flush()?;
    let looking = tokio::task::spawn_blocking(move || {
        for n in 0..SENT {
            let token = token(n, now);
            while replica.check(&token).is_ok() {
                std::thread::sleep(Duration::from_micros(50));
            }
            println!("{}", wall());
        }
    });
    looking.await?;
    std::io::stdout().flush()?;
    Ok(())
}
