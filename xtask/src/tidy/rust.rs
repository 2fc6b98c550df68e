//! Rust source with its comments and literals blanked, so that words are searched in code alone.

/// `source` with every comment, string and character literal replaced by spaces. Line breaks stay, so line numbers do.
pub(super) fn code_only(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut code = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_or_comment_end(&chars, at);
        match end {
            Some(end) => {
                code.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
                at = end;
            }
            None => {
                code.push(chars[at]);
                at += 1;
            }
        }
    }
    code
}

/// The words of `code` with the number of their line, from 1.
pub(super) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.lines().enumerate().flat_map(move |(line, text)| {
        text.split(move |c| !is_word(c)).filter(|word| !word.is_empty()).map(move |word| (line + 1, word))
    })
}

/// Where the comment or literal that starts at `at` ends; `None` if none starts there.
fn literal_or_comment_end(chars: &[char], at: usize) -> Option<usize> {
    let rest = &chars[at..];
    let starts = |text: &str| text.chars().enumerate().all(|(i, c)| rest.get(i) == Some(&c));
    let after_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    if starts("//") {
        return Some(rest.iter().position(|c| *c == '\n').map_or(chars.len(), |n| at + n));
    }
    if starts("/*") {
        return Some(block_comment_end(chars, at));
    }
    if rest[0] == '"' {
        return Some(string_end(chars, at + 1));
    }
    if rest[0] == '\'' {
        return char_end(chars, at);
    }
    // r"", r#""#, br"", cr"": the escapes of the prefixed kinds without r are those of plain strings.
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| starts(prefix) && !after_word)?;
    let hashes = rest[prefix.len()..].iter().take_while(|c| **c == '#').count();
    let open = at + prefix.len() + hashes;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let closes = |quote: usize| chars[quote] == '"' && (1..=hashes).all(|i| chars.get(quote + i) == Some(&'#'));
    Some((open + 1..chars.len()).find(|quote| closes(*quote)).map_or(chars.len(), |quote| quote + 1 + hashes))
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let (mut depth, mut i) = (0, at);
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') => {
                (depth, i) = (depth - 1, i + 2);
                if depth == 0 {
                    return i;
                }
            }
            _ => i += 1,
        }
    }
    chars.len()
}

/// The end of a string whose contents start at `at`.
fn string_end(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() {
        match chars[at] {
            '"' => return at + 1,
            '\\' => at += 2,
            _ => at += 1,
        }
    }
    chars.len()
}

/// The end of the character literal at `at`; `None` for a lifetime or label.
fn char_end(chars: &[char], at: usize) -> Option<usize> {
    if chars.get(at + 1) == Some(&'\\') {
        let close = (at + 3..chars.len()).find(|i| chars[*i] == '\'');
        return Some(close.map_or(chars.len(), |close| close + 1));
    }
    (chars.get(at + 2) == Some(&'\'')).then_some(at + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(source: &str) -> Vec<(usize, String)> {
        words(&code_only(source)).map(|(line, word)| (line, word.to_owned())).collect()
    }

    #[test]
    fn words_in_comments_and_literals_are_not_code() {
        for source in [
            "// word",
            "/* a /* nested */ word */",
            r#""word""#,
            r#""\" word""#,
            r###"r#"a " word"#"###,
            r#"b"word""#,
            "/// word\n",
            r#"br"word""#,
        ] {
            assert!(seen(source).iter().all(|(_, word)| word != "word"), "{source}");
        }
    }

    #[test]
    fn code_around_them_is_kept_with_its_lines() {
        let source =
            "/* one\ntwo */ fn a<'x>(c: char) {\n    c == '\"' || c == '\\'' || c == '\\u{1F}';\n    word /* x */ }";
        assert!(seen(source).contains(&(4, "word".into())), "{:?}", seen(source));
        assert!(seen(source).contains(&(2, "fn".into())));
        assert_eq!(
            seen("let r#word = bar\"x\";"),
            [(1, "let".into()), (1, "r".into()), (1, "word".into()), (1, "bar".into())]
        );
    }

    #[test]
    fn unfinished_literals_end_with_the_file() {
        for source in ["\"word", "/* word", "r#\"word", "'\\", "\"\\", "r#", "'"] {
            assert!(seen(source).iter().all(|(_, word)| word != "word"), "{source}");
        }
    }
}
