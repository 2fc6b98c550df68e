//! The tables for people.

use std::fmt::Write;

use crate::args::Options;
use crate::endpoint::Endpoint;
use crate::load::Protocol;
use crate::row::{is_client_late, is_client_limited, median, tails};
use crate::run::{Contender, Figures, Found, Level};
use crate::server::Server;

pub(crate) fn text(found: &Found, options: &Options) -> String {
    let mut text = String::new();
    if let Some((ceiling, share)) = found.ceiling {
        let _ = writeln!(
            text,
            "\nThe client reaches {} requests/s against a trivial server ({:.0} % of its processor); rows it limits are marked *.",
            number(ceiling),
            share * 100.0
        );
    }
    text.push_str(
        "CPU s/1000: the server's processor time for a thousand requests, closed loop (at the common rate in brackets).\n\
         Latencies: median / 99th percentile in ms, from the intended time of sending; - where the rate was not reached.\n",
    );
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for &endpoint in &options.endpoints {
            table(&mut text, found, protocol, endpoint);
        }
    }
    for (&(protocol, server), why) in &found.unable {
        if protocol == Protocol::Http1 {
            let _ = writeln!(text, "not measured: {}: {}", server.name(), why.lines().next().unwrap_or_default());
        }
    }
    for failure in &found.failures {
        let _ = writeln!(text, "FAILED {failure}");
    }
    if options.quick {
        text.push_str("\n--quick: a look, not a claim.\n");
    }
    text
}

fn table(text: &mut String, found: &Found, protocol: Protocol, endpoint: Endpoint) {
    let mut rows: Vec<(Contender, &[Figures])> = found
        .figures
        .iter()
        .filter(|((contender, at), _)| contender.protocol == protocol && *at == endpoint)
        .map(|((contender, _), blocks)| (*contender, blocks.as_slice()))
        .collect();
    if rows.is_empty() {
        return;
    }
    rows.sort_by(|a, b| cost(a.1).total_cmp(&cost(b.1)));
    let ours = rows.iter().find(|(contender, _)| contender.server == Server::Covet).map(|(_, blocks)| cost(blocks));
    let version = if protocol == Protocol::Http2 { " over HTTP/2" } else { "" };
    let common = found.common.get(&(protocol, endpoint)).copied().unwrap_or_default();
    let _ = writeln!(text, "\n{}{version}: {}", endpoint.name(), endpoint.about());
    let _ = writeln!(
        text,
        "  {:<14}{:>20}{:>9}{:>12}{:>16}{:>16}{:>18}{:>9}",
        "server",
        "CPU s/1000",
        "ratio",
        "requests/s",
        "at 50 %",
        "at 80 %",
        format!("at {}/s", number(common)),
        "MiB"
    );
    for (contender, blocks) in rows {
        let ratio = ours.map_or_else(String::new, |ours| format!("{:.2}x", cost(blocks) / ours));
        let limited = blocks.iter().any(|figures| is_client_limited(&figures.closed, found));
        let rate =
            format!("{}{}", number(median(blocks, |figures| figures.closed.rate())), if limited { "*" } else { "" });
        let at_common = median(blocks, |figures| figures.open.get(&Level::Common).map_or(0.0, |open| open.cost()));
        let name = format!("{}{}", contender.server.name(), if contender.control { " (A/A)" } else { "" });
        let _ = writeln!(
            text,
            "  {name:<14}{:>20}{ratio:>9}{rate:>12}{:>16}{:>16}{:>18}{:>9.1}",
            format!("{} ({})", seconds(cost(blocks)), seconds(at_common)),
            latency(blocks, Level::Half),
            latency(blocks, Level::Most),
            latency(blocks, Level::Common),
            median(blocks, |figures| figures.memory as f64) / f64::from(1 << 20)
        );
    }
}

/// Nanoseconds of processor time for a request, at saturation.
fn cost(blocks: &[Figures]) -> f64 {
    median(blocks, |figures| figures.closed.cost())
}

/// Nanoseconds for one as seconds for a thousand.
fn seconds(nanoseconds: f64) -> String {
    format!("{:.4}", nanoseconds / 1e6)
}

fn latency(blocks: &[Figures], level: Level) -> String {
    let Ok(mut tails) = tails(blocks, level) else { return "-".to_owned() };
    tails.sort_by_key(|tail| tail.p99);
    let late = blocks.iter().filter_map(|figures| figures.open.get(&level)).any(is_client_late);
    let Some(tail) = tails.get(tails.len() / 2) else { return "-".to_owned() };
    let ms = |ns: u64| ns as f64 / 1e6;
    format!("{:.2} / {:.2}{}", ms(tail.p50), ms(tail.p99), if late { "*" } else { "" })
}

/// Whole, with its thousands apart.
fn number(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::row::tests::figures;

    #[test]
    fn a_table_shows_cost_first_and_marks_what_does_not_count() {
        let contender = |server, control| Contender { protocol: Protocol::Http1, server, control };
        let mut slow = figures(1_000, Duration::from_micros(900));
        slow.open.get_mut(&Level::Most).unwrap().completed = 10;
        let mut found = Found { ceiling: Some((60_000.0, 0.99)), ..Found::default() };
        let fast = figures(30_000, Duration::from_micros(30));
        found.figures.insert((contender(Server::Covet, false), Endpoint::Row), vec![fast.clone(), fast]);
        found.figures.insert((contender(Server::Flask, false), Endpoint::Row), vec![slow]);
        found.common.insert((Protocol::Http1, Endpoint::Row), 100.0);
        found.unable.insert((Protocol::Http1, Server::Django), "was not built".to_owned());
        let options = Options::parse(lexopt::Parser::from_args(["--quick"])).unwrap().unwrap();
        let text = text(&found, &options);
        let line = |name: &str| text.lines().find(|line| line.trim_start().starts_with(name)).unwrap().to_owned();
        assert!(line("covet").contains("0.0300 (0.0300)    1.00x      30,000     0.20 / 0.20"), "{text}");
        assert!(line("flask").contains("30.00x       1,000     0.20 / 0.20               -"), "{text}");
        assert!(text.contains("not measured: django: was not built") && text.contains("at 100/s"), "{text}");
    }
}
