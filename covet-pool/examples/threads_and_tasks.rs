//! Threads and tasks share one pool and one queue; at the end the pool says what happened.
//!
//! `cargo run -p covet-pool --features tokio --example threads_and_tasks`

use covet_pool::{Manager, Pool, PoolError};
use std::convert::Infallible;
use std::time::Duration;

/// Opens connections that take a while to open.
struct Slow;

impl Manager for Slow {
    type Conn = u64;
    type Error = Infallible;

    async fn connect(&self) -> Result<u64, Infallible> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(0)
    }
}

#[tokio::main]
async fn main() -> Result<(), PoolError<Infallible>> {
    let pool = match Pool::builder(Slow).name("example").max_size(4).leak_after(Duration::from_secs(1)).build() {
        Ok(pool) => pool,
        Err(error) => {
            eprintln!("{error}");
            return Ok(());
        }
    };
    pool.warm_up(2).await?;
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                for _ in 0..1000 {
                    let mut conn = pool.get().await?;
                    *conn += 1;
                    tokio::task::yield_now().await;
                }
                Ok::<(), PoolError<Infallible>>(())
            })
        })
        .collect();
    let thread = std::thread::spawn({
        let pool = pool.clone();
        move || (0..1000).try_for_each(|_| pool.get_blocking().map(|mut conn| *conn += 1))
    });
    for task in tasks {
        if let Ok(outcome) = task.await {
            outcome?;
        }
    }
    if let Ok(outcome) = thread.join() {
        outcome?;
    }
    let status = pool.status();
    println!("{} checkouts of {} connections", status.checkouts, status.created);
    println!(
        "waits: half below {:?}, 99 % below {:?}",
        status.wait_time.quantile(0.5),
        status.wait_time.quantile(0.99)
    );
    println!("left after closing: {}", pool.close().await);
    Ok(())
}
