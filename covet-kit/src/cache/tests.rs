//! Every trap of query caching that is known to us, each as a named test, on tokio's paused clock.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use tokio::time::{advance, sleep};

use super::{CacheBuilder, CacheError, CacheKey, Cached, QueryCache, Source};

type Cache = QueryCache<String>;

fn key(name: &str) -> CacheKey {
    CacheKey::new(name).build()
}

/// Settings without chance in them.
fn exact() -> CacheBuilder<String> {
    Cache::builder().jitter(0.0).early_refresh(0.0)
}

fn body(text: &'static str) -> Result<Option<Bytes>, String> {
    Ok(Some(Bytes::from_static(text.as_bytes())))
}

async fn load(cache: &Cache, key: &CacheKey, text: &'static str) -> Cached {
    cache.entry(key).tags(&["table:t"]).load(move || async move { body(text) }).await.unwrap()
}

/// A loader that counts its runs and waits to be released.
#[derive(Clone, Default)]
struct Origin {
    calls: Arc<AtomicUsize>,
    release: Arc<Notify>,
}

impl Origin {
    async fn answer(self, result: Result<Option<Bytes>, String>) -> Result<Option<Bytes>, String> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.release.notified().await;
        result
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

/// Lets every task that can run do so.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_loader_needs_is_cloned_for_a_load_alone() {
    struct Context(Arc<AtomicUsize>);
    impl Clone for Context {
        fn clone(&self) -> Self {
            self.0.fetch_add(1, Ordering::SeqCst);
            Self(self.0.clone())
        }
    }

    let (cache, key, clones) = (exact().build().unwrap(), key("k"), Arc::new(AtomicUsize::new(0)));
    let context = Context(clones.clone());
    for source in [Source::Loaded, Source::Hit, Source::Hit] {
        let loaded = cache.entry(&key).load_with(&context, |_| async { body("a") }).await.unwrap();
        assert_eq!(loaded.source, source);
        assert_eq!(clones.load(Ordering::SeqCst), 1);
    }
    assert_eq!((cache.stats().hits, cache.stats().misses), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_hit_does_not_load_and_expires_on_time() {
    let cache: Cache = exact().ttl(Duration::from_secs(10)).build().unwrap();
    let key = key("q");
    assert_eq!(load(&cache, &key, "one").await.source, Source::Loaded);
    advance(Duration::from_millis(9_999)).await;
    let hit = load(&cache, &key, "two").await;
    assert_eq!((hit.body.as_deref(), hit.source), (Some(&b"one"[..]), Source::Hit));
    advance(Duration::from_millis(1)).await;
    assert!(cache.entry(&key).get().is_none());
    assert_eq!(load(&cache, &key, "two").await.body.as_deref(), Some(&b"two"[..]));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_waiters_cost_one_load_and_share_one_error() {
    let cache: Cache = exact().build().unwrap();
    let origin = Origin::default();
    let waiters: Vec<_> = (0..1_000)
        .map(|_| {
            let (cache, origin) = (cache.clone(), origin.clone());
            tokio::spawn(async move { cache.entry(&key("q")).load(|| origin.answer(Err("down".into()))).await })
        })
        .collect();
    settle().await;
    origin.release.notify_one();
    let mut errors = Vec::new();
    for waiter in waiters {
        match waiter.await.unwrap() {
            Err(CacheError::Load(error)) => errors.push(error),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(origin.calls(), 1);
    assert!(errors.iter().all(|error| Arc::ptr_eq(error, &errors[0])));
    let stats = cache.stats();
    assert_eq!((stats.misses, stats.coalesced, stats.load_errors), (1, 999, 1));
    // The error is not held.
    assert_eq!(load(&cache, &key("q"), "up").await.source, Source::Loaded);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_leader_fails_nobody() {
    let cache: Cache = exact().build().unwrap();
    let origin = Origin::default();
    let spawn = || {
        let (cache, origin) = (cache.clone(), origin.clone());
        tokio::spawn(async move { cache.entry(&key("q")).load(|| origin.answer(body("x"))).await })
    };
    let leader = spawn();
    settle().await;
    let follower = spawn();
    settle().await;
    leader.abort();
    settle().await;
    origin.release.notify_one();
    assert_eq!(follower.await.unwrap().unwrap().source, Source::Coalesced);
    assert_eq!(origin.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panicking_loader_tells_everyone_and_frees_the_key() {
    let cache: Cache = exact().build().unwrap();
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move {
                cache
                    .entry(&key("q"))
                    .load(|| async {
                        sleep(Duration::from_secs(1)).await;
                        panic!("the loader's own panic")
                    })
                    .await
            })
        })
        .collect();
    for waiter in waiters {
        assert!(matches!(waiter.await.unwrap(), Err(CacheError::Panicked)));
    }
    assert_eq!(load(&cache, &key("q"), "x").await.source, Source::Loaded);
}

#[tokio::test(start_paused = true)]
async fn each_waiter_has_its_own_deadline_and_the_load_goes_on() {
    let cache: Cache = exact().build().unwrap();
    let key = key("q");
    let slow = || async {
        sleep(Duration::from_secs(5)).await;
        body("late")
    };
    let hurried = cache.entry(&key).deadline(Duration::from_secs(1)).load(slow).await;
    assert!(matches!(hurried, Err(CacheError::Timeout)));
    let patient = cache.entry(&key).load(slow).await.unwrap();
    assert_eq!((patient.body.as_deref(), patient.source), (Some(&b"late"[..]), Source::Coalesced));
    assert_eq!(cache.stats().timeouts, 1);
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_beats_the_load_it_races_with() {
    let cache: Cache = exact().build().unwrap();
    let old = Origin::default();
    let early = tokio::spawn({
        let (cache, old) = (cache.clone(), old.clone());
        async move { cache.entry(&key("q")).tags(&["table:t"]).load(|| old.answer(body("before"))).await }
    });
    settle().await;
    cache.invalidate("table:t");
    // Whoever asks after the change must not join the load that began before it.
    let after = load(&cache, &key("q"), "after").await;
    assert_eq!((after.body.as_deref(), after.source), (Some(&b"after"[..]), Source::Loaded));
    old.release.notify_one();
    assert_eq!(early.await.unwrap().unwrap().body.as_deref(), Some(&b"before"[..]));
    let now = load(&cache, &key("q"), "unused").await;
    assert_eq!((now.body.as_deref(), now.source), (Some(&b"after"[..]), Source::Hit));
}

#[tokio::test(start_paused = true)]
async fn an_old_load_that_lands_last_does_not_hide_the_new_answer_for_ever() {
    let cache: Cache = exact().build().unwrap();
    let old = Origin::default();
    let early = tokio::spawn({
        let (cache, old) = (cache.clone(), old.clone());
        async move { cache.entry(&key("q")).tags(&["table:t"]).load(|| old.answer(body("before"))).await }
    });
    settle().await;
    cache.invalidate("table:t");
    old.release.notify_one();
    early.await.unwrap().unwrap();
    assert!(cache.entry(&key("q")).get().is_none(), "an answer read before the change must not be held after it");
}

#[tokio::test(start_paused = true)]
async fn invalidation_touches_only_its_tag_and_clear_touches_all() {
    let cache: Cache = exact().build().unwrap();
    load(&cache, &key("a"), "a").await;
    cache.entry(&key("b")).tags(&["table:u"]).load(|| async { body("b") }).await.unwrap();
    cache.invalidate("table:t");
    assert!(cache.entry(&key("a")).get().is_none());
    assert!(cache.entry(&key("b")).get().is_some());
    cache.clear();
    assert!(cache.entry(&key("b")).get().is_none());
}

#[tokio::test(start_paused = true)]
async fn absence_is_remembered_for_its_own_time() {
    let cache: Cache = exact().negative_ttl(Duration::from_secs(2)).build().unwrap();
    let key = key("q");
    let missing = cache.entry(&key).load(|| async { Ok(None) }).await.unwrap();
    assert_eq!(missing.body, None);
    advance(Duration::from_secs(1)).await;
    assert_eq!(load(&cache, &key, "there").await, Cached { body: None, source: Source::Hit });
    advance(Duration::from_secs(1)).await;
    assert_eq!(load(&cache, &key, "there").await.source, Source::Loaded);
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_is_served_while_one_refresh_runs() {
    let settings = exact().ttl(Duration::from_secs(10)).stale_while_revalidate(Duration::from_secs(10));
    let cache: Cache = settings.build().unwrap();
    let key = key("q");
    load(&cache, &key, "old").await;
    advance(Duration::from_secs(11)).await;
    let origin = Origin::default();
    for _ in 0..100 {
        let stale = cache
            .entry(&key)
            .load({
                let origin = origin.clone();
                || origin.answer(body("new"))
            })
            .await
            .unwrap();
        assert_eq!((stale.body.as_deref(), stale.source), (Some(&b"old"[..]), Source::Stale));
    }
    settle().await;
    origin.release.notify_one();
    settle().await;
    assert_eq!(origin.calls(), 1);
    assert_eq!(load(&cache, &key, "unused").await.body.as_deref(), Some(&b"new"[..]));
    assert_eq!((cache.stats().refreshes, cache.stats().stale), (1, 100));
}

#[tokio::test(start_paused = true)]
async fn a_failing_refresh_is_not_repeated_by_every_request() {
    let settings = exact().ttl(Duration::from_secs(10)).stale_while_revalidate(Duration::from_secs(100));
    let cache: Cache = settings.retry_after(Duration::from_secs(5)).build().unwrap();
    let key = key("q");
    load(&cache, &key, "old").await;
    advance(Duration::from_secs(11)).await;
    let calls = Arc::new(AtomicUsize::new(0));
    for _ in 0..10 {
        let calls = calls.clone();
        let answer = cache.entry(&key).load(move || async move {
            calls.fetch_add(1, Ordering::SeqCst);
            Err("down".to_owned())
        });
        assert_eq!(answer.await.unwrap().source, Source::Stale);
        settle().await;
        advance(Duration::from_secs(1)).await;
    }
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_covers_an_error_but_never_an_invalidation() {
    let cache: Cache = exact().ttl(Duration::from_secs(10)).stale_if_error(Duration::from_secs(60)).build().unwrap();
    let key = key("q");
    load(&cache, &key, "old").await;
    advance(Duration::from_secs(11)).await;
    let fail = || async { Err("down".to_owned()) };
    let covered = cache.entry(&key).tags(&["table:t"]).load(fail).await.unwrap();
    assert_eq!((covered.body.as_deref(), covered.source), (Some(&b"old"[..]), Source::Stale));
    cache.invalidate("table:t");
    assert!(matches!(cache.entry(&key).tags(&["table:t"]).load(fail).await, Err(CacheError::Load(_))));
}

#[tokio::test(start_paused = true)]
async fn a_load_of_its_own_key_is_refused_also_through_another() {
    let cache: Cache = exact().build().unwrap();
    let (a, b) = (key("a"), key("b"));
    let inner = cache.clone();
    let found = cache
        .entry(&a.clone())
        .load(move || async move {
            let again = inner.clone();
            let through = inner.entry(&b).load(move || async move {
                let own = again.entry(&a).load(pending).await;
                assert!(matches!(own, Err(CacheError::Reentrant)));
                body("b")
            });
            Ok(through.await.unwrap().body)
        })
        .await
        .unwrap();
    assert_eq!(found.body.as_deref(), Some(&b"b"[..]));
}

#[tokio::test(start_paused = true)]
async fn loads_of_many_keys_queue_behind_the_limit_and_nested_ones_do_not_starve() {
    let cache: Cache = exact().max_loads(2).build().unwrap();
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..20_u64)
        .map(|i| {
            let (cache, running, most) = (cache.clone(), running.clone(), most.clone());
            tokio::spawn(async move {
                let inner = cache.clone();
                let outer = CacheKey::new("outer").param(i).build();
                cache
                    .entry(&outer)
                    .load(move || async move {
                        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        let nested = CacheKey::new("nested").param(i).build();
                        inner.entry(&nested).load(|| async { body("n") }).await.unwrap();
                        sleep(Duration::from_secs(1)).await;
                        running.fetch_sub(1, Ordering::SeqCst);
                        body("x")
                    })
                    .await
                    .unwrap()
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn early_refresh_follows_its_formula() {
    // P(refresh) = exp(-left / (β δ)): with left = δ and β = 1 about 36.8 %.
    let delta = Duration::from_secs(1);
    let ttl = Duration::from_secs(10);
    let cache: Cache = Cache::builder().jitter(0.0).ttl(ttl).retry_after(Duration::from_nanos(1)).build().unwrap();
    let mut refreshed = 0;
    for i in 0..2_000_u64 {
        let key = CacheKey::new("q").param(i).build();
        let slow = move || async move {
            sleep(delta).await;
            body("x")
        };
        cache.entry(&key).load(slow).await.unwrap();
        advance(ttl - delta).await;
        let before = cache.stats().refreshes;
        assert_eq!(cache.entry(&key).load(|| async { body("y") }).await.unwrap().source, Source::Hit);
        refreshed += cache.stats().refreshes - before;
    }
    // Five standard deviations of a binomial with n = 2000, p = 0.368.
    assert!((628..=844).contains(&refreshed), "{refreshed} of 2000");
}

#[tokio::test(start_paused = true)]
async fn jitter_spreads_the_expiry_of_answers_loaded_together() {
    let cache: Cache = exact().jitter(0.5).ttl(Duration::from_secs(100)).build().unwrap();
    let keys: Vec<_> = (0..200_u64).map(|i| CacheKey::new("q").param(i).build()).collect();
    for key in &keys {
        load(&cache, key, "x").await;
    }
    advance(Duration::from_secs(75)).await;
    let fresh = keys.iter().filter(|key| cache.entry(key).get().is_some()).count();
    assert!((60..=140).contains(&fresh), "{fresh} of 200 are fresh at the middle of the jitter");
    advance(Duration::from_secs(25)).await;
    assert!(keys.iter().all(|key| cache.entry(key).get().is_none()));
}

#[tokio::test]
async fn bytes_are_bounded() {
    let cache: Cache = exact().capacity_bytes(1 << 20).build().unwrap();
    for i in 0..2_000_u64 {
        let key = CacheKey::new("q").param(i).build();
        cache.entry(&key).load(|| async { Ok(Some(Bytes::from(vec![0; 4096]))) }).await.unwrap();
    }
    cache.shared.answers.run_pending_tasks();
    let stats = cache.stats();
    assert!(stats.bytes <= 1 << 20, "{stats:?}");
    assert!(stats.entries > 100, "{stats:?}");
}

#[test]
fn a_runtime_that_shuts_down_releases_the_waiters() {
    let cache: Cache = exact().build().unwrap();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let first = runtime();
    let (started, waiting) = oneshot::channel();
    first.block_on(async {
        let cache = cache.clone();
        tokio::spawn(async move {
            let load = || async move {
                let _ = started.send(());
                pending().await
            };
            let _ = cache.entry(&key("q")).load(load).await;
        });
        waiting.await.unwrap();
    });
    let second = runtime();
    let waiter = second.spawn({
        let cache = cache.clone();
        async move { cache.entry(&key("q")).load(|| async { body("never runs") }).await }
    });
    second.block_on(settle());
    drop(first);
    assert!(matches!(second.block_on(waiter).unwrap(), Err(CacheError::Aborted)));
    let loaded = second.block_on(cache.entry(&key("q")).load(|| async { body("x") })).unwrap();
    assert_eq!(loaded.source, Source::Loaded);
}

#[test]
fn settings_out_of_range_are_named() {
    for (settings, name) in [
        (Cache::builder().jitter(1.5), "jitter"),
        (Cache::builder().jitter(f64::NAN), "jitter"),
        (Cache::builder().early_refresh(-1.0), "early_refresh"),
        (Cache::builder().ttl(Duration::ZERO), "ttl"),
        (Cache::builder().ttl(Duration::MAX), "each duration"),
        (Cache::builder().max_loads(0), "max_loads"),
    ] {
        let error = settings.build().unwrap_err().to_string();
        assert!(error.contains(&format!("`{name}`")), "{error}");
    }
}
