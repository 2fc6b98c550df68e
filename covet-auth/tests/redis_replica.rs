//! The replica against a real Redis that is killed, flushed, cut off and made to evict.
//!
//! Each test runs a server of its own, found as `COVET_REDIS_SERVER` or `redis-server` on the path.
#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use covet_auth::store::redis::{RedisConfig, RedisError, Replica, WhenStale};
use covet_auth::{
    AuthError, Blacklist, BlacklistConfig, Clock, FingerprintBits, FingerprintKey, Revocations, SystemClock, TokenFacts,
};

const ISS: &str = "https://id.example";

/// A private server in a folder of its own.
struct Server {
    port: u16,
    folder: PathBuf,
    child: Option<Child>,
    settings: Vec<String>,
}

impl Server {
    fn start(settings: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("covet-redis-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let mut server = Self { port, folder, child: None, settings };
        server.launch();
        server
    }

    fn launch(&mut self) {
        let binary = std::env::var("COVET_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
        let child = Command::new(binary)
            .args([
                "--port",
                &self.port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--enable-debug-command",
                "yes",
            ])
            .arg("--dir")
            .arg(&self.folder)
            .args(&self.settings)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a redis-server on the path, or in COVET_REDIS_SERVER");
        self.child = Some(child);
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.command(&["PING"]).is_none() {
            assert!(Instant::now() < deadline, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Runs one command; `None` if the server does not answer.
    fn command(&self, words: &[&str]) -> Option<redis::Value> {
        let client = redis::Client::open(self.url()).ok()?;
        let mut connection = client.get_connection_with_timeout(Duration::from_secs(5)).ok()?;
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(*word);
        }
        command.query(&mut connection).ok()
    }

    fn config(&self) -> RedisConfig {
        RedisConfig::new(self.url())
            .lease(Duration::from_secs(2))
            .timeout(Duration::from_secs(5))
            .create_if_missing(true)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn blacklist(key: u8) -> Blacklist {
    let config = BlacklistConfig::new().key(FingerprintKey::from_bytes([key; 16]));
    Blacklist::new(config.fingerprint_bits(FingerprintBits::Bits128)).unwrap()
}

fn token(id: &str) -> TokenFacts {
    let now = SystemClock.now();
    let facts = TokenFacts::builder().issuer(ISS).id(id).subject("alice").session("laptop").key("k1");
    // Whole hours: the same expiry whenever in the test the facts are built.
    facts.issued_at(now - 10).expires_at((now / 3600 + 2) * 3600).build()
}

async fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < deadline, "{what}: not within a minute");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn answers(replica: &Replica) -> bool {
    replica.check(&token("never revoked")).is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis"]
async fn a_revocation_reaches_every_replica_and_the_next_process() {
    let server = Server::start(&[]);
    let one = Replica::connect(blacklist(1), server.config()).await.unwrap();
    let two = Replica::connect(blacklist(1), server.config()).await.unwrap();
    assert!(answers(&one) && answers(&two));
    one.revoke_facts(&token("a")).await.unwrap();
    two.revoke_id(ISS, "b").await.unwrap();
    one.revoke_key(ISS, "stolen").await.unwrap();
    assert_eq!(one.check(&token("a")), Err(AuthError::Revoked));
    eventually("the other replica", || two.check(&token("a")).is_err() && one.check(&token("b")).is_err()).await;
    let three = Replica::connect(blacklist(1), server.config().create_if_missing(false)).await.unwrap();
    for id in ["a", "b"] {
        assert_eq!(three.check(&token(id)), Err(AuthError::Revoked), "{id}");
    }
    assert!(answers(&three));
    three.revoke_session(ISS, "laptop").await.unwrap();
    eventually("the cut-off", || one.check(&token("c")).is_err() && two.check(&token("c")).is_err()).await;
    assert!(one.not_before(ISS, None, Some("laptop")).is_some());
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn a_server_that_could_forget_is_refused() {
    let server = Server::start(&["--maxmemory-policy", "volatile-lru"]);
    let refused = Replica::connect(blacklist(1), server.config()).await;
    assert!(matches!(refused, Err(RedisError::Evicts(policy)) if policy == "volatile-lru"));
    server.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).unwrap();
    let missing = Replica::connect(blacklist(1), server.config().create_if_missing(false)).await;
    assert!(matches!(missing, Err(RedisError::Missing)), "an empty store is not taken for an empty list");
    let replica = Replica::connect(blacklist(1), server.config()).await.unwrap();
    let other = Replica::connect(blacklist(2), server.config()).await;
    assert!(matches!(other, Err(RedisError::OtherKey)), "another key would find nothing");
    // The policy is looked at with every renewal.
    server.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).unwrap();
    eventually("the lease to end", || !answers(&replica)).await;
    assert!(matches!(
        replica.check(&token("never revoked")),
        Err(AuthError::RevocationsUnavailable { retry_after }) if !retry_after.is_zero()
    ));
    server.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).unwrap();
    eventually("the lease to return", || answers(&replica)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis"]
async fn a_flushed_store_is_written_back_by_whoever_lives() {
    let server = Server::start(&[]);
    let one = Replica::connect(blacklist(1), server.config()).await.unwrap();
    let two = Replica::connect(blacklist(1), server.config()).await.unwrap();
    for n in 0..300 {
        one.revoke_facts(&token(&format!("t{n}"))).await.unwrap();
    }
    one.revoke_subject(ISS, "bob").await.unwrap();
    server.command(&["FLUSHALL"]).unwrap();
    eventually("somebody to heal it", || one.status().heals + two.status().heals > 0).await;
    eventually("both to go on", || answers(&one) && answers(&two)).await;
    drop((one, two));
    let next = Replica::connect(blacklist(1), server.config().create_if_missing(false)).await.unwrap();
    for n in 0..300 {
        assert_eq!(next.check(&token(&format!("t{n}"))), Err(AuthError::Revoked), "t{n}");
    }
    assert!(next.not_before(ISS, Some("bob"), None).is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis"]
async fn a_killed_server_that_lost_its_latest_writes_gets_them_back() {
    // Nothing is on disk but what the append-only file had by chance: here, nothing at all.
    let mut server = Server::start(&[]);
    let one = Replica::connect(blacklist(1), server.config()).await.unwrap();
    for n in 0..50 {
        one.revoke_facts(&token(&format!("t{n}"))).await.unwrap();
    }
    server.kill();
    assert_eq!(one.check(&token("t7")), Err(AuthError::Revoked));
    let lost = one.revoke_facts(&token("during")).await;
    assert!(lost.is_err(), "nobody may be told that it is kept");
    assert_eq!(one.check(&token("during")), Err(AuthError::Revoked), "yet it holds here");
    eventually("the lease to end", || !answers(&one)).await;
    server.launch();
    eventually("the replica to come back", || answers(&one)).await;
    let next = Replica::connect(blacklist(1), server.config().create_if_missing(false)).await.unwrap();
    for id in (0..50).map(|n| format!("t{n}")).chain(["during".to_owned()]) {
        assert_eq!(next.check(&token(&id)), Err(AuthError::Revoked), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis"]
async fn a_replica_that_is_cut_off_stops_answering_and_the_barrier_waits_for_that() {
    let server = Server::start(&[]);
    let one = Replica::connect(blacklist(1), server.config()).await.unwrap();
    let open = Replica::connect(blacklist(1), server.config().when_stale(WhenStale::Accept)).await.unwrap();
    // A server that is stopped, as behind a partition: connections stand, nothing answers.
    let pid = server.child.as_ref().unwrap().id().to_string();
    assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
    eventually("the lease to end", || !answers(&one)).await;
    assert!(answers(&open), "by explicit choice");
    assert!(open.barrier().await.is_err(), "there is no barrier for those that fail open");
    assert!(Command::new("kill").args(["-CONT", &pid]).status().unwrap().success());
    eventually("the lease to return", || answers(&one)).await;
    let started = Instant::now();
    one.barrier().await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis"]
async fn a_replica_behind_the_tail_reloads_and_duplicates_change_nothing() {
    let server = Server::start(&[]);
    let config = || server.config().tail(16);
    let one = Replica::connect(blacklist(1), config()).await.unwrap();
    one.revoke_facts(&token("a")).await.unwrap();
    one.revoke_facts(&token("a")).await.unwrap();
    let before = one.status().reloads;
    // The log goes back, as after a fail-over to a server that lags.
    server.command(&["HSET", "{covet:revoked}:meta", "seq", "0"]).unwrap();
    server.command(&["DEL", "{covet:revoked}:tail"]).unwrap();
    eventually("a reload", || one.status().reloads > before).await;
    eventually("the lease", || answers(&one)).await;
    let two = Replica::connect(blacklist(1), config()).await.unwrap();
    assert_eq!(two.check(&token("a")), Err(AuthError::Revoked));
    // Many at once: the stream is trimmed to far fewer.
    for n in 0..400 {
        two.revoke_facts(&token(&format!("m{n}"))).await.unwrap();
    }
    eventually("the other", || (0..400).all(|n| one.check(&token(&format!("m{n}"))) == Err(AuthError::Revoked))).await;
    // Entries again and out of order, as a confused relay might write them: nothing is forgotten.
    eventually("the lease", || answers(&one) && answers(&two)).await;
    assert_eq!(one.blacklist().len(), 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis"]
async fn under_load_and_kills_no_acknowledged_revocation_is_forgotten() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "no"]);
    let one = Replica::connect(blacklist(1), server.config()).await.unwrap();
    let two = Replica::connect(blacklist(1), server.config()).await.unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        for n in 0..200 {
            let (id, replica) = (format!("r{round}-{n}"), if n % 2 == 0 { &one } else { &two });
            if replica.revoke_facts(&token(&id)).await.is_ok() {
                acknowledged.push(id);
            }
        }
        server.kill();
        server.launch();
        eventually("both", || answers(&one) && answers(&two)).await;
    }
    assert!(acknowledged.len() >= 500);
    let next = Replica::connect(blacklist(1), server.config().create_if_missing(false)).await.unwrap();
    for id in &acknowledged {
        for replica in [&one, &two, &next] {
            assert_eq!(replica.check(&token(id)), Err(AuthError::Revoked), "{id}");
        }
    }
}

#[tokio::test]
#[ignore = "needs Redis"]
async fn settings_that_promise_nothing_are_refused() {
    let server = Server::start(&[]);
    let keyless = Blacklist::new(BlacklistConfig::new().fingerprint_bits(FingerprintBits::Bits128)).unwrap();
    assert!(matches!(Replica::connect(keyless, server.config()).await, Err(RedisError::Config(_))));
    let short = Blacklist::new(BlacklistConfig::new().key(FingerprintKey::from_bytes([1; 16]))).unwrap();
    assert!(matches!(Replica::connect(short, server.config()).await, Err(RedisError::Config(_))));
    let printed = format!("{:?}", RedisConfig::new("redis://user:secret@host/"));
    assert!(!printed.contains("secret"), "{printed}");
}
