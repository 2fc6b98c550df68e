//! The load: a client on hyper, on one thread.
//!
//! A [`Lane`] has one request under way at a time. Over HTTP/1.1 it is a connection; over HTTP/2 ten lanes share one.

pub(crate) mod closed;
pub(crate) mod latencies;
pub(crate) mod open;
pub(crate) mod schedule;

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

use crate::endpoint::{Answer, Asker, Endpoint};
use crate::proc;

/// Requests under way at once, at most: the hundred users of an ordinary load test.
pub(crate) const LANES: usize = 100;
const STREAMS: usize = 10;

/// One in so many answers is judged in full, all others by status and length.
const JUDGED: u32 = 64;

/// How long a request may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// Where the load goes.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) protocol: Protocol,
    pub(crate) endpoint: Endpoint,
    pub(crate) tokens: Rc<[String]>,
    /// The process whose processor time is read.
    pub(crate) process: u32,
    /// Numbers from here on were not used for inserted rows yet.
    pub(crate) first: u32,
}

/// Processor time of both sides at a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) server: Duration,
    pub(crate) client: Duration,
}

impl Usage {
    pub(crate) fn read(process: u32) -> Self {
        Self { server: proc::cpu(process), client: proc::own_cpu() }
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self { server: self.server.saturating_sub(before.server), client: self.client.saturating_sub(before.client) }
    }
}

/// What went wrong: how often, and the first of each lane in words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failures {
    pub(crate) count: u64,
    pub(crate) first: Option<String>,
}

impl Failures {
    pub(crate) fn add(&mut self, error: &anyhow::Error) {
        self.count += 1;
        self.first.get_or_insert_with(|| format!("{error:#}"));
    }
}

/// One request at a time.
#[derive(Debug)]
pub(crate) struct Lane {
    sender: Sender,
    target: Rc<Target>,
    asker: Asker,
    seen: u32,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Lane {
    /// As many lanes as asked for, connected.
    pub(crate) async fn open(target: &Target, count: usize) -> Result<Vec<Self>> {
        let shared = Rc::new(target.clone());
        let mut lanes: Vec<Self> = Vec::with_capacity(count);
        for index in 0..count {
            let sender = match lanes.last().map(|lane| &lane.sender) {
                Some(Sender::Http2(sender)) if !index.is_multiple_of(STREAMS) => Sender::Http2(sender.clone()),
                _ => connect(target).await?,
            };
            let whole = target.protocol == Protocol::Http2;
            // A million numbers for each lane: more than any run inserts.
            let first = target.first.wrapping_add(index as u32 * 1_000_000);
            let asker = Asker::new(target.endpoint, &target.address.to_string(), whole, &target.tokens, first)?;
            lanes.push(Self { sender, target: shared.clone(), asker, seen: index as u32 });
        }
        Ok(lanes)
    }

    /// Sends the next request and judges its answer.
    pub(crate) async fn exchange(&mut self) -> Result<()> {
        match tokio::time::timeout(PATIENCE, self.attempt()).await {
            Ok(done) => done,
            Err(_) => {
                self.sender = connect(&self.target).await?;
                bail!("no answer within {} s", PATIENCE.as_secs())
            }
        }
    }

    async fn attempt(&mut self) -> Result<()> {
        let (number, request) = self.asker.ask()?;
        if !self.sender.is_ready().await {
            // The server may close a connection that it has kept long enough.
            self.sender = connect(&self.target).await?;
        }
        let answer = self.sender.send(request).await?;
        self.seen = self.seen.wrapping_add(1);
        if self.seen.is_multiple_of(JUDGED) {
            return self.target.endpoint.check(number, &answer);
        }
        if !answer.status.is_success() || answer.body.is_empty() {
            bail!("status {} with {} bytes", answer.status, answer.body.len());
        }
        Ok(())
    }

    /// The next request's answer, judged, and its body.
    pub(crate) async fn verified(&mut self) -> Result<Answer> {
        let (number, request) = self.asker.ask()?;
        let answer = self.sender.send(request).await?;
        let text = String::from_utf8_lossy(&answer.body);
        let shown: String = text.chars().take(200).collect();
        self.target.endpoint.check(number, &answer).with_context(|| format!("answered `{shown}`"))?;
        Ok(answer)
    }

    /// The status of an answer to a request with this `authorization` header or none.
    pub(crate) async fn status_with(&mut self, authorization: Option<&str>) -> Result<StatusCode> {
        let (_, mut request) = self.asker.ask()?;
        request.headers_mut().remove(http::header::AUTHORIZATION);
        if let Some(value) = authorization {
            request.headers_mut().insert(http::header::AUTHORIZATION, value.try_into()?);
        }
        Ok(self.sender.send(request).await?.status)
    }
}

async fn connect(target: &Target) -> Result<Sender> {
    let stream =
        TcpStream::connect(target.address).await.with_context(|| format!("connecting to {}", target.address))?;
    stream.set_nodelay(true)?;
    let io = TokioIo::new(stream);
    // A connection that breaks is noticed by its sender.
    Ok(match target.protocol {
        Protocol::Http1 => {
            let (sender, connection) = http1::handshake(io).await?;
            tokio::task::spawn_local(async move { drop(connection.await) });
            Sender::Http1(sender)
        }
        Protocol::Http2 => {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
            tokio::task::spawn_local(async move { drop(connection.await) });
            Sender::Http2(sender)
        }
    })
}

impl Sender {
    async fn is_ready(&mut self) -> bool {
        match self {
            Self::Http1(sender) => sender.ready().await.is_ok(),
            Self::Http2(sender) => sender.ready().await.is_ok(),
        }
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer> {
        let response = match self {
            Self::Http1(sender) => sender.send_request(request).await?,
            Self::Http2(sender) => sender.send_request(request).await?,
        };
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }
}

/// One request outside of any measurement.
pub(crate) async fn once(address: SocketAddr, request: Request<Full<Bytes>>) -> Result<(StatusCode, HeaderMap, Bytes)> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(async move { drop(connection.await) });
    let (parts, body) = sender.send_request(request).await?.into_parts();
    Ok((parts.status, parts.headers, body.collect().await?.to_bytes()))
}
