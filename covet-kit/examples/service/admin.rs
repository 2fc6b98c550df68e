//! The second listener, on loopback only: metrics for machines, a status page for people.

use std::fmt::Write as _;
use std::sync::Arc;

use covet_kit::server::RequestBody;
use covet_kit::service::{Body, Route, RouteService, Routes, RoutesError};
use http::{HeaderValue, Method, Request, Response, header};

use crate::app::App;
use crate::metrics::Exposition;

pub(crate) fn routes(app: &Arc<App>) -> Result<RouteService<RequestBody>, RoutesError> {
    let page = |app: &Arc<App>, render: fn(&App) -> (String, &'static str)| {
        let app = app.clone();
        Route::from_fn(move |_: Request<RequestBody>| {
            let (text, content_type) = render(&app);
            std::future::ready(answer(text, content_type))
        })
    };
    let routes =
        Routes::new().route(Method::GET, "/metrics", page(app, metrics)).route(Method::GET, "/", page(app, status));
    routes.build()
}

fn answer(text: String, content_type: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The page has no script and loads nothing.
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"),
    );
    response
}

/// What both views show, read once.
struct Figures {
    pool: [(&'static str, &'static str, u64); 6],
    counters: [(&'static str, &'static str, u64); 12],
}

impl Figures {
    fn read(app: &App) -> Self {
        let status = app.db.status();
        let statements = status.statements;
        let cache = app.cache.stats();
        let revoked = app.revoked.blacklist();
        Self {
            pool: [
                ("db_readers_in_use", "Readers lent out.", status.readers.in_use as u64),
                ("db_readers_idle", "Readers at rest.", status.readers.idle as u64),
                ("db_reads_queued", "Reads that wait for a reader.", status.queued_reads as u64),
                ("db_writes_queued", "Writes that wait for the writer.", status.queued_writes as u64),
                ("revocations_live", "Revocations held.", revoked.len() as u64),
                ("revocations_bytes", "Bytes that they take.", revoked.memory().bytes as u64),
            ],
            counters: [
                ("db_commits_total", "Commits.", status.writes.commits),
                ("db_writes_total", "Writes that were acknowledged.", status.writes.committed),
                ("db_statement_hits_total", "Statements found prepared.", statements.hits),
                ("db_statement_misses_total", "Statements that had to be prepared.", statements.misses),
                ("db_statement_evictions_total", "Prepared statements that made room.", statements.evictions),
                (
                    "db_statement_reprepares_total",
                    "Statements prepared anew after a change of the schema.",
                    statements.reprepares,
                ),
                ("cache_hits_total", "Answers served from the cache.", cache.hits),
                ("cache_misses_total", "Answers that were loaded.", cache.misses),
                ("cache_coalesced_total", "Requests that waited for another's load.", cache.coalesced),
                ("cache_stale_total", "Answers served past their time.", cache.stale),
                ("cache_load_errors_total", "Loads that failed.", cache.load_errors),
                ("cache_bytes", "Bytes in the cache.", cache.bytes),
            ],
        }
    }
}

fn metrics(app: &App) -> (String, &'static str) {
    let mut text = Exposition::default();
    text.gauge("uptime_seconds", "Time since the start.", app.started.elapsed().as_secs());
    text.fact("simd_info", "The vector kernels that covet-json runs.", "level", &simd());
    let figures = Figures::read(app);
    for (name, help, value) in figures.pool {
        text.gauge(name, help, value);
    }
    for (name, help, value) in figures.counters {
        if name.ends_with("_total") { text.counter(name, help, value) } else { text.gauge(name, help, value) }
    }
    text.latencies(&app.latencies);
    (text.finish(), "text/plain; version=0.0.4; charset=utf-8")
}

fn simd() -> String {
    format!("{:?}", covet_kit::json::simd_level())
}

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--mute:#777}
@media(prefers-color-scheme:dark){:root{--mute:#999}}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem;margin:0}h2{font-size:1rem;margin:2rem 0 .5rem}
p{color:var(--mute);margin:.2rem 0}
table{border-collapse:collapse;width:100%}
td,th{padding:.3rem .6rem;border-bottom:1px solid var(--line);text-align:left;font-weight:normal}
th{color:var(--mute);font-size:.85rem}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.wide{overflow-x:auto}";

fn status(app: &App) -> (String, &'static str) {
    let mut html = String::with_capacity(8192);
    let up = app.started.elapsed().as_secs();
    let (hours, minutes, seconds) = (up / 3600, up / 60 % 60, up % 60);
    // Writing to a `String` cannot fail.
    let _ = write!(
        html,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"refresh\" content=\"5\"><title>Service status</title><style>{STYLE}</style>\
         <h1>Service status</h1><p>up {hours} h {minutes} min {seconds} s · vector kernels: {simd} · refreshed every 5 s · \
         <a href=\"/metrics\">metrics</a></p>",
        simd = simd(),
    );
    html.push_str("<h2>Requests</h2><div class=\"wide\"><table><tr><th>route<th class=\"n\">requests<th class=\"n\">half<th class=\"n\">99 %<th class=\"n\">server errors");
    let routes = app.latencies.read();
    for route in &routes {
        let _ = write!(
            html,
            "<tr><td><code>{}</code><td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}",
            escape(&route.route),
            route.requests(),
            route.quantile(0.5),
            route.quantile(0.99),
            route.server_errors
        );
    }
    if routes.is_empty() {
        html.push_str("<tr><td colspan=\"5\">none yet");
    }
    html.push_str("</table></div>");
    let Figures { pool, counters } = Figures::read(app);
    for (title, figures) in [("Now", &pool[..]), ("Since the start", &counters[..])] {
        let _ = write!(html, "<h2>{title}</h2><table>");
        for (_, help, value) in figures {
            let _ = write!(html, "<tr><td>{}<td class=\"n\">{value}", escape(help.trim_end_matches('.')));
        }
        html.push_str("</table>");
    }
    (html, "text/html; charset=utf-8")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
