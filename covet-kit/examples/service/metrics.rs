//! The service's own measurements, and everything as Prometheus text. Labels are route patterns, never paths, subjects or ids.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Upper bounds of the latency buckets, in microseconds.
const BUCKETS: [u64; 12] = [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_000_000];

/// Latencies by route pattern. Patterns come from the route table, so there are few.
#[derive(Default)]
pub(crate) struct Latencies {
    by_route: RwLock<HashMap<String, Arc<Histogram>>>,
}

#[derive(Default)]
pub(crate) struct Histogram {
    /// One more than there are bounds: the last takes the rest.
    counts: [AtomicU64; BUCKETS.len() + 1],
    micros: AtomicU64,
    server_errors: AtomicU64,
}

impl Latencies {
    pub(crate) fn record(&self, route: &str, took: Duration, is_server_error: bool) {
        let known = self.by_route.read().unwrap_or_else(PoisonError::into_inner).get(route).cloned();
        let histogram = known.unwrap_or_else(|| {
            let mut routes = self.by_route.write().unwrap_or_else(PoisonError::into_inner);
            routes.entry(route.to_owned()).or_default().clone()
        });
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS.partition_point(|bound| *bound < micros);
        histogram.counts[bucket].fetch_add(1, Ordering::Relaxed);
        histogram.micros.fetch_add(micros, Ordering::Relaxed);
        histogram.server_errors.fetch_add(u64::from(is_server_error), Ordering::Relaxed);
    }

    /// What is known of each route, by its name.
    pub(crate) fn read(&self) -> Vec<RouteFigures> {
        let routes = self.by_route.read().unwrap_or_else(PoisonError::into_inner);
        let mut figures: Vec<_> = routes.iter().map(|(route, histogram)| histogram.read(route)).collect();
        figures.sort_by(|a, b| a.route.cmp(&b.route));
        figures
    }
}

/// One route's figures at a moment.
pub(crate) struct RouteFigures {
    pub(crate) route: String,
    counts: [u64; BUCKETS.len() + 1],
    micros: u64,
    pub(crate) server_errors: u64,
}

impl Histogram {
    fn read(&self, route: &str) -> RouteFigures {
        RouteFigures {
            route: route.to_owned(),
            counts: std::array::from_fn(|bucket| self.counts[bucket].load(Ordering::Relaxed)),
            micros: self.micros.load(Ordering::Relaxed),
            server_errors: self.server_errors.load(Ordering::Relaxed),
        }
    }
}

impl RouteFigures {
    pub(crate) fn requests(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The bound below which this share of the requests stayed, as people read it.
    pub(crate) fn quantile(&self, share: f64) -> String {
        #[expect(clippy::cast_precision_loss, reason = "a share of a count needs no exact integers")]
        let wanted = self.requests() as f64 * share;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            #[expect(clippy::cast_precision_loss, reason = "a share of a count needs no exact integers")]
            if seen as f64 >= wanted {
                return BUCKETS.get(bucket).map_or_else(|| "> 2 s".to_owned(), |bound| format!("≤ {}", micros(*bound)));
            }
        }
        "-".to_owned()
    }
}

fn micros(micros: u64) -> String {
    if micros < 1_000 { format!("{micros} µs") } else { format!("{} ms", Thousandths(micros)) }
}

struct Thousandths(u64);

impl fmt::Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 1_000 {
            0 => write!(f, "{}", self.0 / 1_000),
            rest => write!(f, "{}.{}", self.0 / 1_000, rest / 100),
        }
    }
}

/// Text in the Prometheus exposition format (0.0.4).
#[derive(Default)]
pub(crate) struct Exposition(String);

impl Exposition {
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "gauge", help);
        self.line(format_args!("{name} {value}"));
    }

    pub(crate) fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", help);
        self.line(format_args!("{name} {value}"));
    }

    /// A gauge that is always one and carries a fact in its label.
    pub(crate) fn fact(&mut self, name: &str, help: &str, label: &str, value: &str) {
        self.family(name, "gauge", help);
        self.line(format_args!("{name}{{{label}={value:?}}} 1"));
    }

    pub(crate) fn latencies(&mut self, latencies: &Latencies) {
        let figures = latencies.read();
        let name = "http_request_duration_seconds";
        self.family(name, "histogram", "Time from a request's head to its response's head, by route pattern.");
        for RouteFigures { route, counts, micros, .. } in &figures {
            let mut seen = 0;
            for (bound, count) in BUCKETS.iter().zip(counts) {
                seen += count;
                self.line(format_args!("{name}_bucket{{route={route:?},le=\"{}\"}} {seen}", Seconds(*bound)));
            }
            let total: u64 = counts.iter().sum();
            self.line(format_args!("{name}_bucket{{route={route:?},le=\"+Inf\"}} {total}"));
            self.line(format_args!("{name}_sum{{route={route:?}}} {}", Seconds(*micros)));
            self.line(format_args!("{name}_count{{route={route:?}}} {total}"));
        }
        self.family("http_server_errors_total", "counter", "Responses with a status of 500 or more, by route pattern.");
        for figures in &figures {
            self.line(format_args!("http_server_errors_total{{route={:?}}} {}", figures.route, figures.server_errors));
        }
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(self.0, "{line}");
    }
}

/// Microseconds as seconds, exactly.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}
