//! What a pool tells `tracing` and `metrics`, where those features are on. Names are OpenTelemetry's.

use crate::hooks::Event;
use crate::manager::Manager;
use crate::shared::Shared;

/// Logs an event, with the pool's name.
#[cfg(feature = "tracing")]
pub(crate) fn log<E>(pool: &str, event: &Event<'_, E>) {
    use tracing::{debug, warn};
    match event {
        Event::Connected { slot, took } => debug!(pool, slot, ?took, "connection opened"),
        Event::ConnectFailed { .. } => warn!(pool, "cannot open a connection"),
        Event::Closed { info, reason } => debug!(
            pool,
            slot = info.slot,
            uses = info.uses,
            age = ?info.created.elapsed(),
            reason = reason.as_str(),
            "connection closed"
        ),
        Event::TimedOut { waited } => warn!(pool, ?waited, "no connection in time"),
        Event::QueueFull => warn!(pool, "too many callers wait for a connection"),
        Event::Leak(holder) => warn!(
            pool,
            slot = holder.slot,
            place = %holder.place,
            held = ?holder.held,
            "connection held for long"
        ),
        Event::Panicked => warn!(pool, "the manager or a hook panicked"),
    }
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn log<E>(_: &str, _: &Event<'_, E>) {}

/// The instruments of one pool, registered when it is built.
#[cfg(feature = "metrics")]
pub(crate) struct Instruments {
    idle: metrics::Gauge,
    used: metrics::Gauge,
    max: metrics::Gauge,
    idle_min: metrics::Gauge,
    pending: metrics::Gauge,
    timeouts: metrics::Counter,
    create_time: metrics::Histogram,
    wait_time: metrics::Histogram,
    use_time: metrics::Histogram,
}

#[cfg(feature = "metrics")]
impl Instruments {
    pub(crate) fn new(pool: &str) -> Self {
        use metrics::{counter, gauge, histogram};
        const NAME: &str = "db.client.connection.pool.name";
        let pool = pool.to_owned();
        Self {
            idle: gauge!("db.client.connection.count", NAME => pool.clone(), "db.client.connection.state" => "idle"),
            used: gauge!("db.client.connection.count", NAME => pool.clone(), "db.client.connection.state" => "used"),
            max: gauge!("db.client.connection.max", NAME => pool.clone()),
            idle_min: gauge!("db.client.connection.idle.min", NAME => pool.clone()),
            pending: gauge!("db.client.connection.pending_requests", NAME => pool.clone()),
            timeouts: counter!("db.client.connection.timeouts", NAME => pool.clone()),
            create_time: histogram!("db.client.connection.create_time", NAME => pool.clone()),
            wait_time: histogram!("db.client.connection.wait_time", NAME => pool.clone()),
            use_time: histogram!("db.client.connection.use_time", NAME => pool),
        }
    }

    pub(crate) fn event<E>(&self, event: &Event<'_, E>) {
        match event {
            Event::Connected { took, .. } => self.create_time.record(took.as_secs_f64()),
            Event::TimedOut { .. } => self.timeouts.increment(1),
            _ => {}
        }
    }

    pub(crate) fn waited(&self, waited: std::time::Duration) {
        self.wait_time.record(waited.as_secs_f64());
    }

    pub(crate) fn used(&self, millis: u64) {
        self.use_time.record(millis as f64 / 1000.0);
    }
}

#[cfg(feature = "metrics")]
impl<M: Manager> Shared<M> {
    /// Brings the gauges up to date.
    pub(crate) fn publish_gauges(&self) {
        use crate::core::Owner;
        let census = self.core().census();
        let instruments = &self.instruments;
        instruments.idle.set(census.idle as f64);
        instruments.used.set(census.in_use() as f64);
        instruments.max.set(census.max as f64);
        instruments.idle_min.set(self.config.min_idle as f64);
        instruments.pending.set(census.waiting as f64);
    }
}

#[cfg(not(feature = "metrics"))]
pub(crate) struct Instruments;

#[cfg(not(feature = "metrics"))]
impl Instruments {
    pub(crate) fn new(_: &str) -> Self {
        Self
    }

    pub(crate) fn event<E>(&self, _: &Event<'_, E>) {}

    pub(crate) fn waited(&self, _: std::time::Duration) {}

    #[inline(always)]
    pub(crate) fn used(&self, _: u64) {}
}

#[cfg(not(feature = "metrics"))]
impl<M: Manager> Shared<M> {
    pub(crate) fn publish_gauges(&self) {}
}
