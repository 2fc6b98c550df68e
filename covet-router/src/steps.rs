//! A counter of visited nodes, compiled into tests only: the bound on the work is asserted on counts, not on clocks.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts one visit.
#[inline(always)]
pub(crate) fn count() {
    #[cfg(test)]
    STEPS.with(|s| s.set(s.get() + 1));
}

/// The visits since the last call.
#[cfg(test)]
pub(crate) fn take() -> usize {
    STEPS.with(std::cell::Cell::take)
}

#[cfg(test)]
mod tests {
    use crate::{Method, Router};

    /// The most visits among these paths, with the number of nodes.
    fn worst(patterns: &[String], paths: &[String]) -> (usize, usize) {
        let mut b = Router::builder();
        for pattern in patterns {
            b.insert(pattern, ()).unwrap_or_else(|e| panic!("{e}"));
        }
        let router = b.build().unwrap();
        let nodes = router.core().main.strict.nodes.len();
        let visits = paths.iter().map(|path| {
            super::take();
            let _ = router.at(path);
            let _ = router.find(&Method::GET, path);
            super::take() / 2
        });
        (visits.max().unwrap(), nodes)
    }

    /// Each node is entered at most once as a child and once as an alternative.
    fn bounded(patterns: &[String], paths: &[String]) {
        let (visits, nodes) = worst(patterns, paths);
        assert!(visits <= 2 * nodes, "{visits} visits of {nodes} nodes");
    }

    #[test]
    fn literal_or_parameter_at_every_level() {
        // All 2^12 combinations: a search without memory still visits each node once.
        let patterns: Vec<String> = (0..1 << 12)
            .map(|mask: u32| {
                (0..12).map(|i| if mask >> i & 1 == 0 { "/a".into() } else { format!("/{{p{i}}}") }).collect()
            })
            .collect();
        bounded(&patterns, &[format!("{}/b", "/a".repeat(12)), "/a".repeat(13), "/a".repeat(11), "/b".repeat(13)]);
    }

    #[test]
    fn many_catch_alls() {
        let patterns: Vec<String> = (1..=30)
            .map(|n| format!("{}/end{n}", (0..n).map(|i| format!("/{{*r{i}}}/a")).collect::<String>()))
            .collect();
        bounded(
            &patterns,
            &["/a".repeat(250), format!("{}/x", "/a".repeat(200)), "/".repeat(255), "/aaaa".repeat(255)],
        );
    }

    #[test]
    fn suffix_ladders() {
        let patterns: Vec<String> = (0..60).map(|n| format!("/{{x}}{}/y{n}", "a".repeat(n))).collect();
        bounded(&patterns, &[format!("/{}/z", "a".repeat(5000)), format!("/{}/y0", "a".repeat(300))]);
    }

    #[test]
    fn typed_alternatives_at_every_level() {
        let kinds = ["u64", "hex", "alnum", "alpha", "a|b"];
        let mut patterns = Vec::new();
        for a in kinds {
            for b in kinds {
                for c in kinds {
                    patterns.push(format!("/{{x:{a}}}/{{y:{b}}}/{{z:{c}}}/end"));
                }
            }
        }
        bounded(&patterns, &["/a/a/a/no".into(), "/1/1/1/no".into(), "/a/b/a/end".into()]);
    }
}
