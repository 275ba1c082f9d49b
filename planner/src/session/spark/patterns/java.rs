//! Java's patterns, as the crate `regex` reads them.
//!
//! Problem: `\d`, `\w`, `\s`, `\b` and `\p{Alpha}` are of ASCII in Java, and of all letters there are in the crate; `\Q…\E`
//! it does not know.

/// A pattern of Java's.
pub(crate) fn of_java(pattern: &str) -> String {
    let mut written = String::with_capacity(pattern.len());
    let (mut rest, mut classes) = (pattern, 0_usize);
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        match letter {
            '[' => classes += 1,
            ']' => classes = classes.saturating_sub(1),
            '\\' => {
                rest = escaped(rest, classes > 0, &mut written);
                continue;
            }
            _ => {}
        }
        written.push(letter);
    }
    written
}

/// Writes what stands behind a backslash, and gives what follows it.
fn escaped<'p>(text: &'p str, in_class: bool, written: &mut String) -> &'p str {
    let Some(letter) = text.chars().next() else {
        written.push('\\');
        return text;
    };
    let rest = &text[letter.len_utf8()..];
    let class = match letter {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[a-zA-Z0-9_]",
        'W' => "[^a-zA-Z0-9_]",
        's' => r"[ \t\n\x0B\f\r]",
        'S' => r"[^ \t\n\x0B\f\r]",
        'h' => r"[ \t\u{A0}\u{1680}\u{180E}\u{2000}-\u{200A}\u{202F}\u{205F}\u{3000}]",
        'b' if !in_class => r"(?-u:\b)",
        'Q' => {
            let (literal, behind) = rest.split_once("\\E").unwrap_or((rest, ""));
            written.push_str(&regex::escape(literal));
            return behind;
        }
        'p' | 'P' => return property(letter == 'P', rest, written),
        'Z' => r"\n?\z",
        other => {
            written.push('\\');
            written.push(other);
            return rest;
        }
    };
    written.push_str(class);
    rest
}

/// `\p{Alpha}` and its like.
fn property<'p>(is_not: bool, text: &'p str, written: &mut String) -> &'p str {
    const OF_ASCII: [(&str, &str); 13] = [
        ("Lower", "lower"),
        ("Upper", "upper"),
        ("ASCII", "ascii"),
        ("Alpha", "alpha"),
        ("Digit", "digit"),
        ("Alnum", "alnum"),
        ("Punct", "punct"),
        ("Graph", "graph"),
        ("Print", "print"),
        ("Blank", "blank"),
        ("Cntrl", "cntrl"),
        ("XDigit", "xdigit"),
        ("Space", "space"),
    ];
    let name = text.strip_prefix('{').and_then(|text| text.split_once('}'));
    let known = name.and_then(|(name, rest)| {
        let (_, class) = OF_ASCII.iter().find(|(known, _)| *known == name)?;
        Some((class, rest))
    });
    match known {
        Some((class, rest)) => {
            let not = if is_not { "^" } else { "" };
            written.push_str(&format!("[[:{not}{class}:]]"));
            rest
        }
        None => {
            written.push_str(if is_not { "\\P" } else { "\\p" });
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_of_ascii() {
        for (pattern, text, expected) in [
            (r"\w", "é", false),
            (r"\d", "٣", false),
            (r"[^\w]", "é", true),
            (r"[\d\s]+", "1 2", true),
            (r"[\D]", "1", false),
            (r"\bab\b", "x ab", true),
            (r"\Qa.b\E", "a.b", true),
            (r"\Qa.b\E", "axb", false),
            (r"\p{Alpha}", "é", false),
            (r"\p{L}", "é", true),
            (r"\\d", r"\d", true),
            (r"[\]a]", "]", true),
        ] {
            let regex = regex::Regex::new(&of_java(pattern)).unwrap();
            assert_eq!(regex.is_match(text), expected, "{pattern} {text}");
        }
    }
}
