//! `Json<T>` in axum: ours beside axum's own, on fifty users, from the value to the response's bytes and back.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use axum::extract::FromRequest;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use covet_bench::workload::users::{self, User};
use covet_bench::{Answer, Bench, Target, Throughput};
use http::{Request, header};
use http_body_util::BodyExt;

/// The outcome of a future that has nothing to wait for.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the bytes are there"),
    }
}

fn bytes(response: Response) -> Bytes {
    at_once(response.into_body().collect()).unwrap().to_bytes()
}

pub(crate) fn encode(bench: &mut Bench) {
    let users = users::users(50);
    let length = covet_kit::json::to_vec(&users).unwrap().len() as u64;
    let Some(mut group) = bench.group("axum Json<T>, users50 to a response") else { return };
    group.throughput(Throughput::Bytes(length)).target(Target::times_as_fast(1.8, ["axum Json"]));
    let ours = || bytes(covet_kit::axum::Json(&users).into_response());
    group.contender("covet-kit Json", ours, |body| Answer::json(body)).ours();
    let peer = || bytes(axum::Json(&users).into_response());
    group.contender("axum Json", peer, |body| Answer::json(body));
    group.baseline("axum Json");
    group.run();
}

pub(crate) fn decode(bench: &mut Bench) {
    let document = Bytes::from(users::users50());
    let request = || {
        let request = Request::post("/").header(header::CONTENT_TYPE, "application/json");
        request.body(Body::from(document.clone())).unwrap()
    };
    let Some(mut group) = bench.group("axum Json<T>, users50 from a request") else { return };
    group.throughput(Throughput::Bytes(document.len() as u64)).target(Target::times_as_fast(1.3, ["axum Json"]));
    let ours = || at_once(covet_kit::axum::Json::<Vec<User>>::from_request(request(), &())).unwrap().0;
    group.contender("covet-kit Json", ours, Answer::debug).ours();
    let peer = || at_once(axum::Json::<Vec<User>>::from_request(request(), &())).unwrap().0;
    group.contender("axum Json", peer, Answer::debug);
    group.baseline("axum Json");
    group.run();
}
