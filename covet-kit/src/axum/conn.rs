//! A connection of a pool for the time of a request, or of a WebSocket.

use std::fmt;
use std::ops::{Deref, DerefMut};

use axum_core::extract::{FromRef, FromRequestParts};
use covet_pool::{Manager, Pool, PooledConn};
use http::request::Parts;

use crate::service::Problem;

/// A connection checked out for this request; the state gives the [`Pool<M>`] through [`FromRef`].
///
/// It goes back when it is dropped, however that comes: the handler returns or panics, the client hangs up and the handler's future is
/// dropped, a WebSocket breaks off in mid-message. What is left open on it is undone by the pool's manager ([`Manager::on_return`],
/// [`Manager::reset`]); after a panic the connection is closed.
///
/// Extract it last: the extractors before it may refuse the request, and a body that is still on its way would hold it. SQLite is better
/// served by `State<SqlitePool>`, whose closures share commits.
///
/// The rejection is a [`Problem`]: 503 with `Retry-After`, `overloaded` or `unavailable`.
///
/// ```
/// use axum::extract::FromRef;
/// use axum::{Router, routing::get};
/// use covet_kit::axum::Conn;
/// use covet_kit::pool::{Manager, Pool};
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
/// #[derive(Clone)]
/// struct AppState {
///     numbers: Pool<Numbers>,
/// }
///
/// impl FromRef<AppState> for Pool<Numbers> {
///     fn from_ref(state: &AppState) -> Self {
///         state.numbers.clone()
///     }
/// }
///
/// async fn number(conn: Conn<Numbers>) -> String {
///     conn.to_string()
/// }
///
/// let app: Router<AppState> = Router::new().route("/number", get(number));
/// ```
pub struct Conn<M: Manager>(pub PooledConn<M>);

impl<S, M> FromRequestParts<S> for Conn<M>
where
    S: Send + Sync,
    M: Manager,
    Pool<M>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self(Pool::<M>::from_ref(state).get().await?))
    }
}

impl<M: Manager> Deref for Conn<M> {
    type Target = M::Conn;

    fn deref(&self) -> &M::Conn {
        &self.0
    }
}

impl<M: Manager> DerefMut for Conn<M> {
    fn deref_mut(&mut self) -> &mut M::Conn {
        &mut self.0
    }
}

impl<M: Manager> fmt::Debug for Conn<M>
where
    M::Conn: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Conn").field(&**self).finish()
    }
}
