//! Mistakes that other pools have made in public, each as a test. The names say what must hold; the comments, where it did
//! not.

mod common;

use common::{Broken, Fake, Plan, at_rest, finish, poll, pool, whole};
use covet_pool::{CheckPolicy, CloseReason, Fairness, Pool, PoolError, Return, Verdict};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

/// deadpool: on shrinking, permits are only forgotten for connections that exist.
#[test]
fn shrinking_an_empty_pool_lowers_its_bound() {
    let (pool, told) = pool(10);
    pool.resize(2);
    let held = [pool.get_blocking().unwrap(), pool.get_blocking().unwrap()];
    let mut third = pool.get();
    assert!(poll(&mut third).is_pending());
    assert_eq!(told.live(), 2);
    drop(held);
    assert!(finish(&mut third).is_ok());
    drop(third);
    whole(&pool, &told);
}

/// deadpool: shrink below what is held, grow again, and there are more permits than slots.
#[test]
fn shrinking_and_growing_around_a_held_connection_keeps_the_bound() {
    let (pool, told) = pool(2);
    let held = pool.get_blocking().unwrap();
    pool.resize(1);
    pool.resize(5);
    let more: Vec<_> = (0..4).map(|_| pool.get_blocking().unwrap()).collect();
    let mut sixth = pool.get();
    assert!(poll(&mut sixth).is_pending());
    assert_eq!(told.live(), 5);
    drop((held, more));
    drop(sixth);
    whole(&pool, &told);
}

/// mobc: a new maximum changed the configuration and nothing else.
#[test]
fn a_new_maximum_holds_for_what_is_held_already() {
    let (pool, told) = pool(4);
    let mut held: Vec<_> = (0..4).map(|_| pool.get_blocking().unwrap()).collect();
    pool.resize(2);
    assert_eq!(pool.status().size, 4, "nothing is torn out of anybody's hands");
    held.pop();
    held.pop();
    assert_eq!((pool.status().size, told.live()), (2, 2), "what comes back above the maximum is closed");
    assert_eq!(pool.status().closed_by.count(CloseReason::Shrunk), 2);
    drop(held);
    at_rest(&pool, &told);
    assert_eq!(pool.status().idle, 2);
}

/// deadpool, sqlx #3132: a cancelled get throws the half-open connection away, and under load nobody ever connects.
#[test]
fn a_cancelled_connect_is_carried_on_by_the_next() {
    let (pool, told) = pool(1);
    told.plan_connect([Plan::Slow(3)]);
    for _ in 0..3 {
        assert!(poll(&mut pool.get()).is_pending());
    }
    assert!(finish(&mut pool.get()).is_ok());
    assert_eq!(told.connects(), 1);
    whole(&pool, &told);
}

/// An abandoned attempt fails for reasons that are old: whoever carries it on gets a fresh one.
#[test]
fn the_failure_of_an_abandoned_connect_is_nobodys() {
    let (pool, told) = pool(1);
    told.plan_connect([Plan::SlowFail(1), Plan::Ok]);
    assert!(poll(&mut pool.get()).is_pending());
    assert!(finish(&mut pool.get()).is_ok());
    assert_eq!(told.connects(), 2);
    whole(&pool, &told);
}

/// bb8: two notifications before either task sleeps store one permit; one task then sleeps beside an idle connection.
#[test]
fn two_returns_before_either_waiter_looks_serve_both() {
    let (pool, told) = pool(2);
    let held = [pool.get_blocking().unwrap(), pool.get_blocking().unwrap()];
    let (mut one, mut two) = (pool.get(), pool.get());
    assert!(poll(&mut one).is_pending() && poll(&mut two).is_pending());
    drop(held);
    let served = (poll(&mut one), poll(&mut two));
    assert!(matches!(served, (Poll::Ready(Ok(_)), Poll::Ready(Ok(_)))));
    drop(served);
    at_rest(&pool, &told);
}

/// bb8 #59, psycopg #1123 and #1208, pgdog: a waiter that goes away after it was granted takes the connection with it.
#[test]
fn a_grant_to_somebody_who_has_left_goes_to_the_next() {
    let (pool, told) = pool(1);
    let held = pool.get_blocking().unwrap();
    let (mut gone, mut next) = (pool.get(), pool.get());
    assert!(poll(&mut gone).is_pending() && poll(&mut next).is_pending());
    drop(held);
    drop(gone);
    assert!(matches!(poll(&mut next), Poll::Ready(Ok(_))));
    at_rest(&pool, &told);
}

/// shuttle #167: the head that gives up must wake the next.
#[test]
fn a_head_that_leaves_hands_on_its_work() {
    let (pool, told) = pool(1);
    told.plan_connect([Plan::Slow(5)]);
    let (mut first, mut second) = (pool.get(), pool.get());
    assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
    drop(first);
    assert!(finish(&mut second).is_ok());
    assert_eq!(told.connects(), 1);
}

/// bb8, r2d2: a panic in connect never decrements the count of pending connects.
#[test]
fn a_panic_in_connect_loses_no_capacity() {
    let (pool, told) = pool(2);
    told.plan_connect([Plan::Panic, Plan::Panic]);
    for _ in 0..2 {
        assert!(matches!(pool.get_blocking(), Err(PoolError::Panicked)));
    }
    assert_eq!(pool.status().panics, 2);
    whole(&pool, &told);
}

#[test]
fn panics_in_check_reset_and_return_lose_no_capacity() {
    let fake = Fake::default();
    let told = Arc::clone(&fake.0);
    let pool = Pool::builder(fake).max_size(2).check(CheckPolicy::Always).build().unwrap();
    told.plan_check([Plan::Panic]);
    drop(pool.get_blocking().unwrap());
    drop(pool.get_blocking().unwrap());
    told.plan_return([Return::Reset]);
    told.plan_reset([Plan::Panic]);
    drop(pool.get_blocking().unwrap());
    whole(&pool, &told);
    assert_eq!(pool.status().panics, 2);
}

/// deadpool #380: a panicking predicate poisons the mutex, and every later get and return panics.
#[test]
fn a_panic_in_a_hook_poisons_nothing() {
    let fake = Fake::default();
    let told = Arc::clone(&fake.0);
    let angry = Arc::new(AtomicBool::new(true));
    let hook = Arc::clone(&angry);
    let judge = move || {
        assert!(!hook.swap(false, Ordering::SeqCst), "as planned");
        Verdict::Keep
    };
    let before = judge.clone();
    let pool = Pool::builder(fake)
        .max_size(2)
        .before_checkout(move |_, _| before())
        .after_return(move |_, _| judge())
        .on_event(|_| panic!("as planned"))
        .build()
        .unwrap();
    drop(pool.get_blocking().unwrap());
    angry.store(true, Ordering::SeqCst);
    drop(pool.get_blocking().unwrap());
    whole(&pool, &told);
    assert!(pool.status().closed_by.count(CloseReason::Hook) >= 1);
}

#[test]
fn a_panic_of_the_holder_closes_the_connection() {
    let (pool, told) = pool(1);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _held = pool.get_blocking().unwrap();
        panic!("as planned");
    }));
    assert!(result.is_err());
    assert_eq!((told.live(), pool.status().closed_by.count(CloseReason::Panicked)), (0, 1));
    whole(&pool, &told);
}

#[test]
fn a_panic_in_the_destructor_of_a_connection_loses_no_capacity() {
    struct Grumpy;
    struct Conn;
    impl Drop for Conn {
        fn drop(&mut self) {
            panic!("as planned");
        }
    }
    impl covet_pool::Manager for Grumpy {
        type Conn = Conn;
        type Error = Broken;

        async fn connect(&self) -> Result<Conn, Broken> {
            Ok(Conn)
        }
    }
    let pool = Pool::builder(Grumpy).max_size(1).build().unwrap();
    for _ in 0..3 {
        pool.get_blocking().unwrap().discard();
    }
    assert_eq!((pool.status().size, pool.status().panics), (0, 3));
}

/// bb8 #123: the reaper closes below the minimum and opens again.
#[test]
fn maintenance_keeps_the_minimum_idle() {
    let fake = Fake::default();
    let told = Arc::clone(&fake.0);
    let pool = Pool::builder(fake).max_size(4).min_idle(2).idle_timeout(Duration::from_millis(1)).build().unwrap();
    pool.warm_up_blocking(4).unwrap();
    std::thread::sleep(Duration::from_millis(30));
    pool.maintain_blocking();
    assert_eq!((pool.status().idle, told.connects()), (2, 4), "two spare ones go, none is opened again");
    pool.invalidate_all();
    pool.maintain_blocking();
    assert_eq!((pool.status().idle, told.connects()), (2, 6), "the minimum is restored");
}

/// bb8 #167 and #194: connections given up as broken leave their waiters asleep.
#[test]
fn discarding_serves_the_waiter_with_a_new_connection() {
    let (pool, told) = pool(1);
    let held = pool.get_blocking().unwrap();
    let mut waiting = pool.get();
    assert!(poll(&mut waiting).is_pending());
    held.discard();
    let conn = finish(&mut waiting).unwrap();
    assert_eq!((conn.id, told.live()), (1, 1));
}

#[test]
fn detaching_frees_the_slot_and_keeps_the_connection() {
    let (pool, told) = pool(1);
    let conn = pool.get_blocking().unwrap().detach();
    let other = pool.get_blocking().unwrap();
    assert_ne!(conn.id, other.id);
    assert_eq!(told.live(), 2, "one is ours, one the pool's");
}

/// bb8 #221 and #223: more connects than are wanted.
#[test]
fn no_more_connects_than_waiters_and_no_more_at_once_than_the_ceiling() {
    let fake = Fake::default();
    let told = Arc::clone(&fake.0);
    let pool = Pool::builder(fake).max_size(10).max_connecting(3).build().unwrap();
    told.plan_connect([Plan::Hang; 10]);
    let mut gets: Vec<_> = (0..8).map(|_| pool.get()).collect();
    for get in &mut gets {
        assert!(poll(get).is_pending());
    }
    assert_eq!((told.connects(), pool.status().connecting), (3, 3));
    drop(gets);
    drop(pool);
    assert_eq!(told.live(), 0);
}

/// r2d2 #75: "timed out" does not say whether the pool is exhausted or the server unreachable.
#[test]
fn a_time_out_says_what_was_waited_for() {
    let (pool, told) = pool(2);
    let _held = pool.get_blocking().unwrap();
    told.plan_connect([Plan::Hang]);
    let error = pool.get_blocking_timeout(Duration::from_millis(20)).unwrap_err();
    let PoolError::Timeout(timeout) = error else { panic!("{error}") };
    assert_eq!((timeout.in_use, timeout.connecting, timeout.max_size), (1, 1, 2));
}

/// asyncpg #467: a timed-out acquire leaks its slot.
#[test]
fn a_time_out_loses_no_capacity() {
    let (pool, told) = pool(1);
    let held = pool.get_blocking().unwrap();
    assert!(pool.get_blocking_timeout(Duration::from_millis(10)).unwrap_err().is_timeout());
    assert_eq!(pool.status().timeouts, 1);
    drop(held);
    whole(&pool, &told);
}

/// `HikariCP` #1909 and #2192, bb8, r2d2, `mysql_async` #212: newcomers take what the longest waiter was promised.
#[test]
fn a_newcomer_never_overtakes() {
    let (pool, _told) = pool(1);
    let mut held = Some(pool.get_blocking().unwrap());
    let mut line: std::collections::VecDeque<_> = (0..5).map(|_| pool.get()).collect();
    for get in &mut line {
        assert!(poll(get).is_pending());
    }
    for _ in 0..20 {
        drop(held.take());
        let mut newcomer = pool.get();
        assert!(poll(&mut newcomer).is_pending(), "the connection belongs to the head");
        line.push_back(newcomer);
        let mut head = line.pop_front().unwrap();
        for get in &mut line {
            assert!(poll(get).is_pending(), "only the head is served");
        }
        let Poll::Ready(Ok(conn)) = poll(&mut head) else { panic!("the head is served") };
        held = Some(conn);
    }
    drop(held);
}

/// Barging lets so many newcomers pass, and not one more; meanwhile the waiter keeps its place.
#[test]
fn barging_has_an_exact_bound() {
    let fairness = Fairness::Barging { overtakes: 3 };
    let pool = Pool::builder(Fake::default()).max_size(1).fairness(fairness).build().unwrap();
    let mut held = Some(pool.get_blocking().unwrap());
    let mut waiter = pool.get();
    assert!(poll(&mut waiter).is_pending());
    for _ in 0..3 {
        drop(held.take());
        let Poll::Ready(Ok(conn)) = poll(&mut pool.get()) else { panic!("newcomers may pass") };
        held = Some(conn);
    }
    drop(held);
    assert!(poll(&mut pool.get()).is_pending(), "the fourth may not");
    assert!(matches!(poll(&mut waiter), Poll::Ready(Ok(_))));
    assert_eq!(pool.status().overtakes, 3);
}

/// In barging mode a woken waiter that finds nothing sleeps on, and is woken again.
#[test]
fn a_waiter_that_was_passed_is_woken_again() {
    let fairness = Fairness::Barging { overtakes: 100 };
    let pool = Pool::builder(Fake::default()).max_size(1).fairness(fairness).build().unwrap();
    let held = pool.get_blocking().unwrap();
    let mut waiter = pool.get();
    assert!(poll(&mut waiter).is_pending());
    drop(held);
    let passed = pool.try_get().unwrap();
    assert!(poll(&mut waiter).is_pending());
    drop(passed);
    assert!(matches!(poll(&mut waiter), Poll::Ready(Ok(_))));
}

/// Vitess #20187: a stale connection closed before the hand-over strands the waiter.
#[test]
fn a_stale_return_is_replaced_and_handed_over() {
    let (pool, told) = pool(1);
    let held = pool.get_blocking().unwrap();
    let mut waiting = pool.get();
    assert!(poll(&mut waiting).is_pending());
    pool.invalidate_all();
    drop(held);
    assert_eq!(finish(&mut waiting).unwrap().id, 1);
    assert_eq!((told.live(), pool.status().closed_by.count(CloseReason::Generation)), (1, 1));
}

#[test]
fn invalidating_closes_what_is_idle() {
    let (pool, told) = pool(2);
    pool.warm_up_blocking(2).unwrap();
    pool.invalidate_all();
    assert_eq!(told.live(), 0);
    assert_eq!(pool.get_blocking().unwrap().info().generation, 1);
}

/// rbatis `fast_pool`, proxool: load, compare, add, and the bound is exceeded. puddle 2.2.1: create overflows the pool.
#[test]
fn racing_threads_never_exceed_the_bound() {
    let (pool, told) = pool(3);
    told.plan_connect([Plan::Slow(2); 1000]);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let pool = &pool;
            scope.spawn(move || {
                for round in 0..200 {
                    let conn = pool.get_blocking().unwrap();
                    if (thread + round) % 3 == 0 {
                        conn.discard();
                    }
                }
            });
        }
    });
    assert!(told.most_live.load(Ordering::SeqCst) <= 3);
    whole(&pool, &told);
}

/// sqlx #3645: the idle count underflows and the maintenance loop never ends.
#[test]
fn the_idle_count_never_exceeds_the_size() {
    let (pool, told) = pool(4);
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2000 {
                    drop(pool.get_blocking().unwrap());
                }
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
        while done.load(Ordering::SeqCst) < 4 {
            let status = pool.status();
            assert!(status.idle <= status.size && status.size <= 4, "{status:?}");
            pool.maintain_blocking();
        }
    });
    at_rest(&pool, &told);
}

/// sqlx #3051: connections opened together expire together.
#[test]
fn lifetimes_are_spread() {
    let fake = Fake::default();
    let told = Arc::clone(&fake.0);
    let pool = Pool::builder(fake)
        .max_size(40)
        .max_lifetime(Duration::from_millis(600))
        .lifetime_jitter(0.9)
        .idle_timeout(None)
        .build()
        .unwrap();
    pool.warm_up_blocking(40).unwrap();
    let mut steps = std::collections::BTreeSet::new();
    while told.live() > 0 {
        pool.maintain_blocking();
        steps.insert(told.live());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(steps.len() > 4, "they went in {} steps", steps.len());
}

/// The queue is bounded, and says so at once.
#[test]
fn a_full_queue_turns_newcomers_away() {
    let fake = Fake::default();
    let told = Arc::clone(&fake.0);
    let pool = Pool::builder(fake).max_size(1).max_waiting(2).build().unwrap();
    let held = pool.get_blocking().unwrap();
    let (mut one, mut two, mut three) = (pool.get(), pool.get(), pool.get());
    assert!(poll(&mut one).is_pending() && poll(&mut two).is_pending());
    assert!(matches!(poll(&mut three), Poll::Ready(Err(PoolError::QueueFull))));
    assert_eq!((pool.status().waiting, pool.status().queue_full), (2, 1));
    drop(one);
    let mut four = pool.get();
    assert!(poll(&mut four).is_pending(), "there is room again");
    drop((held, two, four));
    whole(&pool, &told);
}

#[test]
fn a_queue_of_zero_still_connects() {
    let fake = Fake::default();
    let told = Arc::clone(&fake.0);
    let pool = Pool::builder(fake).max_size(2).max_waiting(0).build().unwrap();
    told.plan_connect([Plan::Slow(2), Plan::Slow(2)]);
    let held = [finish(&mut pool.get()).unwrap(), finish(&mut pool.get()).unwrap()];
    assert!(matches!(poll(&mut pool.get()), Poll::Ready(Err(PoolError::QueueFull))));
    drop(held);
    at_rest(&pool, &told);
}

/// A failed connect is told to whoever waited longest, and frees the slot.
#[test]
fn failed_connects_are_told_in_order() {
    let (pool, told) = pool(1);
    told.plan_connect([Plan::SlowFail(1), Plan::Ok]);
    let (mut one, mut two) = (pool.get(), pool.get());
    assert!(poll(&mut one).is_pending() && poll(&mut two).is_pending());
    assert!(matches!(finish(&mut one), Err(PoolError::Connect(Broken))));
    assert!(finish(&mut two).is_ok());
    assert_eq!(pool.status().connect_failures, 1);
    whole(&pool, &told);
}

/// A reset without a runtime is carried on by the next getter, and an error in it closes the connection.
#[test]
fn resets_are_carried_on_by_the_next_getter() {
    let (pool, told) = pool(1);
    told.plan_return([Return::Reset]);
    told.plan_reset([Plan::Slow(2)]);
    drop(pool.get_blocking().unwrap());
    assert_eq!(told.resets.load(Ordering::SeqCst), 0);
    assert_eq!(finish(&mut pool.get()).unwrap().id, 0);
    assert_eq!(told.resets.load(Ordering::SeqCst), 1);
    told.plan_return([Return::Reset]);
    told.plan_reset([Plan::Fail]);
    drop(pool.get_blocking().unwrap());
    assert_eq!(finish(&mut pool.get()).unwrap().id, 1);
    assert_eq!(pool.status().closed_by.count(CloseReason::Reset), 1);
    whole(&pool, &told);
}

/// A cancelled check is carried on too: the connection is not thrown away, and never handed out half checked.
#[test]
fn cancelled_checks_are_carried_on() {
    let fake = Fake::default();
    let told = Arc::clone(&fake.0);
    let pool = Pool::builder(fake).max_size(1).check(CheckPolicy::Always).build().unwrap();
    drop(pool.get_blocking().unwrap());
    told.plan_check([Plan::Slow(3)]);
    assert!(poll(&mut pool.get()).is_pending());
    assert!(matches!(pool.try_get(), Err(PoolError::Empty)));
    assert_eq!(finish(&mut pool.get()).unwrap().id, 0);
    whole(&pool, &told);
    assert_eq!(told.connects(), 1);
}

/// deadpool's gates: every number of polls before the cancellation, at every stage.
#[test]
fn cancellation_after_any_number_of_polls_loses_nothing() {
    for polls in 0..12 {
        for held in 0..2 {
            let fake = Fake::default();
            let told = Arc::clone(&fake.0);
            let pool = Pool::builder(fake).max_size(2).check(CheckPolicy::Always).build().unwrap();
            told.plan_connect([Plan::Slow(2), Plan::SlowFail(2), Plan::Slow(1)]);
            told.plan_check([Plan::Slow(2), Plan::Fail, Plan::Slow(1)]);
            let guards: Vec<_> = (0..held).map(|_| finish(&mut pool.get()).unwrap()).collect();
            let mut gets = [pool.get(), pool.get(), pool.get()];
            for _ in 0..polls {
                for get in &mut gets {
                    if let Poll::Ready(outcome) = poll(get) {
                        drop(outcome);
                        *get = pool.get();
                    }
                }
            }
            let [one, two, three] = gets;
            drop(two);
            drop(guards);
            drop(one);
            drop(three);
            assert!(told.most_live.load(Ordering::SeqCst) <= 2);
            assert_eq!(pool.status().waiting, 0);
            told.connect.lock().unwrap().clear();
            told.check.lock().unwrap().clear();
            whole(&pool, &told);
        }
    }
}

#[test]
fn closing_fails_waiters_and_waits_for_holders() {
    let (pool, told) = pool(2);
    let (held, idle) = (pool.get_blocking().unwrap(), pool.get_blocking().unwrap());
    drop(idle);
    let other = pool.get_blocking().unwrap();
    let mut waiting = pool.get();
    assert!(poll(&mut waiting).is_pending());
    let mut closing = Box::pin(pool.close());
    assert!(matches!(poll(&mut waiting), Poll::Ready(Err(PoolError::Closed))));
    assert!(matches!(pool.get_blocking(), Err(PoolError::Closed)));
    assert!(matches!(pool.try_get(), Err(PoolError::Closed)));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(closing.as_mut().poll(&mut cx).is_pending());
    drop(other);
    assert!(closing.as_mut().poll(&mut cx).is_pending());
    drop(held);
    assert_eq!(closing.as_mut().poll(&mut cx), Poll::Ready(0));
    assert_eq!(told.live(), 0);
}

#[test]
fn closing_gives_up_after_its_time_limit() {
    let fake = Fake::default();
    let pool = Pool::builder(fake).max_size(1).drain_timeout(Duration::from_millis(20)).build().unwrap();
    let held = pool.get_blocking().unwrap();
    assert_eq!(pool.close_blocking(), 1);
    assert!(held.is_pool_closed());
    drop(held);
    assert_eq!(pool.status().size, 0);
}

/// A guard that outlives the pool still works, and its connection is closed on return.
#[test]
fn a_guard_outlives_the_pool() {
    let (pool, told) = pool(1);
    let held = pool.get_blocking().unwrap();
    drop(pool);
    assert_eq!((held.id, told.live()), (0, 1));
    drop(held);
    assert_eq!(told.live(), 0);
}

#[test]
fn leaks_are_reported_once_with_their_place() {
    let fake = Fake::default();
    let reports = Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = Arc::clone(&reports);
    let pool = Pool::builder(fake)
        .max_size(1)
        .leak_after(Duration::from_millis(10))
        .on_event(move |event| {
            if let covet_pool::Event::Leak(holder) = event {
                sink.lock().unwrap().push((holder.place.line(), holder.place.file().to_owned()));
            }
        })
        .build()
        .unwrap();
    let line = line!() + 1;
    let held = pool.get_blocking().unwrap();
    std::thread::sleep(Duration::from_millis(40));
    pool.maintain_blocking();
    pool.maintain_blocking();
    assert_eq!(*reports.lock().unwrap(), [(line, file!().to_owned())]);
    assert_eq!(pool.holders().len(), 1);
    drop(held);
    pool.maintain_blocking();
    assert_eq!((pool.status().leaks, pool.holders().len()), (1, 0));
}

#[test]
fn connections_are_closed_after_so_many_uses() {
    let fake = Fake::default();
    let pool = Pool::builder(fake).max_size(1).max_uses(3u64).build().unwrap();
    let ids: Vec<_> = (0..7).map(|_| pool.get_blocking().unwrap().id).collect();
    assert_eq!(ids, [0, 0, 0, 1, 1, 1, 2]);
    assert_eq!(pool.status().checkouts, 7);
}

#[test]
fn more_connections_than_one_word_has_bits() {
    let (pool, told) = pool(120);
    let held: Vec<_> = (0..120).map(|_| pool.get_blocking().unwrap()).collect();
    let mut waiting = pool.get();
    assert!(poll(&mut waiting).is_pending());
    drop(held);
    assert!(finish(&mut waiting).is_ok());
    drop(waiting);
    whole(&pool, &told);
    pool.resize(10);
    assert_eq!(told.live(), 10);
}
