//! The second listener, on loopback only: metrics for machines, a status page for people.

use std::fmt::Write as _;
use std::sync::Arc;

use covet_kit::server::RequestBody;
use covet_kit::service::{Body, Route, RouteService, Routes, RoutesError};
use http::{HeaderValue, Method, Request, Response, header};

use crate::app::App;
use crate::metrics::{Exposition, RouteFigures};

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
        let db = app.db.figures();
        let statements = db.statements;
        let cache = app.cache.stats();
        let revoked = app.revoked.blacklist();
        Self {
            pool: [
                ("db_readers_in_use", "Readers lent out.", db.in_use as u64),
                ("db_readers_idle", "Readers at rest.", db.idle as u64),
                ("db_reads_queued", "Reads that wait for a reader.", db.reads_queued as u64),
                ("db_writes_queued", "Writes that wait for the writer.", db.writes_queued as u64),
                ("revocations_live", "Revocations held.", revoked.len() as u64),
                ("revocations_bytes", "Bytes that they take.", revoked.memory().bytes as u64),
            ],
            counters: [
                ("db_commits_total", "Commits.", db.commits),
                ("db_writes_total", "Writes that were acknowledged.", db.writes),
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
:root{color-scheme:light dark;--ground:#f6f7f9;--card:#fff;--line:#dfe3e8;--text:#1b2430;--mute:#5c6773;--good:#12763e;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ground:#12161b;--card:#1b2128;--line:#2e3741;--text:#e4e9ee;--mute:#9aa6b2;--good:#5fd08f;--bad:#ff8a80}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;color:var(--text);background:var(--ground);max-width:64rem;margin:0 auto;padding:1.5rem 1rem 3rem}
header{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:baseline}
h1{font-size:1.5rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .6rem}
p{color:var(--mute);margin:.3rem 0}a{color:inherit}
.state{font-weight:600}.good{color:var(--good)}.bad{color:var(--bad)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.75rem;margin-top:1.25rem}
.tile,.card{background:var(--card);border:1px solid var(--line);border-radius:.6rem}
.tile{padding:.7rem .9rem}.tile b{display:block;font-size:1.5rem;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums}
.tile span{color:var(--mute);font-size:.85rem}
.card{overflow-x:auto}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:0 1.25rem}
table{border-collapse:collapse;width:100%}
td,th{padding:.45rem .9rem;border-top:1px solid var(--line);text-align:left;font-weight:normal}
tr:first-child>*{border-top:0}
th{color:var(--mute);font-size:.85rem}
code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
@media(max-width:36rem){td,th{padding:.45rem .55rem;font-size:.9rem}th{font-size:.8rem}}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}";

fn status(app: &App) -> (String, &'static str) {
    let mut html = String::with_capacity(8192);
    let up = app.started.elapsed().as_secs();
    let (hours, minutes, seconds) = (up / 3600, up / 60 % 60, up % 60);
    let (class, state) = match app.is_ready() {
        true => ("good", "ready"),
        false => ("bad", "not ready"),
    };
    // Writing to a `String` cannot fail.
    let _ = write!(
        html,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"refresh\" content=\"5\"><title>Service status</title><style>{STYLE}</style>\
         <header><h1>Service status</h1><span class=\"state {class}\">{state}</span></header>\
         <p>Up {hours} h {minutes} min {seconds} s. Vector kernels: {simd}. Renewed every 5\u{a0}s; the same as \
         <a href=\"/metrics\">metrics</a>.</p>",
        simd = simd(),
    );
    let routes = app.latencies.read();
    let figures = Figures::read(app);
    tiles(&mut html, &routes, &figures);
    html.push_str("<h2>Requests</h2><div class=\"card\"><table><tr><th>Route<th class=\"n\">Requests<th class=\"n\">Half within<th class=\"n\">99 % within<th class=\"n\">Server errors");
    for route in &routes {
        let _ = write!(
            html,
            "<tr><td><code>{}</code><td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}",
            escape(&route.route),
            grouped(route.requests()),
            route.quantile(0.5),
            route.quantile(0.99),
            grouped(route.server_errors)
        );
    }
    if routes.is_empty() {
        html.push_str("<tr><td colspan=\"5\">None yet: try the lines that the service printed when it started.");
    }
    html.push_str("</table></div><div class=\"two\">");
    for (title, figures) in [("Now", &figures.pool[..]), ("Since the start", &figures.counters[..])] {
        let _ = write!(html, "<section><h2>{title}</h2><div class=\"card\"><table>");
        for (_, help, value) in figures {
            let help = escape(help.trim_end_matches('.'));
            let _ = write!(html, "<tr><td>{help}<td class=\"n\">{}", grouped(*value));
        }
        html.push_str("</table></div></section>");
    }
    html.push_str("</div>");
    (html, "text/html; charset=utf-8")
}

/// What a person wants to see first.
fn tiles(html: &mut String, routes: &[RouteFigures], figures: &Figures) {
    let requests: u64 = routes.iter().map(RouteFigures::requests).sum();
    let errors: u64 = routes.iter().map(|route| route.server_errors).sum();
    let counter = |name: &str| figures.counters.iter().find(|(known, _, _)| *known == name).map_or(0, |(_, _, n)| *n);
    let share = |hits: u64, misses: u64| match hits + misses {
        0 => "–".to_owned(),
        all => format!("{} %", hits * 100 / all),
    };
    let revoked = figures.pool.iter().find(|(name, _, _)| *name == "revocations_live").map_or(0, |(_, _, n)| *n);
    for (index, (value, label)) in [
        (grouped(requests), "requests"),
        (grouped(errors), "server errors"),
        (share(counter("cache_hits_total"), counter("cache_misses_total")), "from the result cache"),
        (share(counter("db_statement_hits_total"), counter("db_statement_misses_total")), "statements prepared"),
        (grouped(revoked), "revocations held"),
    ]
    .into_iter()
    .enumerate()
    {
        let open = if index == 0 { "<div class=\"tiles\">" } else { "" };
        let _ = write!(html, "{open}<div class=\"tile\"><b>{value}</b><span>{label}</span></div>");
    }
    html.push_str("</div>");
}

/// A number in groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            // A narrow space that does not break.
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
