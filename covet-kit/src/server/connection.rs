//! One connection, from its handshake to its end: hyper drives it, the watchdog bounds it, a shutdown asks it to finish.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use pin_project_lite::pin_project;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tower_service::Service;

use super::activity::Activity;
use super::body::{InFlight, RequestBody, Tracked};
use super::io::Watched;
use super::{Accept, PeerAddr, Server};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How long a connection that has outstayed its time may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(1);

/// Serves one connection to its end. What goes wrong on it is its client's affair: there is nobody to tell.
pub(super) async fn run<A, S, B>(
    settings: &Arc<Server>,
    accept: A,
    stream: TcpStream,
    peer: PeerAddr,
    service: S,
    mut stopped: watch::Receiver<bool>,
) where
    A: Accept,
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    // Fails only on a socket that is already dead, which the handshake will find out.
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(settings.header_timeout, accept.accept(stream)).await else {
        return;
    };
    let activity = Arc::new(Activity::new());
    let io = TokioIo::new(Watched::new(stream, activity.clone(), settings.write_timeout));
    let service = PerRequest { service, peer, activity: activity.clone(), body_timeout: settings.body_timeout };
    let protocol = protocol(settings);
    let mut connection = pin!(protocol.serve_connection_with_upgrades(io, service));
    tokio::select! {
        _ended = connection.as_mut() => return,
        () = shutdown(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            let outstayed = activity.outstayed(settings.header_timeout, settings.idle_timeout);
            tokio::select! { _ended = connection.as_mut() => return, () = outstayed => {} }
        }
        () = activity.outstayed(settings.header_timeout, settings.idle_timeout) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(FAREWELL, connection).await;
}

async fn shutdown(stopped: &mut watch::Receiver<bool>) {
    // An error means that the server is gone, which is a shutdown too.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

fn protocol(settings: &Server) -> auto::Builder<TokioExecutor> {
    let mut protocol = auto::Builder::new(TokioExecutor::new());
    protocol
        .http1()
        .timer(TokioTimer::new())
        // The watchdog tells an idle connection from a slow head; hyper's limit would count idle time too.
        .header_read_timeout(None)
        .max_buf_size(settings.max_header_bytes)
        .max_headers(settings.max_headers)
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(settings.max_header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(settings.max_streams)
        // Finds peers that are gone without a word, also while a response is slow to come.
        .keep_alive_interval(settings.idle_timeout)
        .keep_alive_timeout(settings.header_timeout);
    protocol
}

/// Wraps the service for one connection: request bodies get their time limit, requests are counted while in flight.
struct PerRequest<S> {
    service: S,
    peer: PeerAddr,
    activity: Arc<Activity>,
    body_timeout: Duration,
}

impl<S, B> hyper::service::Service<Request<Incoming>> for PerRequest<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone,
{
    type Response = Response<Tracked<B>>;
    type Error = S::Error;
    type Future = Respond<S>;

    fn call(&self, request: Request<Incoming>) -> Respond<S> {
        let in_flight = InFlight::begin(&self.activity, request.version() == Version::HTTP_2);
        let mut request = request.map(|body| RequestBody::new(body, self.body_timeout));
        request.extensions_mut().insert(self.peer);
        let state = State::Starting { service: self.service.clone(), request: Some(request) };
        Respond { state, in_flight: Some(in_flight) }
    }
}

pin_project! {
    /// Waits until the service is ready, calls it, and ties the response's body to the count of requests in flight.
    struct Respond<S>
    where
        S: Service<Request<RequestBody>>,
    {
        #[pin]
        state: State<S, S::Future>,
        in_flight: Option<InFlight>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, F> {
        Starting { service: S, request: Option<Request<RequestBody>> },
        Running { #[pin] future: F },
    }
}

impl<S, B> Future for Respond<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>>,
{
    type Output = Result<Response<Tracked<B>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let future = match this.state.as_mut().project() {
                StateProj::Starting { service, request } => {
                    ready!(service.poll_ready(cx))?;
                    let Some(request) = request.take() else { return Poll::Pending };
                    service.call(request)
                }
                StateProj::Running { future } => {
                    let response = ready!(future.poll(cx))?;
                    let Some(in_flight) = this.in_flight.take() else { return Poll::Pending };
                    return Poll::Ready(Ok(response.map(|body| Tracked::new(body, in_flight))));
                }
            };
            this.state.set(State::Running { future });
        }
    }
}
