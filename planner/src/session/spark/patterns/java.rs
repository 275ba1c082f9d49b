//! Java's patterns, as the crate `regex` reads them.
//!
//! Problem: `\d`, `\w`, `\s` and `\p{Alpha}` are of ASCII in Java, and of all letters there are in the crate; `\Q…\E` it does
//! not know, and some it reads as something else: `.` takes more, `$` stands at the end alone, `\<` begins a word, `a++` is a
//! repetition of one, `[a--b]` and `[[:alpha:]]` are classes of its own. Here: each is written as what Java means, or refused.

/// Java's ends of lines, within a class.
const ENDS: &str = r"\n\r\x{85}\x{2028}\x{2029}";

/// What a pattern is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// To say whether there is a match: nothing is asked of where it ends.
    Test,
    /// To say what is matched.
    Find,
}

/// A pattern of Java's.
///
/// # Errors
/// What the crate has no pattern for.
pub(crate) fn of_java(pattern: &str, used: Use) -> Result<String, String> {
    let mut writer = Writer {
        rest: pattern,
        written: String::with_capacity(pattern.len()),
        classes: 0,
        flags: Flags::default(),
        groups: Vec::new(),
        used,
    };
    while let Some(letter) = writer.next() {
        match writer.classes {
            0 => writer.outside(letter)?,
            _ => writer.in_class(letter)?,
        }
    }
    Ok(writer.written)
}

/// What `(?sm)` says.
#[derive(Debug, Default, Clone, Copy)]
struct Flags {
    /// A dot takes ends of lines, too.
    dot_all: bool,
    /// `$` stands at the end of each line.
    lines: bool,
}

struct Writer<'p> {
    rest: &'p str,
    written: String,
    /// Classes around the place.
    classes: usize,
    flags: Flags,
    /// The flags outside of each group around the place.
    groups: Vec<Flags>,
    used: Use,
}

impl Writer<'_> {
    fn next(&mut self) -> Option<char> {
        let letter = self.rest.chars().next()?;
        self.rest = &self.rest[letter.len_utf8()..];
        Some(letter)
    }

    fn outside(&mut self, letter: char) -> Result<(), String> {
        match letter {
            '[' => self.begin_class()?,
            '\\' => self.escaped()?,
            '(' => self.begin_group()?,
            ')' => {
                self.flags = self.groups.pop().unwrap_or(self.flags);
                self.written.push(')');
            }
            '.' if !self.flags.dot_all => self.written.push_str(&format!("[^{ENDS}]")),
            '$' if self.is_last() && !self.flags.lines => self.at_the_end(),
            '*' | '+' | '?' => self.quantifier(letter)?,
            '{' => self.repetition()?,
            letter => self.written.push(letter),
        }
        Ok(())
    }

    /// Whether a match is asked for alone, and nothing follows: `$` stands before a last end of a line, too.
    fn is_last(&self) -> bool {
        self.rest.is_empty() && self.used == Use::Test
    }

    fn at_the_end(&mut self) {
        self.written.push_str(&format!(r"(?:\r\n|[{ENDS}])?\z"));
    }

    fn quantifier(&mut self, letter: char) -> Result<(), String> {
        if self.rest.starts_with('+') {
            return Err(format!("a repetition that gives nothing back ({letter}+)"));
        }
        self.written.push(letter);
        if let Some(rest) = self.rest.strip_prefix('?') {
            self.written.push('?');
            self.rest = rest;
        }
        Ok(())
    }

    /// `{2,3}`; what is none is left to the crate.
    fn repetition(&mut self) -> Result<(), String> {
        self.written.push('{');
        let counts = self.rest.split_once('}').filter(|(counts, _)| {
            counts.starts_with(|first: char| first.is_ascii_digit())
                && counts.bytes().all(|it| it == b',' || it.is_ascii_digit())
        });
        let Some((counts, rest)) = counts else { return Ok(()) };
        self.written.push_str(counts);
        self.rest = rest;
        self.quantifier('}')
    }

    fn begin_group(&mut self) -> Result<(), String> {
        self.groups.push(self.flags);
        self.written.push('(');
        let Some(flags) = self.rest.strip_prefix('?') else { return Ok(()) };
        self.written.push('?');
        self.rest = flags;
        let is_flag = |letter: char| letter.is_ascii_alphabetic() || letter == '-';
        let end = flags.find(|letter| !is_flag(letter)).unwrap_or(flags.len());
        let (said, behind) = flags.split_at(end);
        if !behind.starts_with([')', ':']) {
            return Ok(());
        }
        let mut on = true;
        for flag in said.chars() {
            match flag {
                '-' => on = false,
                's' => self.flags.dot_all = on,
                'm' => self.flags.lines = on,
                'i' | 'u' | 'x' => {}
                other => return Err(format!("the flag {other}")),
            }
        }
        self.written.push_str(said);
        self.rest = behind;
        // Flags without a group are those of the group around them.
        if behind.starts_with(')') {
            self.groups.pop();
            self.groups.push(self.flags);
        }
        Ok(())
    }

    /// Behind the bracket that begins it: one that would close it at once is a letter.
    fn begin_class(&mut self) -> Result<(), String> {
        if self.classes > 0 && self.rest.starts_with(':') {
            return Err("[: in a class".to_owned());
        }
        self.classes += 1;
        self.written.push('[');
        if let Some(rest) = self.rest.strip_prefix('^') {
            self.written.push('^');
            self.rest = rest;
        }
        if let Some(rest) = self.rest.strip_prefix(']') {
            self.written.push_str(r"\]");
            self.rest = rest;
        }
        Ok(())
    }

    fn in_class(&mut self, letter: char) -> Result<(), String> {
        match letter {
            '[' => return self.begin_class(),
            '\\' => return self.escaped(),
            ']' => self.classes -= 1,
            '-' | '~' if self.rest.starts_with(letter) => {
                return Err(format!("{letter}{letter} in a class"));
            }
            _ => {}
        }
        self.written.push(letter);
        Ok(())
    }

    /// Behind a backslash.
    fn escaped(&mut self) -> Result<(), String> {
        let Some(letter) = self.next() else {
            self.written.push('\\');
            return Ok(());
        };
        let class = match letter {
            'd' => "[0-9]",
            'D' => "[^0-9]",
            'w' => "[a-zA-Z0-9_]",
            'W' => "[^a-zA-Z0-9_]",
            's' => r"[ \t\n\x0B\f\r]",
            'S' => r"[^ \t\n\x0B\f\r]",
            'h' => r"[ \t\u{A0}\u{1680}\u{180E}\u{2000}-\u{200A}\u{202F}\u{205F}\u{3000}]",
            'H' => r"[^ \t\u{A0}\u{1680}\u{180E}\u{2000}-\u{200A}\u{202F}\u{205F}\u{3000}]",
            'v' => r"[\n\x0B\f\r\x{85}\x{2028}\x{2029}]",
            'V' => r"[^\n\x0B\f\r\x{85}\x{2028}\x{2029}]",
            '<' | '>' => {
                self.written.push(letter);
                return Ok(());
            }
            'Q' => {
                let (literal, behind) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                self.written.push_str(&regex::escape(literal));
                self.rest = behind;
                return Ok(());
            }
            'p' | 'P' => {
                self.property(letter == 'P');
                return Ok(());
            }
            'Z' if self.classes == 0 && self.is_last() => {
                self.at_the_end();
                return Ok(());
            }
            'Z' => return Err(r"\Z, unless a pattern of RLIKE ends in it".to_owned()),
            // The crate has backslashes before what it knows alone.
            other if !other.is_ascii() => {
                self.written.push(other);
                return Ok(());
            }
            other => {
                self.written.push('\\');
                self.written.push(other);
                self.braces();
                return Ok(());
            }
        };
        self.written.push_str(class);
        Ok(())
    }

    /// What stands in braces behind an escaped letter is no repetition.
    fn braces(&mut self) {
        let letter = self.written.chars().next_back();
        if letter.is_some_and(|letter| "xu".contains(letter))
            && self.rest.starts_with('{')
            && let Some(end) = self.rest.find('}')
        {
            let (inside, behind) = self.rest.split_at(end + 1);
            self.written.push_str(inside);
            self.rest = behind;
        }
    }

    /// `\p{Alpha}` and its like.
    fn property(&mut self, is_not: bool) {
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
        let name = self.rest.strip_prefix('{').and_then(|text| text.split_once('}'));
        let (not, escape) = if is_not { ("^", "\\P") } else { ("", "\\p") };
        let Some((name, behind)) = name else {
            self.written.push_str(escape);
            return;
        };
        match OF_ASCII.iter().find(|(known, _)| *known == name) {
            Some((_, class)) => self.written.push_str(&format!("[[:{not}{class}:]]")),
            None => self.written.push_str(&format!("{escape}{{{name}}}")),
        }
        self.rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_javas() {
        for (pattern, text, expected) in [
            (r"\w", "é", false),
            (r"\d", "٣", false),
            (r"[^\w]", "é", true),
            (r"[\d\s]+", "1 2", true),
            (r"[\D]", "1", false),
            (r"\bab\b", "x ab", true),
            (r"\ba", "éa", false),
            (r"\Qa.b\E", "a.b", true),
            (r"\Qa.b\E", "axb", false),
            (r"\p{Alpha}", "é", false),
            (r"\p{L}+", "é", true),
            (r"^\x{41}+$", "AA", true),
            (r"\\d", r"\d", true),
            (r"[\]a]", "]", true),
            (r"[].]x", "]x", true),
            (r"[].]x", "ax", false),
            (r"\<a\>", "<a>", true),
            (r"\é", "é", true),
            ("c$", "c\n", true),
            ("c$", "c\r\n", true),
            ("c$", "c\n\n", false),
            ("x|c$", "cd", false),
            (r"c\Z", "c\n", true),
            ("(?m)c$", "c\nd", true),
            ("a.b", "a\rb", false),
            ("(?s)a.b", "a\rb", true),
            ("(?s:a.)b", "a\rb", true),
            ("(?s:a).", "a\r", false),
            ("((?s)a).", "a\r", false),
            ("(?s)(?-s)a.", "a\r", false),
            (r"a\vb", "a\nb", true),
            (r"[\v]", "\r", true),
            (r"\V", "\n", false),
            ("^a{2}?$", "aa", true),
            (r"a\++", "a++", true),
            ("a}+", "a}", true),
        ] {
            let regex = regex::Regex::new(&of_java(pattern, Use::Test).unwrap()).unwrap();
            assert_eq!(regex.is_match(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn what_has_another_meaning_is_refused() {
        for pattern in [
            "a++",
            "a*+",
            "a?+",
            "a{2}+",
            "[a~~b]",
            "[+--]",
            "[[:alpha:]]",
            "(?U)a",
            "(?d:a)",
            r"a\Zb",
        ] {
            assert!(of_java(pattern, Use::Test).is_err(), "{pattern}");
        }
        assert!(of_java(r"a\Z", Use::Find).is_err());
        assert_eq!(of_java("c$", Use::Find).as_deref(), Ok("c$"));
    }
}
