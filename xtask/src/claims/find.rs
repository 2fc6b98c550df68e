//! Finds sentences with a figure of speed, size or allocation.
//!
//! Too many is better than too few: what is found and is no claim is said to be none, in the file of ties.

/// A sentence with a figure.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sentence {
    pub(super) file: String,
    /// Where its paragraph begins.
    pub(super) line: usize,
    /// The headings it stands under.
    pub(super) sections: Vec<String>,
    pub(super) text: String,
}

/// Units which make a number a figure.
const UNITS: [&str; 40] = [
    "%",
    "B",
    "GB",
    "GB/s",
    "GiB",
    "KB",
    "KiB",
    "MB",
    "MB/s",
    "MiB",
    "TB",
    "allocation",
    "allocations",
    "byte",
    "bytes",
    "cycle",
    "cycles",
    "day",
    "days",
    "instruction",
    "instructions",
    "kB",
    "kilobytes",
    "megabytes",
    "microseconds",
    "milliseconds",
    "minutes",
    "ms",
    "nanoseconds",
    "ns",
    "requests/s",
    "s",
    "seconds",
    "times",
    "us",
    "x",
    "×",
    "µs",
    "μs",
    "percent",
];

/// Words that make a claim without a number.
const CLAIMS: [&str; 13] = [
    "allocates nothing",
    "as fast as",
    "constant memory",
    "faster than",
    "fastest",
    "half the memory",
    "half the time",
    "no allocation",
    "smaller than",
    "times as",
    "twice as",
    "without allocating",
    "without an allocation",
];

/// Sentences with a figure, in order.
pub(super) fn figures(file: &str, text: &str) -> Vec<Sentence> {
    let mut reader = Reader { file, ..Reader::default() };
    text.lines().enumerate().for_each(|(index, line)| reader.line(index + 1, line));
    reader.flush();
    reader.found
}

#[derive(Default)]
struct Reader<'f> {
    file: &'f str,
    found: Vec<Sentence>,
    headings: Vec<(usize, String)>,
    paragraph: String,
    start: usize,
    fenced: bool,
    generated: bool,
}

impl Reader<'_> {
    fn line(&mut self, number: usize, line: &str) {
        let trimmed = line.trim();
        if trimmed.starts_with("```") {
            self.flush();
            self.fenced = !self.fenced;
        } else if self.fenced {
        } else if trimmed.starts_with("<!-- BEGIN: ") || trimmed.starts_with("<!-- END: ") {
            self.flush();
            self.generated = trimmed.starts_with("<!-- BEGIN: ");
        } else if self.generated {
        } else if let Some(heading) = trimmed.strip_prefix('#') {
            self.flush();
            let level = 1 + heading.chars().take_while(|c| *c == '#').count();
            self.headings.retain(|(known, _)| *known < level);
            self.headings.push((level, heading.trim_start_matches('#').trim().to_owned()));
            // A heading may make a claim too.
            self.take(number, heading.trim_start_matches('#').trim());
        } else if trimmed.is_empty() {
            self.flush();
        } else if trimmed.starts_with('|') {
            self.flush();
            self.take(number, trimmed);
        } else {
            if trimmed.starts_with("- ") || trimmed.starts_with("* ") || numbered(trimmed) {
                self.flush();
            }
            if self.paragraph.is_empty() {
                self.start = number;
            } else {
                self.paragraph.push(' ');
            }
            self.paragraph.push_str(trimmed);
        }
    }

    fn flush(&mut self) {
        let paragraph = std::mem::take(&mut self.paragraph);
        let start = self.start;
        sentences(&paragraph).into_iter().for_each(|sentence| self.take(start, sentence));
    }

    fn take(&mut self, line: usize, text: &str) {
        if has_figure(text) {
            let sections = self.headings.iter().map(|(_, heading)| heading.clone()).collect();
            self.found.push(Sentence { file: self.file.to_owned(), line, sections, text: text.to_owned() });
        }
    }
}

/// `1. ` at the start of a line.
fn numbered(line: &str) -> bool {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < line.len() && rest.starts_with(". ")
}

fn sentences(paragraph: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in paragraph.match_indices(['.', '!', '?']) {
        let ends = paragraph[at + 1..].starts_with(' ')
            && paragraph[at + 1..].trim_start().starts_with(|c: char| c.is_uppercase() || c == '`' || c == '[');
        if ends {
            parts.push(paragraph[start..=at].trim());
            start = at + 1;
        }
    }
    parts.push(paragraph[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn has_figure(text: &str) -> bool {
    let plain = without_code(text);
    let lower = plain.to_lowercase();
    CLAIMS.iter().any(|claim| lower.contains(claim)) || has_number_with_unit(&plain)
}

/// The text with code spans and link targets blanked.
fn without_code(text: &str) -> String {
    let mut plain = String::new();
    let mut code = false;
    for part in text.split('`') {
        plain.push_str(if code { " " } else { part });
        code = !code;
    }
    let mut out = String::new();
    let mut rest = plain.as_str();
    while let Some(at) = rest.find("](") {
        out.push_str(&rest[..at + 1]);
        rest = rest[at..].find(')').map_or("", |end| &rest[at + end + 1..]);
    }
    out + rest
}

fn has_number_with_unit(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let before = rest[..at].chars().next_back();
        let number = &rest[at..];
        let end = number.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(number.len());
        let after = number[end..].strip_prefix([' ', '-', '\u{a0}']).unwrap_or(&number[end..]);
        let unit: String = after.chars().take_while(|c| c.is_alphanumeric() || "%×/µμ".contains(*c)).collect();
        let unit = unit.trim_end_matches('/');
        // `h264`, `x86` and `utf8` are names.
        let word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
        if !word && UNITS.contains(&unit) && !number[..end].ends_with(['.', ',']) {
            return true;
        }
        rest = &number[end..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(document: &str) -> Vec<String> {
        figures("x.md", document).into_iter().map(|sentence| sentence.text).collect()
    }

    #[test]
    fn figures_are_found_wherever_they_stand() {
        for text in [
            "It takes 12 ns.",
            "It is 2.5x the peer.",
            "It is 1.4 times as fast.",
            "It is faster than a peer.",
            "A look-up allocates nothing.",
            "| size | 16 KiB |",
            "- grows by 30 %",
            "### 48 bytes a node",
            "It runs at 1,200 MB/s.",
            "within 3×",
            "a 10-minutes run",
        ] {
            assert_eq!(texts(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn other_numbers_are_not() {
        for text in [
            "RFC 8259 and 127 levels",
            "version 0.5.10",
            "x86 and utf8 x",
            "`12 ns` in code",
            "[page](https://example.com/12%20x)",
            "in 2025. So it goes",
            "HTTP/1.1 and 2 cores",
        ] {
            assert_eq!(texts(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn code_and_generated_tables_are_left_out() {
        let document = "# A\n```text\n12 ns\n```\n<!-- BEGIN: results -->\n| 2x |\n<!-- END: results -->\n## B\nIt took\n3 ms. And then\n4 ms!\n";
        let found = figures("x.md", document);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].text.as_str(), found[0].line), ("It took 3 ms.", 9));
        assert_eq!(found[1].text, "And then 4 ms!");
        assert_eq!(found[1].sections, ["A", "B"]);
    }
}
