//! What a client is told when there is no connection for its request.

use covet_pool::PoolError;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};

use super::Problem;

/// 503 with `Retry-After`: `overloaded` when all connections were busy for too long, `unavailable` when none could be opened. The
/// manager's error is not in it; the pool's hooks and counters tell it to the operator.
impl<E> From<PoolError<E>> for Problem {
    fn from(error: PoolError<E>) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let problem = match error {
            PoolError::Timeout(_) | PoolError::QueueFull | PoolError::Empty => {
                Self::new(status, "overloaded", "The service has more to do than it can")
            }
            _ => Self::new(status, "unavailable", "The service cannot reach what it needs"),
        };
        problem.header(RETRY_AFTER, HeaderValue::from_static("1"))
    }
}
