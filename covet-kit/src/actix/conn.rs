//! A connection of a pool for the time of a request.

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use covet_pool::{Manager, Pool, PooledConn};

use super::not_configured;
use crate::service::Problem;

/// A connection checked out for this request, from the `web::Data<Pool<M>>` of the app.
///
/// It goes back when it is dropped, however that comes: the handler returns or panics, or the client hangs up and the handler's future is
/// dropped. What is left open on it is undone by the pool's manager ([`Manager::on_return`], [`Manager::reset`]); after a panic the
/// connection is closed.
///
/// actix-web drops the handler of an HTTP/1 client that hung up only under [`HttpServer::h1_allow_half_closed(false)`]; by default the
/// handler runs to its end, and holds its connection until then.
///
/// [`HttpServer::h1_allow_half_closed(false)`]: actix_web::HttpServer::h1_allow_half_closed
///
/// Extract it last: the extractors before it may refuse the request, and a body that is still on its way would hold it. SQLite is better
/// served by `web::Data<SqlitePool>`, whose closures share commits.
///
/// The error is a [`Problem`]: 503 with `Retry-After`, `overloaded` or `unavailable`.
///
/// ```
/// use actix_web::{App, get, web};
/// use covet_kit::actix::Conn;
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
/// #[get("/number")]
/// async fn number(conn: Conn<Numbers>) -> String {
///     conn.to_string()
/// }
///
/// fn configure(config: &mut web::ServiceConfig, numbers: Pool<Numbers>) {
///     config.app_data(web::Data::new(numbers)).service(number);
/// }
/// ```
pub struct Conn<M: Manager>(pub PooledConn<M>);

impl<M: Manager> FromRequest for Conn<M> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let pool = request.app_data::<Data<Pool<M>>>().cloned();
        Box::pin(async move { Ok(Self(pool.ok_or_else(not_configured)?.get().await?)) })
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
