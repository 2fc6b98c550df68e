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
