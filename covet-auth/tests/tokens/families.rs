//! Refresh families: rotation, theft, retries, races, logout.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use covet_auth::{
    Algorithm, Families, FamiliesBuilder, FamiliesError, Family, FamilyStore, Grant, Issuer, ManualClock,
    MemoryFamilies, RefreshError, Revocations as _, SystemClock, TokenFacts,
};

use crate::support::{ISSUER, Model, NOW, new_key};

struct World {
    clock: ManualClock,
    model: Arc<Model>,
    store: Arc<MemoryFamilies>,
    families: Families<Arc<MemoryFamilies>, Arc<Model>>,
}

fn issuer(clock: &ManualClock, model: &Arc<Model>) -> Arc<Issuer> {
    let builder = Issuer::builder(ISSUER).key(new_key("k", Algorithm::HS256)).clock(clock.clone());
    Arc::new(builder.revocations(model.clone()).build().unwrap())
}

fn world(change: impl FnOnce(Builder) -> Builder) -> World {
    let clock = ManualClock::at(NOW);
    let model = Model::new(&clock);
    let store = Arc::new(MemoryFamilies::new());
    let builder = Families::builder(issuer(&clock, &model), Arc::clone(&store), Arc::clone(&model)).secret(&[1; 32]);
    World { clock, model, store, families: change(builder).build().unwrap() }
}

type Builder = FamiliesBuilder<Arc<MemoryFamilies>, Arc<Model>>;

/// Whether an access token of the session, issued just now, is accepted.
fn session_alive(world: &World, grant: &Grant) -> bool {
    let facts = TokenFacts::builder()
        .issuer(ISSUER)
        .subject(&grant.subject)
        .session(&grant.session)
        .id("x")
        .issued_at(NOW)
        .expires_at(NOW + 900)
        .build();
    world.model.check(&facts).is_ok()
}

#[tokio::test]
async fn each_token_brings_its_successor_and_the_state_stays_small() {
    let world = world(|builder| builder);
    let mut grant = world.families.start("alice").await.unwrap();
    for _ in 0..1000 {
        let next = world.families.rotate(&grant.refresh_token).await.unwrap();
        assert_ne!(next.refresh_token, grant.refresh_token);
        assert_eq!((&next.subject, &next.session, next.repeated), (&grant.subject, &grant.session, false));
        world.clock.advance(Duration::from_secs(1));
        grant = next;
    }
    assert_eq!(world.store.len(), 1);
    assert!(world.families.issuer().access_token(grant.identity(), &()).is_ok());
}

#[tokio::test]
async fn a_stolen_token_ends_the_session_for_thief_and_owner() {
    let world = world(|builder| builder);
    let first = world.families.start("alice").await.unwrap();
    let second = world.families.rotate(&first.refresh_token).await.unwrap();
    let third = world.families.rotate(&second.refresh_token).await.unwrap();
    assert!(session_alive(&world, &third));
    let reuse = world.families.rotate(&first.refresh_token).await.unwrap_err();
    assert!(reuse.is_reuse());
    assert_eq!((reuse.status(), reuse.oauth_error()), (400, "invalid_grant"));
    assert!(matches!(world.families.rotate(&third.refresh_token).await, Err(RefreshError::Revoked)));
    assert!(!session_alive(&world, &third));
    assert!(world.families.issuer().access_token(third.identity(), &()).is_err());
    // Another session of the same subject goes on.
    let other = world.families.start("alice").await.unwrap();
    assert!(world.families.rotate(&other.refresh_token).await.is_ok());
}

#[tokio::test]
async fn a_retry_in_time_brings_the_same_successor_and_a_late_one_is_theft() {
    let world = world(|builder| builder.grace(Duration::from_secs(10)));
    let first = world.families.start("alice").await.unwrap();
    let second = world.families.rotate(&first.refresh_token).await.unwrap();
    for _ in 0..5 {
        world.clock.advance(Duration::from_secs(2));
        let again = world.families.rotate(&first.refresh_token).await.unwrap();
        assert!(again.repeated);
        assert_eq!(again.refresh_token, second.refresh_token);
    }
    world.clock.advance(Duration::from_secs(1));
    assert!(world.families.rotate(&first.refresh_token).await.unwrap_err().is_reuse());
    assert!(matches!(world.families.rotate(&second.refresh_token).await, Err(RefreshError::Revoked)));
}

#[tokio::test]
async fn once_the_successor_was_used_the_predecessor_is_stolen_even_in_time() {
    let world = world(|builder| builder);
    let first = world.families.start("alice").await.unwrap();
    let second = world.families.rotate(&first.refresh_token).await.unwrap();
    world.families.rotate(&second.refresh_token).await.unwrap();
    assert!(world.families.rotate(&first.refresh_token).await.unwrap_err().is_reuse());
}

#[tokio::test]
async fn without_grace_every_repetition_in_a_later_second_is_theft() {
    let world = world(|builder| builder.grace(Duration::ZERO));
    let first = world.families.start("alice").await.unwrap();
    world.families.rotate(&first.refresh_token).await.unwrap();
    world.clock.advance(Duration::from_secs(1));
    assert!(world.families.rotate(&first.refresh_token).await.unwrap_err().is_reuse());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tabs_at_once_get_one_successor() {
    let world = world(|builder| builder);
    for _ in 0..20 {
        let grant = world.families.start("alice").await.unwrap();
        let token = &grant.refresh_token;
        let families = &world.families;
        let results: Vec<Grant> = std::thread::scope(|scope| {
            let tabs: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(move || {
                        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                        runtime.block_on(families.rotate(token)).unwrap()
                    })
                })
                .collect();
            tabs.into_iter().map(|tab| tab.join().unwrap()).collect()
        });
        assert_eq!(results.iter().filter(|grant| !grant.repeated).count(), 1);
        assert!(results.iter().all(|grant| grant.refresh_token == results[0].refresh_token));
        assert!(world.families.rotate(&results[0].refresh_token).await.is_ok());
    }
}

#[tokio::test]
async fn logout_of_one_and_of_all() {
    let world = world(|builder| builder);
    let (one, two) = (world.families.start("alice").await.unwrap(), world.families.start("alice").await.unwrap());
    let bob = world.families.start("bob").await.unwrap();
    world.families.log_out(&one.refresh_token).await.unwrap();
    world.families.log_out(&one.refresh_token).await.unwrap();
    assert!(matches!(world.families.rotate(&one.refresh_token).await, Err(RefreshError::Revoked)));
    assert!(!session_alive(&world, &one) && session_alive(&world, &two));
    world.families.log_out_everywhere("alice").await.unwrap();
    assert!(matches!(world.families.rotate(&two.refresh_token).await, Err(RefreshError::Revoked)));
    assert!(!session_alive(&world, &two));
    assert!(world.families.rotate(&bob.refresh_token).await.is_ok());
    // A login in the very second of the cut-off is a new one.
    let new = world.families.start("alice").await.unwrap();
    let new = world.families.rotate(&new.refresh_token).await.unwrap();
    assert!(world.families.issuer().access_token(new.identity(), &()).is_ok());
    world.families.end_session(&new.session).await.unwrap();
    assert!(world.families.rotate(&new.refresh_token).await.is_err());
    world.families.end_session("unknown").await.unwrap();
}

#[tokio::test]
async fn sessions_end_by_age_and_by_idleness_and_are_forgotten() {
    let limits = |builder: Builder| builder.lifetime(Duration::from_secs(100)).idle(Duration::from_secs(30));
    let world = world(limits);
    let mut grant = world.families.start("alice").await.unwrap();
    let idle = world.families.start("bob").await.unwrap();
    for _ in 0..4 {
        world.clock.advance(Duration::from_secs(24));
        grant = world.families.rotate(&grant.refresh_token).await.unwrap();
    }
    assert!(matches!(world.families.rotate(&idle.refresh_token).await, Err(RefreshError::Expired)));
    world.clock.advance(Duration::from_secs(4));
    assert!(matches!(world.families.rotate(&grant.refresh_token).await, Err(RefreshError::Expired)));
    assert_eq!(world.store.remove_expired(NOW + 101).await.unwrap(), 2);
    assert!(matches!(world.families.rotate(&grant.refresh_token).await, Err(RefreshError::Invalid)));
    assert!(world.store.is_empty());
}

#[tokio::test]
async fn memory_follows_the_living() {
    let world = world(|builder| builder.lifetime(Duration::from_secs(10)));
    for _ in 0..5000 {
        world.families.start("alice").await.unwrap();
        world.clock.advance(Duration::from_secs(1));
    }
    assert!(world.store.len() < 100, "{}", world.store.len());
}

#[tokio::test]
async fn strangers_are_invalid_and_touch_nothing() {
    let ours = world(|builder| builder);
    let theirs = world(|builder| builder.secret(&[2; 32]));
    let grant = ours.families.start("alice").await.unwrap();
    // The same secret, the same issuer, another store: a family that is not known.
    assert!(matches!(theirs.families.rotate(&grant.refresh_token).await, Err(RefreshError::Invalid)));
    for token in ["", "cvr1.", "a.b.c", &grant.refresh_token[..20]] {
        assert!(matches!(ours.families.rotate(token).await, Err(RefreshError::Invalid)));
        assert!(matches!(ours.families.log_out(token).await, Err(RefreshError::Invalid)));
    }
    assert!(ours.families.rotate(&grant.refresh_token).await.is_ok());
}

#[tokio::test]
async fn unavailable_revocations_grant_nothing_and_destroy_nothing() {
    let world = world(|builder| builder);
    let grant = world.families.start("alice").await.unwrap();
    *world.model.unavailable.lock().unwrap() = true;
    let error = world.families.rotate(&grant.refresh_token).await.unwrap_err();
    assert_eq!((error.status(), error.oauth_error()), (503, "temporarily_unavailable"));
    *world.model.unavailable.lock().unwrap() = false;
    assert!(world.families.rotate(&grant.refresh_token).await.is_ok());
}

/// A store that fails on demand, and answers late.
#[derive(Default)]
struct Faulty {
    inner: MemoryFamilies,
    failing: AtomicBool,
    swaps: AtomicU64,
}

#[derive(Debug)]
struct Down;

impl std::fmt::Display for Down {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("down")
    }
}

impl std::error::Error for Down {}

impl Faulty {
    fn answer<T>(&self, answer: Result<T, Infallible>) -> Result<T, Down> {
        if self.failing.load(Ordering::SeqCst) { Err(Down) } else { Ok(answer.unwrap()) }
    }
}

impl FamilyStore for Faulty {
    type Error = Down;

    async fn insert(&self, sid: &str, family: &Family) -> Result<bool, Down> {
        self.answer(self.inner.insert(sid, family).await)
    }

    async fn load(&self, sid: &str) -> Result<Option<Family>, Down> {
        self.answer(self.inner.load(sid).await)
    }

    /// Makes the change even when the answer is lost: the worst that a network does.
    async fn compare_and_swap(&self, sid: &str, expected: u64, family: &Family) -> Result<bool, Down> {
        self.swaps.fetch_add(1, Ordering::SeqCst);
        let swapped = self.inner.compare_and_swap(sid, expected, family).await;
        self.answer(swapped)
    }

    async fn remove_expired(&self, now: u64) -> Result<u64, Down> {
        self.answer(self.inner.remove_expired(now).await)
    }
}

#[tokio::test]
async fn a_lost_answer_is_healed_by_the_retry() {
    let clock = ManualClock::at(NOW);
    let model = Model::new(&clock);
    let store = Arc::new(Faulty::default());
    let families =
        Families::builder(issuer(&clock, &model), Arc::clone(&store), model.clone()).secret(&[1; 32]).build().unwrap();
    let grant = families.start("alice").await.unwrap();
    store.failing.store(true, Ordering::SeqCst);
    assert_eq!(families.rotate(&grant.refresh_token).await.unwrap_err().status(), 503);
    assert_eq!(families.log_out(&grant.refresh_token).await.unwrap_err().status(), 503);
    store.failing.store(false, Ordering::SeqCst);
    // The load failed first, so nothing was changed; now let only the answer of the swap be lost.
    let family = store.load(&grant.session).await.unwrap().unwrap();
    let next = Family { counter: 1, revision: 1, rotated_at: NOW, ..family };
    store.compare_and_swap(&grant.session, 0, &next).await.unwrap();
    let healed = families.rotate(&grant.refresh_token).await.unwrap();
    assert!(healed.repeated);
    assert!(families.rotate(&healed.refresh_token).await.is_ok());
}

/// The store came back from an old backup: the client's token is newer than the store's.
#[tokio::test]
async fn a_store_that_lost_a_rotation_refuses() {
    let world = world(|builder| builder);
    let first = world.families.start("alice").await.unwrap();
    let backup = world.store.load(&first.session).await.unwrap().unwrap();
    let second = world.families.rotate(&first.refresh_token).await.unwrap();
    let current = world.store.load(&first.session).await.unwrap().unwrap();
    world.store.compare_and_swap(&first.session, current.revision, &backup).await.unwrap();
    assert!(world.families.rotate(&second.refresh_token).await.unwrap_err().is_reuse());
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let clock = ManualClock::at(NOW);
    let model = Model::new(&clock);
    let build = |issuer: Arc<Issuer>, secret: &[u8], days: u64| {
        Families::builder(issuer, MemoryFamilies::new(), model.clone())
            .secret(secret)
            .lifetime(Duration::from_secs(days * 86_400))
            .build()
            .map(|_| ())
    };
    assert_eq!(build(issuer(&clock, &model), &[1; 32], 90), Ok(()));
    assert_eq!(build(issuer(&clock, &model), &[1; 31], 90), Err(FamiliesError::Secret));
    assert_eq!(build(issuer(&clock, &model), &[1; 32], 91), Err(FamiliesError::Retention));
    let other = Issuer::builder(ISSUER).key(new_key("k", Algorithm::HS256)).clock(SystemClock).build().unwrap();
    assert_eq!(build(Arc::new(other), &[1; 32], 1), Err(FamiliesError::Clocks));
}
