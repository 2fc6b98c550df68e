//! Tests that need to see inside: the clock, the census, the wakers.

use crate::{CloseReason, Manager, Pool, PoolError};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[derive(Default, Clone)]
struct Count(Arc<AtomicUsize>);

struct Conn(u64, Arc<AtomicUsize>);

impl Drop for Conn {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Manager for Count {
    type Conn = Conn;
    type Error = Infallible;

    async fn connect(&self) -> Result<Conn, Infallible> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(Conn(0, Arc::clone(&self.0)))
    }
}

#[test]
fn hands_out_and_takes_back() {
    let live = Count::default();
    let pool = Pool::builder(live.clone()).max_size(2).build().unwrap();
    for _ in 0..10 {
        let mut one = pool.get_blocking().unwrap();
        one.0 += 1;
        let two = pool.get_blocking().unwrap();
        assert_eq!(live.0.load(Ordering::SeqCst), 2);
        assert!(matches!(pool.try_get(), Err(PoolError::Empty)));
        drop(two);
    }
    let status = pool.status();
    assert_eq!((status.size, status.idle, status.in_use, status.waiting), (2, 2, 0, 0));
    assert_eq!((status.created, status.checkouts), (2, 20));
    assert_eq!(pool.get_blocking().unwrap().0, 10, "the lowest slot is used first");
    drop(pool);
    assert_eq!(live.0.load(Ordering::SeqCst), 0, "the last handle closes the pool");
}

#[test]
fn a_waiter_is_served_by_the_return() {
    let pool = Pool::builder(Count::default()).max_size(1).build().unwrap();
    let held = pool.get_blocking().unwrap();
    let mut waiting = Box::pin(pool.get());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut cx).is_pending());
    drop(held);
    assert!(matches!(pool.try_get(), Err(PoolError::Empty)), "it belongs to the waiter now");
    assert!(matches!(waiting.as_mut().poll(&mut cx), Poll::Ready(Ok(_))));
}

#[test]
fn idle_connections_go_when_their_time_is_over() {
    let live = Count::default();
    let pool = Pool::builder(live.clone()).max_size(3).idle_timeout(Duration::from_secs(60)).build().unwrap();
    pool.warm_up_blocking(3).unwrap();
    pool.step_clock(Duration::from_secs(61));
    pool.maintain_blocking();
    assert_eq!((live.0.load(Ordering::SeqCst), pool.status().size), (0, 0));
    assert_eq!(pool.status().closed_by.count(CloseReason::Idle), 3);
}

#[test]
fn threads_wait_in_line() {
    let pool = Pool::builder(Count::default()).max_size(2).build().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..500 {
                    pool.get_blocking().unwrap().0 += 1;
                }
            });
        }
    });
    let status = pool.status();
    assert_eq!((status.checkouts, status.idle, status.size), (4000, status.size, status.size));
}
