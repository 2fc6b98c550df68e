//! `RouteService` as a caller sees it: dispatch, misses, HEAD and OPTIONS, normalization before routing, layers, nesting.
#![cfg(feature = "service")]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use covet_kit::service::{Body, Problem, Route, RoutePattern, RouteService, Routes, json, path_params};
use covet_router::{Router, TrailingSlash};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use tower::ServiceExt;

async fn say(request: Request<Body>) -> String {
    let pattern = request.extensions().get::<RoutePattern>().unwrap().as_str().to_owned();
    let params: Vec<_> = path_params(&request).unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{} {} {pattern} {}", request.method(), request.uri(), params.join(","))
}

fn service() -> RouteService<Body> {
    let users = Routes::new().get("/", say).get("/{id:u64}", say).put("/{id:u64}", say).get("/{name}", say);
    Routes::new()
        .get("/", say)
        .nest("/users", users)
        .get("/admin", say)
        .post("/admin", say)
        .any("/any/{*rest}", Route::from_fn(say))
        .get("/files/{*path}", say)
        .name("file")
        .build()
        .unwrap()
}

async fn send(service: &RouteService<Body>, method: Method, uri: &str) -> (Response<()>, String) {
    let request = Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
    let (parts, body) = service.clone().oneshot(request).await.unwrap().into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    (Response::from_parts(parts, ()), text)
}

#[tokio::test]
async fn requests_reach_their_routes_with_pattern_and_parameters() {
    let service = service();
    for (method, uri, expected) in [
        (Method::GET, "/", "GET / / "),
        (Method::GET, "/users", "GET /users /users "),
        (Method::GET, "/users/7?x=1", "GET /users/7?x=1 /users/{id:u64} id=7"),
        (Method::PUT, "/users/7", "PUT /users/7 /users/{id:u64} id=7"),
        (Method::GET, "/users/ada", "GET /users/ada /users/{name} name=ada"),
        (Method::PATCH, "/any/a/b", "PATCH /any/a/b /any/{*rest} rest=a/b"),
    ] {
        let (response, text) = send(&service, method, uri).await;
        assert_eq!((response.status(), text.as_str()), (StatusCode::OK, expected));
        assert!(response.extensions().get::<RoutePattern>().is_some());
    }
}

#[tokio::test]
async fn the_path_is_normalized_before_anything_sees_it() {
    let service = service();
    let (_, text) = send(&service, Method::GET, "/%61dmin?q=%61").await;
    assert_eq!(text, "GET /admin?q=%61 /admin ");
    let (_, text) = send(&service, Method::GET, "/files/a%2fb").await;
    assert_eq!(text, "GET /files/a%2Fb /files/{*path} path=a%2Fb");
    for uri in ["//admin", "/users//7", "/users/../admin", "/users/%2e%2e/admin", "/%zz", "/%"] {
        let (response, text) = send(&service, Method::GET, uri).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{uri}");
        assert!(text.contains("path-malformed"), "{text}");
    }
}

#[tokio::test]
async fn misses_say_what_there_is() {
    let service = service();
    let (response, text) = send(&service, Method::GET, "/nothing").await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert!(text.contains("not-found"));
    let (response, text) = send(&service, Method::DELETE, "/admin").await;
    assert_eq!(
        (response.status(), &response.headers()[header::ALLOW]),
        (StatusCode::METHOD_NOT_ALLOWED, &"GET, HEAD, POST, OPTIONS".parse().unwrap())
    );
    assert!(text.contains("method-not-allowed"));
    let (response, text) = send(&service, Method::OPTIONS, "/admin").await;
    assert_eq!((response.status(), text.as_str()), (StatusCode::NO_CONTENT, ""));
    assert!(response.headers().contains_key(header::ALLOW));
    let mut builder = Router::builder();
    builder.max_path_len(100);
    let short = Routes::new().get("/{name}", say).build_with(builder).unwrap();
    let (response, _) = send(&short, Method::GET, &format!("/{}", "a".repeat(100))).await;
    assert_eq!(response.status(), StatusCode::URI_TOO_LONG);
    assert_eq!(send(&service, Method::OPTIONS, "*").await.0.status(), StatusCode::NO_CONTENT);
    assert_eq!(send(&service, Method::CONNECT, "example.com:443").await.0.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn head_is_get_without_its_body() {
    let (response, text) = send(&service(), Method::HEAD, "/users/7").await;
    assert_eq!((response.status(), text.as_str()), (StatusCode::OK, ""));
    let length: usize = response.headers()[header::CONTENT_LENGTH].to_str().unwrap().parse().unwrap();
    assert_eq!(length, "HEAD /users/7 /users/{id:u64} id=7".len());
}

#[tokio::test]
async fn a_fallback_takes_what_no_route_does() {
    let service =
        Routes::new().get("/", say).fallback(async |_: Request<Body>| StatusCode::IM_A_TEAPOT).build().unwrap();
    assert_eq!(send(&service, Method::GET, "/else").await.0.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(send(&service, Method::POST, "/").await.0.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn layers_wrap_what_was_added_before_them() {
    #[derive(Clone)]
    struct Stamp;
    impl<S> tower_layer::Layer<S> for Stamp {
        type Service = Stamped<S>;
        fn layer(&self, inner: S) -> Stamped<S> {
            Stamped(inner)
        }
    }
    #[derive(Clone)]
    struct Stamped<S>(S);
    impl<S: tower_service::Service<Request<Body>>> tower_service::Service<Request<Body>> for Stamped<S> {
        type Response = S::Response;
        type Error = S::Error;
        type Future = S::Future;
        fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), S::Error>> {
            self.0.poll_ready(cx)
        }
        fn call(&mut self, mut request: Request<Body>) -> S::Future {
            request.headers_mut().insert("stamp", "1".parse().unwrap());
            self.0.call(request)
        }
    }
    async fn stamped(request: Request<Body>) -> String {
        request.headers().contains_key("stamp").to_string()
    }
    let service = Routes::new().get("/in", stamped).layer(&Stamp).get("/out", stamped).build().unwrap();
    assert_eq!(send(&service, Method::GET, "/in").await.1, "true");
    assert_eq!(send(&service, Method::GET, "/out").await.1, "false");
}

#[tokio::test]
async fn a_router_with_policies_of_its_own_redirects_to_paths_alone() {
    let mut builder = Router::builder();
    builder.trailing_slash(TrailingSlash::Redirect);
    let service = Routes::new().get("/users", say).build_with(builder).unwrap();
    let (response, _) = send(&service, Method::GET, "/users/?page=2").await;
    assert_eq!(
        (response.status(), &response.headers()[header::LOCATION]),
        (StatusCode::PERMANENT_REDIRECT, &"/users?page=2".parse().unwrap())
    );
}

#[tokio::test]
async fn results_become_responses() {
    async fn fallible(request: Request<Body>) -> Result<Response<Body>, Problem> {
        match request.uri().query() {
            Some(_) => Ok(json(StatusCode::CREATED, &[1])),
            None => Err(Problem::new(StatusCode::CONFLICT, "taken", "It is taken")),
        }
    }
    let service = Routes::new().get("/", fallible).build().unwrap();
    assert_eq!(send(&service, Method::GET, "/?x").await.0.status(), StatusCode::CREATED);
    assert_eq!(send(&service, Method::GET, "/").await.0.status(), StatusCode::CONFLICT);
}

#[test]
fn conflicts_are_told_at_build_and_names_make_urls() {
    let error = Routes::new().get("/a/{x}", say).get("/a/{y}", say).build().unwrap_err().to_string();
    assert!(error.contains("/a/{x}") && error.contains("/a/{y}"), "{error}");
    let service = service();
    let url = service.router().url_for("file", [("path", "a b/c")]);
    assert!(url.unwrap().starts_with("/files/a%20b/c"));
}
