//! One row of a plot: a dot for the median, a line for the interval, a band for what noise hides, on a logarithmic axis. The
//! drawing knows only percentages, so that it fits any width; all text is the page's.

use std::fmt::Write;

use covet_bench::record::{GroupRecord, Role};
use covet_bench::stats::Estimate;

/// The axis that all rows of a table share.
pub(super) struct Axis {
    low: f64,
    high: f64,
    noise: f64,
}

impl Axis {
    /// From the slowest to the fastest row, and never narrower than half to twice.
    pub(super) fn of(table: &GroupRecord) -> Self {
        let ratios: Vec<Estimate> = table.contenders.iter().filter_map(|row| row.vs_best_peer).collect();
        let low = ratios.iter().map(|ratio| ratio.low).fold(0.5, f64::min);
        let high = ratios.iter().map(|ratio| ratio.high).fold(2.0, f64::max);
        Self { low: low.max(1e-6) / 1.15, high: high * 1.15, noise: table.noise }
    }

    fn place(&self, ratio: f64) -> f64 {
        let share = (ratio.max(self.low) / self.low).ln() / (self.high / self.low).ln();
        (share * 100.0).clamp(0.0, 100.0)
    }

    /// The row of a contender.
    pub(super) fn row(&self, ratio: Option<Estimate>, role: Role, label: &str) -> String {
        let mut svg = format!("<svg class=\"plot\" role=\"img\" aria-label=\"{label}\">");
        let (left, right) = (self.place(1.0 / (1.0 + self.noise)), self.place(1.0 + self.noise));
        let _ = write!(
            svg,
            "<rect class=\"noise\" x=\"{left:.2}%\" y=\"0\" width=\"{:.2}%\" height=\"22\"/>",
            right - left
        );
        for tick in self.ticks() {
            let x = self.place(tick);
            let class = if tick == 1.0 { "one" } else { "tick" };
            let _ = write!(svg, "<line class=\"{class}\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"0\" y2=\"22\"/>");
        }
        if let Some(ratio) = ratio {
            let [low, median, high] = [ratio.low, ratio.median, ratio.high].map(|ratio| self.place(ratio));
            let class = match role {
                Role::Ours => "ours",
                Role::Peer => "peer",
                Role::Aside => "aside",
            };
            let _ =
                write!(svg, "<line class=\"span {class}\" x1=\"{low:.2}%\" x2=\"{high:.2}%\" y1=\"11\" y2=\"11\"/>");
            let _ = write!(svg, "<circle class=\"dot {class}\" cx=\"{median:.2}%\" cy=\"11\" r=\"5\"/>");
        }
        svg.push_str("</svg>");
        svg
    }

    /// The axis with its labels.
    pub(super) fn scale(&self) -> String {
        let mut svg = String::from("<svg class=\"scale\" aria-hidden=\"true\">");
        for tick in self.ticks() {
            let x = self.place(tick);
            let anchor = if x < 6.0 {
                "start"
            } else if x > 94.0 {
                "end"
            } else {
                "middle"
            };
            let _ = write!(svg, "<text x=\"{x:.2}%\" y=\"12\" text-anchor=\"{anchor}\">{tick}×</text>");
        }
        svg.push_str("</svg>");
        svg
    }

    /// Round ratios within the axis, few enough to stand beside each other on a phone.
    fn ticks(&self) -> Vec<f64> {
        let steps: &[f64] = match (self.high / self.low).log10() {
            decades if decades <= 1.7 => &[1.0, 2.0, 5.0],
            decades if decades <= 2.6 => &[1.0, 3.0],
            decades if decades <= 4.0 => &[1.0],
            _ => return [0.0001, 0.01, 1.0, 100.0, 10_000.0].into_iter().filter(|tick| self.holds(*tick)).collect(),
        };
        let decades = -5..=6;
        decades
            .flat_map(|decade| steps.iter().map(move |step| rounded(step * 10_f64.powi(decade))))
            .filter(|tick| self.holds(*tick))
            .collect()
    }

    fn holds(&self, ratio: f64) -> bool {
        (self.low..=self.high).contains(&ratio)
    }
}

/// Without the dust of powers of ten.
fn rounded(value: f64) -> f64 {
    format!("{value:.5}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{fixture, view};

    #[test]
    fn the_axis_holds_every_row_and_one() {
        for view in view::views(&fixture::run()) {
            let axis = Axis::of(&view.table);
            assert!(axis.place(axis.low) == 0.0 && (axis.place(axis.high) - 100.0).abs() < 1e-9);
            assert!(axis.ticks().contains(&1.0) && axis.ticks().len() <= 6, "{:?}", axis.ticks());
            for row in &view.table.contenders {
                let svg = axis.row(row.vs_best_peer, row.role, "label");
                assert!(svg.contains("<circle") && svg.contains("class=\"noise\"") && !svg.contains("NaN"), "{svg}");
            }
        }
        assert_eq!(Axis { low: 0.001, high: 100.0, noise: 0.01 }.ticks(), [0.01, 1.0, 100.0]);
        assert_eq!(Axis { low: 0.4, high: 2.5, noise: 0.01 }.ticks(), [0.5, 1.0, 2.0]);
    }
}
