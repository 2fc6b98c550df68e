//! Counting allocations. The counter is a global allocator, which would be inside every measured time; so it exists only in
//! builds with the feature `allocations`, and such builds do not measure time.

use crate::record::Allocations;
use crate::timed::Timed;

/// Whether this build counts.
pub(crate) const AVAILABLE: bool = cfg!(feature = "allocations");

/// What to do about a build that does not count.
pub(crate) const MISSING: &str =
    "this build does not count allocations; add `--features covet-bench/allocations` before the `--`";

/// Counts the heap use of one operation, averaged over some iterations after a warm-up. `None` if it happens elsewhere.
#[cfg(feature = "allocations")]
pub(crate) fn count(timed: &mut dyn Timed) -> Result<Option<Allocations>, String> {
    const WARM_UP: u64 = 4;
    const ITERATIONS: u64 = 32;
    if !timed.allocates_here() {
        return Ok(None);
    }
    timed.run(WARM_UP)?;
    let mut peak_bytes = 0;
    let mut total = allocation_counter::AllocationInfo::default();
    for _ in 0..ITERATIONS {
        let mut outcome = Ok(std::time::Duration::ZERO);
        let info = allocation_counter::measure(|| outcome = timed.run(1));
        outcome?;
        peak_bytes = peak_bytes.max(info.bytes_max);
        total += info;
    }
    let operations = (ITERATIONS * timed.operations().max(1)) as f64;
    Ok(Some(Allocations {
        count: total.count_total as f64 / operations,
        bytes: total.bytes_total as f64 / operations,
        peak_bytes,
        kept_bytes: total.bytes_current as f64 / operations,
    }))
}

/// Makes an allocator the program's own, for a bench that compares all contenders on it. Nothing in a build that counts
/// allocations: its counter is the allocator there.
///
/// ```
/// covet_bench::global_allocator!(std::alloc::System, std::alloc::System);
/// # fn main() {}
/// ```
#[cfg(not(feature = "allocations"))]
#[macro_export]
macro_rules! global_allocator {
    ($type:ty, $value:expr) => {
        #[global_allocator]
        static ALLOCATOR: $type = $value;
    };
}

/// Nothing: this build counts allocations, and its counter is the allocator.
#[cfg(feature = "allocations")]
#[macro_export]
macro_rules! global_allocator {
    ($type:ty, $value:expr) => {};
}

/// Without the feature there is nothing to count.
#[cfg(not(feature = "allocations"))]
pub(crate) fn count(timed: &mut dyn Timed) -> Result<Option<Allocations>, String> {
    let _ = timed.allocates_here();
    Err(MISSING.to_owned())
}

#[cfg(all(test, feature = "allocations"))]
mod tests {
    use super::*;
    use crate::timed::Plain;

    #[test]
    fn one_vector_is_one_allocation() {
        let mut plain = Plain { op: || vec![0_u8; 100], check: |bytes: &Vec<u8>| bytes.len() };
        let counted = count(&mut plain).unwrap();
        assert_eq!(counted, Some(Allocations { count: 1.0, bytes: 100.0, peak_bytes: 100, kept_bytes: 0.0 }));
    }
}
