//! Routes a request of plain `http` types the way a server would: parameters go into the extensions, misses become responses.
//!
//! `cargo run -p covet-router --example hyper_like`

use covet_router::{Miss, OwnedParams, Router, Target};
use http::{Method, Request, Response, StatusCode, header};

type Handler = fn(&Request<()>) -> Response<String>;

fn show_user(request: &Request<()>) -> Response<String> {
    let id = request.extensions().get::<OwnedParams>().map(|params| params.parse::<u64>("id"));
    match id {
        Some(Ok(id)) => Response::new(format!("user {id}\n")),
        _ => problem(StatusCode::BAD_REQUEST, "no usable id"),
    }
}

fn files(request: &Request<()>) -> Response<String> {
    let path = request.extensions().get::<OwnedParams>().and_then(|params| params.decode("path").ok());
    Response::new(format!("file {}\n", path.unwrap_or_default()))
}

fn problem(status: StatusCode, text: &str) -> Response<String> {
    let mut response = Response::new(format!("{text}\n"));
    *response.status_mut() = status;
    response
}

fn respond(router: &Router<Handler>, mut request: Request<()>) -> Response<String> {
    let target = Target::from_request_parts(request.method(), request.uri(), request.headers());
    let miss = match router.lookup(&target) {
        Ok(m) => {
            let (handler, params) = (*m.value, m.params.to_owned());
            request.extensions_mut().insert(params);
            return handler(&request);
        }
        Err(miss) => miss,
    };
    let mut response = problem(miss.status(request.method()), &miss.to_string());
    if let Miss::MethodNotAllowed { allow } = miss {
        response.headers_mut().insert(header::ALLOW, allow.clone());
    }
    response
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut b = Router::builder();
    b.route(&Method::GET, "/users/{id:u64}", show_user as Handler)?;
    b.route(&Method::GET, "/static/{*path}", files as Handler)?;
    let router = b.build()?;
    print!("{router}");
    for (method, uri) in [
        (Method::GET, "/users/7"),
        (Method::GET, "/static/a%20b/c.css"),
        (Method::DELETE, "/users/7"),
        (Method::OPTIONS, "/users/7"),
        (Method::GET, "/users/seven"),
    ] {
        let response = respond(&router, Request::builder().method(method.clone()).uri(uri).body(())?);
        let allow = response.headers().get(header::ALLOW).map(|a| format!(" (allow: {a:?})")).unwrap_or_default();
        print!("{method} {uri}: {}{allow} {}", response.status(), response.body());
    }
    Ok(())
}
