//! One page with every table and its plot: no script, nothing fetched, readable in light and dark and on a phone.

use std::fmt::Write;

use covet_bench::record::{ContenderRecord, GroupRecord, Kind, Role};
use covet_bench::run::Run;
use covet_bench::stats::{Estimate, Verdict};

use super::plot::Axis;
use super::view::{View, versioned, views};
use crate::bench::{duration, estimate, number};
use crate::date::Date;

const STYLE: &str = include_str!("page.css");

pub(super) fn render(run: &Run) -> String {
    let views = views(run);
    let mut packages: Vec<&str> = Vec::new();
    for view in &views {
        if !packages.contains(&view.package.as_str()) {
            packages.push(&view.package);
        }
    }
    let mut html = head(run);
    html.push_str("<nav>");
    for package in &packages {
        let _ = write!(html, "<a href=\"#{0}\">{0}</a>", escape(package));
    }
    html.push_str("<a href=\"#losses\">Where we lose</a></nav>\n");
    html.push_str(&losses(&views));
    for package in &packages {
        let own = views.iter().filter(|view| view.package == *package);
        let _ = writeln!(html, "<h2 id=\"{0}\">{0}</h2>", escape(package));
        own.for_each(|view| html.push_str(&table(view)));
    }
    html.push_str("</main></body></html>\n");
    html
}

fn head(run: &Run) -> String {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>Covet beside its peers</title>\n<style>\n{STYLE}</style></head>\n\
         <body><main>\n<h1>Covet beside its peers</h1>\n"
    );
    if !run.complete {
        html.push_str("<p class=\"missed\"><strong>Not a whole run: a look, not a claim.</strong></p>\n");
    }
    html.push_str(
        "<p>How many times as fast as the best peer (of memory: as small). Right of 1× is better. A dot is the median over \
         processes, a line its interval, the grey band what noise hides.</p>\n<p class=\"quiet\"><span class=\"key ours\"></span>ours \
         &ensp;<span class=\"key peer\"></span>peer &ensp;<span class=\"key noise\"></span>noise</p>\n<dl class=\"facts\">\n",
    );
    let (machine, build) = (&run.machine, &run.build);
    let siblings = machine.siblings.join(", ");
    let facts = [
        ("date", Date::from_unix(run.started_unix).to_string()),
        ("again", format!("{}, then cargo xtask report", run.command)),
        ("took", format!("{:.0} minutes", (run.seconds / 60.0).ceil())),
        (
            "machine",
            format!("{}, {} logical cores (siblings {siblings}), {}", machine.cpu, machine.cores, machine.kernel),
        ),
        ("load before", machine.load_before.map_or_else(|| "unknown".to_owned(), |load| load.to_string())),
        ("disturbed by", if run.disturbances.is_empty() { "nothing".to_owned() } else { run.disturbances.join("; ") }),
        ("compiler", format!("{}, {} opt-level {}, {}", build.rustc, build.profile, build.opt_level, build.target)),
        ("flags", if build.rustflags.is_empty() { "none".to_owned() } else { build.rustflags.clone() }),
        ("commit", build.commit.clone().unwrap_or_default()),
        ("lockfile", build.lockfile.clone().unwrap_or_default()),
        ("documents", if run.corpus { "generated and real" } else { "generated" }.to_owned()),
    ];
    for (name, value) in facts {
        let _ = writeln!(html, "<dt>{name}</dt><dd>{}</dd>", escape(&value));
    }
    html.push_str("</dl>\n");
    if !run.inventory.is_empty() {
        html.push_str("<details><summary>generated workloads</summary><div class=\"scroll\"><table><tr><th>what</th><th>bytes</th><th>FNV-1a</th></tr>\n");
        for item in &run.inventory {
            let (name, bytes) = (escape(&item.name), number(item.bytes as f64));
            let _ = writeln!(html, "<tr><td>{name}</td><td>{bytes}</td><td><code>{}</code></td></tr>", item.digest);
        }
        html.push_str("</table></div></details>\n");
    }
    html
}

fn losses(views: &[View]) -> String {
    let mut losses: Vec<(&View, &ContenderRecord, Estimate)> =
        views.iter().flat_map(|view| view.losses().map(move |(row, ratio)| (view, row, ratio))).collect();
    losses.sort_by(|a, b| a.2.median.total_cmp(&b.2.median));
    let mut html = String::from("<h2 id=\"losses\">Where we lose</h2>\n");
    if losses.is_empty() {
        html.push_str("<p>Nowhere in this run.</p>\n");
        return html;
    }
    html.push_str("<div class=\"scroll\"><table><tr><th>ratio</th><th class=\"wide\">table</th><th class=\"wide\">ours</th><th class=\"wide\">best peer</th></tr>\n");
    for (view, row, ratio) in losses {
        let peer = view.best_peer().map_or_else(String::new, versioned);
        let _ = writeln!(
            html,
            "<tr><td>{}</td><td class=\"wide\"><a href=\"#{}\">{}</a></td><td class=\"wide\">{}</td><td class=\"wide\">{}</td></tr>",
            estimate(&ratio),
            anchor(view),
            escape(&view.table.name),
            escape(&row.name),
            escape(&peer)
        );
    }
    html.push_str("</table></div>\n");
    html
}

fn anchor(view: &View) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    format!("{}-{}", view.job, view.table.name).chars().map(plain).collect()
}

fn table(view: &View) -> String {
    let (group, axis) = (&view.table, Axis::of(&view.table));
    let level = view.variant.as_ref().filter(|_| view.levels.len() > 1);
    let level = level.map_or_else(String::new, |level| format!(", {level}"));
    let mut html = format!(
        "<h3 id=\"{}\">{}<span class=\"quiet\">{}</span></h3>\n<div class=\"rows\">\n",
        anchor(view),
        escape(&group.name),
        escape(&level)
    );
    for row in &group.contenders {
        let class = if row.role == Role::Ours { " ours" } else { "" };
        let name = versioned(row);
        let text = compared(row, group);
        let label = escape(&format!("{name}: {text}"));
        let _ = writeln!(
            html,
            "<div class=\"row{class}\"><span class=\"name\">{}</span><span class=\"plotcell\">{}</span><span class=\"ratio\">{}</span></div>",
            escape(&name),
            axis.row(row.vs_best_peer, row.role, &label),
            escape(&text)
        );
    }
    let _ = writeln!(
        html,
        "<div class=\"row axis\"><span class=\"name\"></span><span class=\"plotcell\">{}</span><span class=\"ratio\"></span></div>\n</div>",
        axis.scale()
    );
    html.push_str(&details(view));
    html
}

fn compared(row: &ContenderRecord, group: &GroupRecord) -> String {
    if group.best_peer.as_deref() == Some(&row.name) {
        return "best peer".to_owned();
    }
    match (row.vs_best_peer, row.verdict_best_peer, row.role) {
        (Some(ratio), _, Role::Aside) => format!("({})", estimate(&ratio)),
        (Some(ratio), Some(Verdict::Tie), _) => format!("tie {}", estimate(&ratio)),
        (Some(ratio), ..) => estimate(&ratio),
        (None, ..) => String::new(),
    }
}

fn details(view: &View) -> String {
    let group = &view.table;
    let mut html = String::from("<details><summary>figures, notes</summary>\n<div class=\"scroll\">");
    html.push_str(&figures(group));
    html.push_str("</div>\n<ul>\n");
    for target in &group.targets {
        let (class, word) = match target.met {
            Some(true) => ("met", "target met"),
            Some(false) => ("missed", "target missed"),
            None => ("quiet", "target not measured"),
        };
        let measured =
            target.interval.map(|ratio| estimate(&ratio)).or(target.measured.map(number)).unwrap_or_default();
        let _ = writeln!(html, "<li><span class=\"{class}\">{word}</span>: {}: {measured}</li>", escape(&target.text));
    }
    if view.levels.len() > 1 {
        let levels = view.levels.iter().map(|(level, ratio)| format!("{level} {}", estimate(ratio)));
        let _ = writeln!(html, "<li>at each SIMD level: {}</li>", levels.collect::<Vec<_>>().join("; "));
    }
    for row in &group.contenders {
        for note in &row.notes {
            let _ = writeln!(html, "<li>{}: {}</li>", escape(&row.name), escape(note));
        }
    }
    for (name, reason) in &group.unable {
        let _ = writeln!(html, "<li>not in the table: {}: {}</li>", escape(name), escape(reason));
    }
    let control = group.control.map_or_else(|| "not measured".to_owned(), |control| estimate(&control));
    let _ = writeln!(
        html,
        "<li>A/A control: {} again is {control}; differences below {:.1} % are ties</li>\n<li>{} processes; alone: <code>{}</code></li>\n</ul></details>",
        escape(&group.baseline),
        group.noise * 100.0,
        view.processes,
        escape(&view.command)
    );
    html
}

fn figures(group: &GroupRecord) -> String {
    let latency = group.kind == Kind::Latency;
    let counted = group.contenders.iter().any(|row| row.allocations.is_some());
    let mut names: Vec<&String> = group.contenders.iter().flat_map(|row| row.counters.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let mut columns = vec!["contender", if group.kind == Kind::Memory { "bytes" } else { "time" }, "vs baseline"];
    columns.extend(if latency { &["p50", "p99", "p99.9", "max"][..] } else { &[] });
    columns.extend(if counted { &["allocations", "bytes allocated", "peak bytes"][..] } else { &[] });
    columns.extend(names.iter().map(|name| name.as_str()));
    let cells = |row: &ContenderRecord| {
        let unit = |value: f64| if group.kind == Kind::Memory { number(value) } else { duration(value) };
        let mut cells = vec![versioned(row), row.median.map_or_else(String::new, |median| unit(median.median))];
        cells.push(row.vs_baseline.map_or_else(String::new, |ratio| estimate(&ratio)));
        if latency {
            let seen = row.latency.as_ref();
            let cell = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| duration(value as f64));
            cells.extend([
                cell(seen.map(|l| l.p50)),
                cell(seen.map(|l| l.p99)),
                cell(seen.and_then(|l| l.p999)),
                cell(seen.map(|l| l.max)),
            ]);
        }
        if counted {
            let cell = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), number);
            let counts = row.allocations;
            cells.extend([
                cell(counts.map(|a| a.count)),
                cell(counts.map(|a| a.bytes)),
                cell(counts.map(|a| a.peak_bytes as f64)),
            ]);
        }
        cells.extend(
            names.iter().map(|name| row.counters.get(*name).map_or_else(|| "-".to_owned(), |value| number(*value))),
        );
        cells
    };
    let mut html = String::from("<table><tr>");
    columns.iter().for_each(|column| html.push_str(&format!("<th>{}</th>", escape(column))));
    html.push_str("</tr>\n");
    for row in &group.contenders {
        html.push_str("<tr>");
        cells(row).iter().for_each(|cell| html.push_str(&format!("<td>{}</td>", escape(cell))));
        html.push_str("</tr>\n");
    }
    html.push_str("</table>");
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn the_page_stands_alone_and_shows_everything() {
        let html = render(&fixture::run());
        for absent in ["<script", "http://", "https://", "<aside>", "url(", "NaN", "inf"] {
            assert!(!html.contains(absent), "{absent}");
        }
        for present in [
            "prefers-color-scheme: dark",
            "width=device-width",
            "an &lt;aside&gt;",
            "Where we lose",
            "0.50x [0.49, 0.51]",
            "at each SIMD level: sse2",
            "p99.9",
            "target met",
            "target missed",
            "it cannot",
            "A/A control",
            "120 B",
        ] {
            let found = html.contains(present) || (present == "120 B" && html.contains("<td>120</td>"));
            assert!(found, "{present}");
        }
        assert_eq!(html.matches("<svg").count(), html.matches("</svg>").count());
        assert_eq!(html.matches("class=\"rows\"").count(), 3);
        assert!(!html.contains("Not a whole run"));
        assert!(render(&Run { complete: false, ..fixture::run() }).contains("Not a whole run"));
    }

    #[test]
    fn anchors_are_unique() {
        let views = views(&fixture::run());
        let mut anchors: Vec<String> = views.iter().map(anchor).collect();
        anchors.sort_unstable();
        anchors.dedup();
        assert_eq!(anchors.len(), views.len());
    }
}
