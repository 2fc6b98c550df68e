//! A small HTTP service that has every Covet crate on its hot path: covet-router finds the handler, covet-auth judges the token,
//! covet-pool lends the connection, covet-json writes the answer.
//!
//! `cargo run --release -p covet-kit --example service` needs no set-up; `-- --help` lists the options.

mod accounts;
mod admin;
mod app;
mod args;
mod basics;
mod cache;
mod database;
mod metrics;
mod passwords;
mod query;
mod revoked;
mod secret;
mod users;

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use covet_kit::server::{RequestBody, Server};
use covet_kit::service::{
    Body, GuardLayer, IntoResponse, Problem, Route, RoutePattern, RouteService, Routes, RoutesError,
};
use http::{Method, Request, Response, StatusCode};
use tokio::net::TcpListener;
use tower::ServiceExt;

use accounts::Scope;
use app::{App, Demo};
use args::Args;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()))
        .init();
    let outcome = args::parse().and_then(|args| match args {
        Some(args) => run(&args),
        None => Ok(()),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("service: {message}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(args: &Args) -> Result<(), String> {
    let listener = bind(args.listen).await?;
    let admin_listener = match args.admin {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let (app, demo) = App::open(args).await?;
    let service = routes(&app).map_err(|error| error.to_string())?;
    let admin = admin::routes(&app).map_err(|error| error.to_string())?;
    welcome(args, &listener, admin_listener.as_ref(), &app, &demo).await?;

    let (stop, stopped) = tokio::sync::watch::channel(false);
    if let Some(listener) = admin_listener {
        let mut stopped = stopped.clone();
        tokio::spawn(Server::new().serve(listener, admin, async move {
            let _ = stopped.wait_for(|stopped| *stopped).await;
        }));
    }
    tokio::spawn(forget_what_lapsed(app.clone()));
    let draining = app.clone();
    let shutdown = async move {
        interrupted().await;
        tracing::info!("stopping: requests in flight are finished first");
        draining.draining.store(true, Ordering::Relaxed);
        let _ = stop.send(true);
    };
    let measured = tower::service_fn(move |request| measure(app.clone(), service.clone(), request));
    let report = Server::new().serve(listener, measured, shutdown).await;
    tracing::info!(served = report.served, cut_off = report.cut_off, "stopped");
    Ok(())
}

async fn bind(address: std::net::SocketAddr) -> Result<TcpListener, String> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|error| {
        format!(
            "cannot listen on {address}: {error} (choose another with --listen or --admin; port 0 picks a free one)"
        )
    })
}

fn routes(app: &Arc<App>) -> Result<RouteService<RequestBody>, RoutesError> {
    let signed_in = GuardLayer::<Scope, _>::new(app.guard.clone());
    let guarded = Routes::new()
        .route(Method::POST, "/logout", with(app, accounts::logout))
        .route(Method::GET, "/users", with(app, users::list))
        .route(Method::POST, "/users", with(app, users::add))
        .route(Method::GET, "/users/export", with(app, users::export))
        .route(Method::GET, "/users/{id:u64}", with(app, users::one))
        .route(Method::PUT, "/users/{id:u64}", with(app, users::change))
        .layer(&signed_in);
    Routes::new()
        .nest("", guarded)
        .route(Method::POST, "/login", with(app, accounts::login))
        .route(Method::POST, "/refresh", with(app, accounts::refresh))
        .route(Method::GET, "/plaintext", with(app, basics::plaintext))
        .route(Method::GET, "/json", with(app, basics::message))
        .route(Method::GET, "/db", with(app, basics::db))
        .route(Method::GET, "/queries", with(app, basics::queries))
        .route(Method::GET, "/updates", with(app, basics::updates))
        .route(Method::GET, "/cached", with(app, basics::cached))
        .route(Method::GET, "/health", with(app, async |_, _| StatusCode::OK))
        .route(Method::GET, "/ready", with(app, ready))
        .route(Method::GET, "/.well-known/jwks.json", with(app, jwks))
        .build()
}

/// A route that an async function answers, with the application beside the request.
fn with<F, Fut>(app: &Arc<App>, function: F) -> Route<RequestBody>
where
    F: Fn(Arc<App>, Request<RequestBody>) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
    Fut::Output: IntoResponse,
{
    let app = app.clone();
    Route::from_fn(move |request| function(app.clone(), request))
}

/// `GET /ready`: not during a shutdown, nor while Redis cannot tell what was revoked elsewhere. The revocations were loaded before the
/// first request.
async fn ready(app: Arc<App>, _: Request<RequestBody>) -> StatusCode {
    if app.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// `GET /.well-known/jwks.json`: the public keys, for others who verify our tokens.
async fn jwks(app: Arc<App>, _: Request<RequestBody>) -> Response<Body> {
    covet_kit::service::json_bytes(StatusCode::OK, app.sessions.issuer().jwks().into())
}

/// Logs a failure of the service's own and answers without its text.
pub(crate) fn failed(doing: &'static str, error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "{doing} failed");
    Problem::internal()
}

/// Answers, and records the latency under the pattern of the route.
async fn measure(
    app: Arc<App>,
    service: RouteService<RequestBody>,
    request: Request<RequestBody>,
) -> Result<Response<Body>, std::convert::Infallible> {
    let began = Instant::now();
    let response = service.oneshot(request).await?;
    let route = response.extensions().get::<RoutePattern>().map_or("(none)", RoutePattern::as_str);
    app.latencies.record(route, began.elapsed(), response.status().is_server_error());
    Ok(response)
}

/// Once a minute, drops what has lapsed: revocations of tokens that are past their time anyway, and sessions that are over.
async fn forget_what_lapsed(app: Arc<App>) {
    use covet_kit::auth::{FamilyStore, Revocations};

    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        if let Err(error) = app.revoked.expire().await {
            tracing::warn!(%error, "lapsed revocations could not be removed");
        }
        if let Err(error) = app.sessions.store().remove_expired(app.revoked.clock().now()).await {
            tracing::warn!(%error, "sessions that are over could not be removed");
        }
    }
}

/// Ctrl-C, or the signal by which service managers stop a process.
async fn interrupted() {
    let ctrl_c = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else { return ctrl_c.await };
        tokio::select! { () = ctrl_c => {}, _ = terminate.recv() => {} }
    }
    #[cfg(not(unix))]
    ctrl_c.await;
}

/// Tells a newcomer where the service is, and what to try.
async fn welcome(
    args: &Args,
    listener: &TcpListener,
    admin: Option<&TcpListener>,
    app: &App,
    demo: &Demo,
) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let base = format!("http://{}", listener.local_addr().map_err(text)?);
    let name = demo.name;
    let grant = app.sessions.start(name).await.map_err(|error| error.to_string())?;
    let scope = Scope { scope: "admin".to_owned() };
    let token = app.sessions.issuer().access_token(grant.identity(), &scope).map_err(|error| error.to_string())?;
    println!("listening on   {base}");
    if let Some(admin) = admin {
        println!("status page    http://{}/", admin.local_addr().map_err(text)?);
    }
    println!("database       {}", args.database);
    match &demo.password {
        Some(password) => println!("demo login     {name} / {password}"),
        None => println!("demo login     {name}, with the password that was shown when the database was created"),
    }
    println!(
        "\nA token for the next {} minutes, and what to try with it:\n",
        app.sessions.issuer().lifetime().as_secs() / 60
    );
    println!("  TOKEN={token}");
    println!("  curl {base}/json");
    println!("  curl -H \"Authorization: Bearer $TOKEN\" '{base}/users?limit=3'");
    println!("  curl -H \"Authorization: Bearer $TOKEN\" {base}/users/7");
    println!(
        "  curl -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\\n       -d '{{\"name\":\"Grace\",\"email\":\"grace@example.com\"}}' {base}/users"
    );
    println!(
        "  curl -X POST -H \"Authorization: Bearer $TOKEN\" {base}/logout      # from now on the token is refused, also after a restart"
    );
    if let Some(password) = &demo.password {
        println!(
            "  curl -H 'Content-Type: application/json' -d '{{\"name\":\"{name}\",\"password\":\"{password}\"}}' {base}/login"
        );
    }
    println!("\nCtrl-C stops it.");
    Ok(())
}
