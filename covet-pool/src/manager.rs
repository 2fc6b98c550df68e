//! What the pool asks of a kind of connection.

use crate::config::CheckPolicy;
use crate::statements::StatementStats;
use std::time::Duration;

/// Opens, checks and resets connections of one kind.
///
/// Only `connect` is required. Each method is called for one connection at a time, without any lock of the pool held;
/// a panic in any of them costs that connection and nothing else.
///
/// ```
/// use covet_pool::{Manager, Pool};
///
/// struct Numbers;
///
/// impl Manager for Numbers {
///     type Conn = u32;
///     type Error = std::io::Error;
///
///     async fn connect(&self) -> Result<u32, std::io::Error> {
///         Ok(7)
///     }
/// }
///
/// let pool = Pool::builder(Numbers).max_size(2).build()?;
/// assert_eq!(*pool.get_blocking()?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Manager: Send + Sync + 'static {
    /// The connection.
    type Conn: Send + 'static;
    /// What opening, checking or resetting one fails with.
    type Error: Send + 'static;

    /// Opens a connection.
    ///
    /// The future is carried on by somebody else if the caller that started it goes away, so it must not depend on the
    /// task that first polls it. It is dropped after `PoolConfig::connect_timeout` where there is a timer.
    fn connect(&self) -> impl Future<Output = Result<Self::Conn, Self::Error>> + Send;

    /// Finds out whether an idle connection still works. Asked before a checkout if [`CheckPolicy`] says so; an error
    /// closes the connection and the caller gets another. The default says yes.
    fn check(&self, conn: &mut Self::Conn) -> impl Future<Output = Result<(), Self::Error>> + Send {
        let _ = conn;
        std::future::ready(Ok(()))
    }

    /// Whether a connection is known to be lost. Asked before every checkout, so it must cost next to nothing: look at a flag,
    /// ask nobody. A lost one is closed and the caller gets another. The default says no.
    #[inline]
    fn is_dead(&self, conn: &Self::Conn) -> bool {
        let _ = conn;
        false
    }

    /// Judges a connection that has just come back. Must not block. The default keeps it.
    fn on_return(&self, conn: &mut Self::Conn) -> Return {
        let _ = conn;
        Return::Ready
    }

    /// Brings a connection back into its first state, after [`Return::Reset`]. An error closes it. The default does
    /// nothing.
    fn reset(&self, conn: &mut Self::Conn) -> impl Future<Output = Result<(), Self::Error>> + Send {
        let _ = conn;
        std::future::ready(Ok(()))
    }

    /// When a connection of this kind is to be checked, unless the pool's builder says otherwise.
    fn check_policy(&self) -> CheckPolicy {
        CheckPolicy::IfIdle(Duration::from_millis(500))
    }

    /// What the statement caches of this manager's connections have counted; zeros if they have none.
    fn statements(&self) -> StatementStats {
        StatementStats::default()
    }
}

/// What is to become of a connection that comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Return {
    /// It can be given to the next caller as it is.
    Ready,
    /// [`Manager::reset`] has to run first.
    Reset,
    /// It is closed.
    Discard,
}
