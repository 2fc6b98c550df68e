//! The table for people.

use std::fmt::Write;

use crate::Samples;
use crate::args::Options;
use crate::figures::Figures;
use crate::worker::Contender;

pub(crate) fn text(samples: &Samples, options: &Options) -> String {
    let mut text = format!(
        "\n{:<24}{:<16}{:>12}{:>12}{:>12}{:>12}{:>10}{:>10}\n",
        "row", "", "mean", "median", "std. dev.", "99 %", "ratio", "count"
    );
    for row in options.rows() {
        let of = |contender| samples.get(&(row.key, contender)).and_then(|found| Figures::of(&flat(found)));
        let ours = of(Contender::Covet);
        for contender in Contender::ALL {
            let Some(figures) = of(contender) else { continue };
            let title = if contender == Contender::Covet { row.title } else { "" };
            let ratio = match ours {
                Some(ours) if row.comparable => format!("{:.2}x", figures.median / ours.median.max(1.0)),
                _ => "aside".to_owned(),
            };
            let [mean, median, deviation, p99] =
                [figures.mean, figures.median, figures.deviation, figures.p99].map(duration);
            let _ = writeln!(
                text,
                "{title:<24}{:<16}{mean:>12}{median:>12}{deviation:>12}{p99:>12}{ratio:>10}{:>10}",
                contender.name(),
                figures.count
            );
        }
    }
    text.push_str("\nratio: how many times as long as covet takes, by the medians. aside: not the same work.\n");
    if options.quick {
        text.push_str("--quick: a look, not a claim.\n");
    }
    text
}

/// All operations of all processes.
pub(crate) fn flat(processes: &[Vec<Vec<f64>>]) -> Vec<f64> {
    processes.iter().flatten().flatten().copied().collect()
}

fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        n if n < 1e3 => format!("{n:.1} ns"),
        n if n < 1e6 => format!("{:.2} µs", n / 1e3),
        n => format!("{:.2} ms", n / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::tests::parse;

    #[test]
    fn a_row_has_a_line_for_each_contender_and_no_ratio_where_work_differs() {
        let sample = |ns: f64| vec![vec![vec![ns, ns, ns]]];
        let samples = Samples::from([
            (("encode50", Contender::Covet), sample(4_000.0)),
            (("encode50", Contender::CPython), sample(40_000.0)),
            (("await", Contender::Covet), sample(0.0)),
            (("await", Contender::CPython), sample(30.0)),
        ]);
        let text = text(&samples, &parse(&["--quick"]).unwrap());
        assert!(text.contains("JSON encode 50          covet") && text.contains("10.00x"), "{text}");
        assert_eq!(text.matches("aside").count(), 3, "{text}");
    }
}
