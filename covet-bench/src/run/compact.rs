//! How samples stand in a file: each process one text of numbers with four significant digits, a tenth of the noise floor at
//! worst; and a layout with one row of a table per line.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

pub(super) fn serialize<S: Serializer>(samples: &[Vec<f64>], serializer: S) -> Result<S::Ok, S::Error> {
    let text = |process: &Vec<f64>| process.iter().map(|value| short(*value)).collect::<Vec<_>>().join(" ");
    samples.iter().map(text).collect::<Vec<_>>().serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<f64>>, D::Error> {
    let number =
        |text: &str| text.parse::<f64>().map_err(|error| serde::de::Error::custom(format!("`{text}`: {error}")));
    let processes = Vec::<String>::deserialize(deserializer)?;
    processes.iter().map(|process| process.split_ascii_whitespace().map(number).collect()).collect()
}

/// The number as [`short`] keeps it.
pub(super) fn rounded(value: f64) -> f64 {
    short(value).parse().unwrap_or(value)
}

/// Four significant digits, without an exponent below a million million.
fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor() as i32;
    if magnitude >= 3 {
        let unit = 10_f64.powi(magnitude - 3);
        return format!("{:.0}", (value / unit).round() * unit);
    }
    let text = format!("{value:.digits$}", digits = (3 - magnitude).clamp(0, 12) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A document with everything below a table's row on the row's line.
pub(super) fn lines(value: &Value) -> String {
    let mut text = String::new();
    write(value, 0, &mut text);
    text.push('\n');
    text
}

/// How deep a run is laid out in lines: run, jobs, job, groups, group, contenders.
const DEPTH: usize = 6;

fn write(value: &Value, depth: usize, text: &mut String) {
    let indent = |text: &mut String, depth: usize| {
        text.push('\n');
        text.extend(std::iter::repeat_n(' ', depth));
    };
    match value {
        Value::Object(map) if depth < DEPTH && value.to_string().len() > 100 => {
            text.push('{');
            for (index, (key, value)) in map.iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                indent(text, depth + 1);
                text.push_str(&format!("{}: ", Value::from(key.as_str())));
                write(value, depth + 1, text);
            }
            indent(text, depth);
            text.push('}');
        }
        Value::Array(items) if depth < DEPTH && value.to_string().len() > 100 => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                indent(text, depth + 1);
                write(item, depth + 1, text);
            }
            indent(text, depth);
            text.push(']');
        }
        _ => text.push_str(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits_are_kept() {
        for (value, text) in [
            (0.123_456, "0.1235"),
            (1.0, "1"),
            (12.345_6, "12.35"),
            (999.96, "1000"),
            (123_456.0, "123500"),
            (9_999_999.0, "10000000"),
            (0.000_012_345, "0.00001234"),
            (0.0, "0"),
        ] {
            assert_eq!(short(value), text);
            assert!(value == 0.0 || (rounded(value) / value - 1.0).abs() < 6e-4, "{value}");
        }
    }

    #[test]
    fn the_layout_is_the_same_document() {
        let long = "x".repeat(120);
        let value = serde_json::json!({ "a": [{ "b": long, "c": [1, 2] }, 3], "d": {}, "e": "\"" });
        let text = lines(&value);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        assert!(text.lines().count() > 5, "{text}");
    }
}
