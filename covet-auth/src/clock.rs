//! Time, injected: every check that depends on time asks one of these, so that tests and simulations own it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The two readings of time that tokens and leases need.
///
/// Implementations must be cheap (both are read on every check) and must not block.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Seconds since 1970-01-01T00:00:00Z, the unit of `exp`, `nbf` and `iat`. May jump both ways.
    fn now(&self) -> u64;

    /// Time since an arbitrary origin. Never goes back, does not jump when the wall clock is set, and
    /// advances while the machine is suspended: leases and JWKS ages are measured with it.
    fn elapsed(&self) -> Duration;

    /// Which time this is. Parts that must agree about time (a verifier and a blacklist) compare it.
    fn source(&self) -> ClockSource;
}

impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> u64 {
        (**self).now()
    }

    fn elapsed(&self) -> Duration {
        (**self).elapsed()
    }

    fn source(&self) -> ClockSource {
        (**self).source()
    }
}

/// The identity of a source of time: two clocks with equal sources give equal readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClockSource(u64);

impl ClockSource {
    /// The operating system's clock.
    pub const SYSTEM: Self = Self(0);

    /// A source that equals no other. Make one per independent clock and keep it.
    #[must_use]
    pub fn unique() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The operating system's time.
///
/// `elapsed` reads `CLOCK_BOOTTIME` on Linux and Android, so a lease does not outlive a suspend.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    /// The system clock in the form that builders take.
    #[must_use]
    pub fn shared() -> Arc<dyn Clock> {
        Arc::new(Self)
    }
}

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        // A clock set before 1970 reads 0: every `nbf` then lies in the future, which refuses.
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    fn elapsed(&self) -> Duration {
        boot_time()
    }

    fn source(&self) -> ClockSource {
        ClockSource::SYSTEM
    }
}

#[cfg(unix)]
fn boot_time() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    // Apple's CLOCK_MONOTONIC runs through suspend; Linux has a clock of its own for that.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let id = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let id = ClockId::Monotonic;
    let time = clock_gettime(id);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(not(unix))]
fn boot_time() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;
    // QueryPerformanceCounter, behind Instant on Windows, counts suspended time too.
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    ORIGIN.get_or_init(Instant::now).elapsed()
}

/// A clock that moves only when told to. Clones share the same time.
///
/// ```
/// use covet_auth::{Clock, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::at(1_700_000_000);
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now(), 1_700_000_060);
/// clock.set(1_600_000_000); // the wall clock jumps back; elapsed time does not
/// assert_eq!(clock.elapsed(), Duration::from_secs(60));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    shared: Arc<Manual>,
}

#[derive(Debug)]
struct Manual {
    now_millis: AtomicU64,
    elapsed_nanos: AtomicU64,
    source: ClockSource,
}

impl ManualClock {
    /// A clock that reads `unix_seconds` and an elapsed time of zero.
    #[must_use]
    pub fn at(unix_seconds: u64) -> Self {
        let shared = Manual {
            now_millis: AtomicU64::new(unix_seconds.saturating_mul(1000)),
            elapsed_nanos: AtomicU64::new(0),
            source: ClockSource::unique(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Moves both readings forward.
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.shared.now_millis.fetch_add(millis, Ordering::SeqCst);
        self.shared.elapsed_nanos.fetch_add(nanos, Ordering::SeqCst);
    }

    /// Sets the wall clock, forwards or backwards, and leaves the elapsed time alone.
    pub fn set(&self, unix_seconds: u64) {
        self.shared.now_millis.store(unix_seconds.saturating_mul(1000), Ordering::SeqCst);
    }

    /// This clock in the form that builders take.
    #[must_use]
    pub fn shared(&self) -> Arc<dyn Clock> {
        Arc::new(self.clone())
    }
}

impl Clock for ManualClock {
    fn now(&self) -> u64 {
        self.shared.now_millis.load(Ordering::SeqCst) / 1000
    }

    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.shared.elapsed_nanos.load(Ordering::SeqCst))
    }

    fn source(&self) -> ClockSource {
        self.shared.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_time_is_plausible_and_elapsed_never_goes_back() {
        assert!(SystemClock.now() > 1_700_000_000);
        let first = SystemClock.elapsed();
        assert!(SystemClock.elapsed() >= first);
        assert_eq!(SystemClock.source(), SystemClock::shared().source());
    }

    #[test]
    fn manual_clones_share_time_and_source() {
        let clock = ManualClock::at(10);
        let twin = clock.clone();
        clock.advance(Duration::from_millis(1500));
        assert_eq!(twin.now(), 11);
        assert_eq!(twin.elapsed(), Duration::from_millis(1500));
        assert_eq!(twin.source(), clock.source());
        assert_ne!(clock.source(), ManualClock::at(10).source());
        assert_ne!(clock.source(), ClockSource::SYSTEM);
    }
}
