//! The run: the client's ceiling, every server's saturation, and then block after block of all servers in random order.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use covet_bench::Rng;

use crate::args::Options;
use crate::endpoint::Endpoint;
use crate::load::closed::{self, Closed};
use crate::load::open::{self, Open};
use crate::load::{Protocol, Target};
use crate::pin::Cores;
use crate::seed::Seed;
use crate::server::{Place, Running, Server, free_address};
use crate::verify;

/// Who is measured: a server over a protocol. The baseline is measured a second time under another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Contender {
    pub(crate) protocol: Protocol,
    pub(crate) server: Server,
    pub(crate) control: bool,
}

/// A share of a server's own saturation, or the rate that all of them reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Half,
    Most,
    Common,
}

impl Level {
    pub(crate) const ALL: [Self; 3] = [Self::Half, Self::Most, Self::Common];
}

/// One server's figures for one endpoint in one block.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    pub(crate) closed: Closed,
    pub(crate) open: BTreeMap<Level, Open>,
    /// Resident bytes afterwards.
    pub(crate) memory: u64,
}

/// All that a run found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Requests per second that the client reached against the trivial server, and the share of its processor it used.
    pub(crate) ceiling: Option<(f64, f64)>,
    /// Requests per second at which each was saturated at first.
    pub(crate) saturation: BTreeMap<(Contender, Endpoint), f64>,
    /// Requests per second that every server reaches.
    pub(crate) common: BTreeMap<(Protocol, Endpoint), f64>,
    /// By contender and endpoint, a value per block.
    pub(crate) figures: BTreeMap<(Contender, Endpoint), Vec<Figures>>,
    /// What could not be measured, and why.
    pub(crate) unable: BTreeMap<(Protocol, Server), String>,
    pub(crate) failures: Vec<String>,
}

pub(crate) struct Session<'o> {
    options: &'o Options,
    cores: Cores,
    seed: Seed,
    found: Found,
    first: u32,
    started: Instant,
}

impl<'o> Session<'o> {
    pub(crate) fn new(options: &'o Options, cores: Cores, seed: Seed) -> Self {
        Self { options, cores, seed, found: Found::default(), first: 0, started: Instant::now() }
    }

    /// Everything, in order.
    pub(crate) async fn run(mut self, order: u64) -> Result<Found> {
        let ceiling = ceiling(self.cores, self.options.warm, self.options.time).await?;
        eprintln!("the client reaches {:.0} requests/s against the trivial server", ceiling.rate());
        self.found.ceiling = Some((ceiling.rate(), ceiling.client_share()));

        let mut contenders = self.contenders();
        self.calibrate(&mut contenders).await;
        self.choose_common(&contenders);
        let mut rng = Rng::new(order);
        let total = contenders.len() * self.options.blocks;
        let mut done = 0;
        for block in 0..self.options.blocks {
            rng.shuffle(&mut contenders);
            for contender in contenders.clone() {
                let left = self.time_left(done, total);
                eprintln!("[{}/{total}] block {}, {}{left}", done + 1, block + 1, contender.title());
                if let Err(error) = self.block(contender).await {
                    self.found.failures.push(format!("{}: {error:#}", contender.title()));
                    eprintln!("FAILED {}: {error:#}", contender.title());
                }
                done += 1;
            }
        }
        Ok(self.found)
    }

    fn time_left(&self, done: usize, total: usize) -> String {
        let one = self.options.warm * 4 + self.options.time * 4;
        let whole = one * u32::try_from(self.options.endpoints.len() * (total - done)).unwrap_or(u32::MAX);
        let minutes = whole.as_secs().div_ceil(60);
        format!(" ({} s gone, about {minutes} min left)", self.started.elapsed().as_secs())
    }

    /// All that is asked for, with the second entry of the baseline.
    fn contenders(&mut self) -> Vec<Contender> {
        let mut contenders = Vec::new();
        let protocols =
            if self.options.http2 { &[Protocol::Http1, Protocol::Http2][..] } else { &[Protocol::Http1][..] };
        for &protocol in protocols {
            for &server in &self.options.servers {
                if server.speaks(protocol) {
                    contenders.push(Contender { protocol, server, control: false });
                } else {
                    let why = "speaks no HTTP/2 without TLS".to_owned();
                    self.found.unable.insert((protocol, server), why);
                }
            }
            if let Some(server) = baseline(&self.options.servers, protocol) {
                contenders.push(Contender { protocol, server, control: true });
            }
        }
        contenders
    }

    /// Judges every answer of every server, and finds where each is saturated. Who fails is left out, and says why.
    async fn calibrate(&mut self, contenders: &mut Vec<Contender>) {
        for contender in contenders.clone().into_iter().filter(|contender| !contender.control) {
            eprintln!("judging {}", contender.title());
            if let Err(error) = self.calibrate_one(contender).await {
                let why = format!("{error:#}");
                eprintln!("left out: {}: {why}", contender.title());
                self.found.failures.push(format!("{}: {why}", contender.title()));
                self.found.unable.insert((contender.protocol, contender.server), why);
                contenders.retain(|other| (other.protocol, other.server) != (contender.protocol, contender.server));
            }
        }
    }

    async fn calibrate_one(&mut self, contender: Contender) -> Result<()> {
        let (place, running) = self.start(contender).await?;
        let (warm, time) = (self.options.warm.min(Duration::from_millis(500)), Duration::from_secs(1));
        for &endpoint in &self.options.endpoints {
            let target = self.target(contender, endpoint, &running).await?;
            let judged = verify::endpoint(&target, Some(&place.database)).await;
            judged.with_context(|| format!("{}:\n{}", endpoint.name(), running.last_words()))?;
            let target = self.target(contender, endpoint, &running).await?;
            let closed = closed::run(&target, warm, time).await?;
            sound(&closed).with_context(|| format!("{}:\n{}", endpoint.name(), running.last_words()))?;
            self.found.saturation.insert((contender, endpoint), closed.rate());
        }
        Ok(())
    }

    fn choose_common(&mut self, contenders: &[Contender]) {
        for contender in contenders {
            for &endpoint in &self.options.endpoints {
                let Some(rate) = self.found.saturation.get(&(*contender, endpoint)) else { continue };
                let known = self.found.common.entry((contender.protocol, endpoint)).or_insert(f64::INFINITY);
                *known = known.min(round(rate / 2.0));
            }
        }
    }

    /// One server, started anew, on all endpoints.
    async fn block(&mut self, contender: Contender) -> Result<()> {
        let (_place, running) = self.start(contender).await?;
        for &endpoint in &self.options.endpoints {
            let figures = self.measure(contender, endpoint, &running).await;
            let figures = figures.with_context(|| format!("{}:\n{}", endpoint.name(), running.last_words()))?;
            self.found.figures.entry((contender, endpoint)).or_default().push(figures);
        }
        Ok(())
    }

    async fn measure(&mut self, contender: Contender, endpoint: Endpoint, running: &Running) -> Result<Figures> {
        let (warm, time) = (self.options.warm, self.options.time);
        let target = self.target(contender, endpoint, running).await?;
        let closed = closed::run(&target, warm, time).await?;
        sound(&closed)?;
        let first = Contender { control: false, ..contender };
        let saturation = *self.found.saturation.get(&(first, endpoint)).context("never saturated")?;
        let common = *self.found.common.get(&(contender.protocol, endpoint)).context("no common rate")?;
        let mut open = BTreeMap::new();
        for level in Level::ALL {
            let rate = match level {
                Level::Half => round(saturation * 0.5),
                Level::Most => round(saturation * 0.8),
                Level::Common => common,
            };
            let target = self.target(contender, endpoint, running).await?;
            open.insert(level, open::run(&target, rate, warm, time).await?);
        }
        Ok(Figures { closed, open, memory: running.memory() })
    }

    async fn start(&mut self, contender: Contender) -> Result<(Place, Running)> {
        let place = self.seed.copy(contender.server.name())?;
        let running = contender.server.start(&self.options.programs, self.cores, &place).await?;
        Ok((place, running))
    }

    async fn target(&mut self, contender: Contender, endpoint: Endpoint, running: &Running) -> Result<Target> {
        // Lanes take a million numbers each; a target begins where no lane of another can have come.
        self.first = self.first.wrapping_add(100_003);
        Ok(Target {
            address: running.address,
            protocol: contender.protocol,
            endpoint,
            tokens: self.seed.tokens().await?,
            process: running.id(),
            first: self.first,
        })
    }
}

impl Contender {
    pub(crate) fn title(self) -> String {
        let protocol = if self.protocol == Protocol::Http2 { " over HTTP/2" } else { "" };
        let control = if self.control { ", second entry" } else { "" };
        format!("{}{protocol}{control}", self.server.name())
    }
}

/// The server that others are compared with, and which is measured twice: axum, where it takes part.
pub(crate) fn baseline(servers: &[Server], protocol: Protocol) -> Option<Server> {
    let able = || servers.iter().copied().filter(|server| server.speaks(protocol));
    able().find(|server| *server == Server::Axum).or_else(|| able().next_back())
}

/// What the client does against the trivial server.
async fn ceiling(cores: Cores, warm: Duration, time: Duration) -> Result<Closed> {
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("floor").arg(address.to_string()).stdin(Stdio::null());
    let running = Running::of(cores.start_server(&mut command)?, address, std::path::Path::new("")).await?;
    let target = Target {
        address,
        protocol: Protocol::Http1,
        endpoint: Endpoint::Plaintext,
        tokens: Rc::new([]),
        process: running.id(),
        first: 0,
    };
    verify::endpoint(&target, None).await?;
    let closed = closed::run(&target, warm, time).await?;
    sound(&closed)?;
    Ok(closed)
}

fn sound(closed: &Closed) -> Result<()> {
    let failures = &closed.failures;
    let first = failures.first.as_deref().unwrap_or_default();
    ensure!(failures.count == 0, "{} of {} requests failed, the first: {first}", failures.count, closed.completed);
    ensure!(closed.completed > 0, "no request was answered");
    Ok(())
}

/// Two significant digits, as a rate is named.
fn round(rate: f64) -> f64 {
    let unit = 10_f64.powf((rate.max(1.0).log10().floor() - 1.0).max(0.0));
    ((rate / unit).floor() * unit).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_two_digits_and_are_never_rounded_up() {
        for (rate, rounded) in [(0.3, 1.0), (7.9, 7.0), (99.0, 99.0), (1_234.0, 1_200.0), (49_999.0, 49_000.0)] {
            assert_eq!(round(rate), rounded, "{rate}");
        }
    }

    #[test]
    fn the_baseline_is_axum_where_it_takes_part() {
        assert_eq!(baseline(&Server::ALL, Protocol::Http1), Some(Server::Axum));
        assert_eq!(baseline(&[Server::Covet, Server::Flask], Protocol::Http1), Some(Server::Flask));
        assert_eq!(baseline(&[Server::Covet, Server::Flask], Protocol::Http2), Some(Server::Covet));
        assert_eq!(baseline(&[], Protocol::Http1), None);
    }

    /// The client and the trivial server, end to end, for less than a second.
    #[tokio::test(flavor = "current_thread")]
    async fn the_load_reaches_the_trivial_server() {
        let address = free_address().unwrap();
        std::thread::spawn(move || crate::floor::run(address));
        let set = tokio::task::LocalSet::new();
        let short = Duration::from_millis(50);
        let target = Target {
            address,
            protocol: Protocol::Http1,
            endpoint: Endpoint::Plaintext,
            tokens: Rc::new([]),
            process: std::process::id(),
            first: 0,
        };
        set.run_until(async {
            while tokio::net::TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            verify::endpoint(&target, None).await.unwrap();
            let closed = closed::run(&target, short, short * 4).await.unwrap();
            sound(&closed).unwrap();
            assert!(closed.usage.server > Duration::ZERO && closed.cost() > 0.0);
            let open = open::run(&target, 500.0, short, short * 8).await.unwrap();
            let tail = open.latencies.tail();
            assert_eq!((tail.count, open.failures.count), (200, 0));
            assert!(open.completed > 0 && open.achieved() > 0.0 && tail.p50 > 0, "{tail:?}");
            // It answers everything with the same text, which is no row.
            let rows = Target { endpoint: Endpoint::Row, ..target.clone() };
            assert!(verify::endpoint(&rows, None).await.is_err());
        })
        .await;
    }
}
