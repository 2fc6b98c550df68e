//! The names under which a pool appears in metrics.

#![cfg(feature = "metrics")]

mod common;

use common::Fake;
use covet_pool::Pool;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Keeps the names, and the values of gauges.
#[derive(Default)]
struct Names {
    seen: Mutex<BTreeSet<String>>,
    max: Arc<AtomicU64>,
}

impl Names {
    fn note(&self, key: &Key) {
        assert!(key.labels().any(|label| label.key() == "db.client.connection.pool.name" && label.value() == "orders"));
        self.seen.lock().expect("not poisoned").insert(key.name().to_owned());
    }
}

impl Recorder for Names {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.note(key);
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.note(key);
        if key.name() == "db.client.connection.max" { Gauge::from_arc(Arc::clone(&self.max)) } else { Gauge::noop() }
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.note(key);
        Histogram::noop()
    }
}

#[test]
fn instruments_have_the_names_of_open_telemetry() {
    let names = Names::default();
    metrics::with_local_recorder(&names, || {
        let pool = Pool::builder(Fake::default()).name("orders").max_size(3).build().unwrap();
        drop(pool.get_blocking().unwrap());
        pool.maintain_blocking();
    });
    let expected = ["count", "create_time", "idle.min", "max", "pending_requests", "timeouts", "use_time", "wait_time"];
    let expected: BTreeSet<_> = expected.iter().map(|name| format!("db.client.connection.{name}")).collect();
    assert_eq!(*names.seen.lock().unwrap(), expected);
    assert_eq!(f64::from_bits(names.max.load(Ordering::SeqCst)), 3.0);
}
