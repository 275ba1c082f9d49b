//! A text of JSON, read as Jackson does for Spark: texts may stand in `'`.

/// What a text says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// As it is written.
    Whole(String),
    Fraction(f64),
    Text(String),
    List(Vec<Json>),
    /// In the order of the text.
    Object(Vec<(String, Json)>),
}

/// Levels of lists and objects that are read: each takes a part of the stack.
const DEEPEST: usize = 256;

/// The first value of a text; `None` for what is no JSON.
pub(super) fn read(text: &str) -> Option<Json> {
    let mut reader = Reader { rest: text.trim_start(), depth: 0 };
    reader.value()
}

struct Reader<'t> {
    rest: &'t str,
    depth: usize,
}

impl Reader<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    fn takes(&mut self, letter: char) -> bool {
        self.skip();
        match self.rest.strip_prefix(letter) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self, word: &str, means: Json) -> Option<Json> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(means)
    }

    fn value(&mut self) -> Option<Json> {
        self.skip();
        match self.rest.chars().next()? {
            '{' => self.nested(Self::object),
            '[' => self.nested(Self::list),
            '"' | '\'' => self.text().map(Json::Text),
            't' => self.word("true", Json::Bool(true)),
            'f' => self.word("false", Json::Bool(false)),
            'n' => self.word("null", Json::Null),
            _ => self.number(),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Option<Json>) -> Option<Json> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        self.rest = &self.rest[1..];
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn object(&mut self) -> Option<Json> {
        let mut fields = Vec::new();
        if self.takes('}') {
            return Some(Json::Object(fields));
        }
        loop {
            self.skip();
            let name = self.text()?;
            if !self.takes(':') {
                return None;
            }
            fields.push((name, self.value()?));
            if self.takes('}') {
                return Some(Json::Object(fields));
            }
            if !self.takes(',') {
                return None;
            }
        }
    }

    fn list(&mut self) -> Option<Json> {
        let mut items = Vec::new();
        if self.takes(']') {
            return Some(Json::List(items));
        }
        loop {
            items.push(self.value()?);
            if self.takes(']') {
                return Some(Json::List(items));
            }
            if !self.takes(',') {
                return None;
            }
        }
    }

    fn text(&mut self) -> Option<String> {
        let quote = self.rest.chars().next().filter(|letter| ['"', '\''].contains(letter))?;
        let mut text = String::new();
        let mut letters = self.rest[1..].char_indices();
        while let Some((at, letter)) = letters.next() {
            if letter == quote {
                self.rest = &self.rest[1 + at + 1..];
                return Some(text);
            }
            if letter != '\\' {
                text.push(letter);
                continue;
            }
            match letters.next()?.1 {
                'b' => text.push('\u{8}'),
                'f' => text.push('\u{c}'),
                'n' => text.push('\n'),
                'r' => text.push('\r'),
                't' => text.push('\t'),
                'u' => text.push(unicode(&mut letters)?),
                plain @ ('"' | '\'' | '\\' | '/') => text.push(plain),
                _ => return None,
            }
        }
        None
    }

    fn number(&mut self) -> Option<Json> {
        let is_part = |letter: char| letter.is_ascii_digit() || "+-.eE".contains(letter);
        let end = self.rest.find(|letter| !is_part(letter)).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        let digits = number.strip_prefix('-').unwrap_or(number);
        let begins = digits.starts_with(|letter: char| letter.is_ascii_digit());
        let leads_with_zero =
            digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
        if !begins || leads_with_zero {
            return None;
        }
        self.rest = rest;
        match digits.bytes().all(|digit| digit.is_ascii_digit()) {
            true => Some(Json::Whole(number.to_owned())),
            false => number.parse().ok().map(Json::Fraction),
        }
    }
}

/// The letter of `\uD83D\uDE00`, whose first half was found.
fn unicode(letters: &mut std::str::CharIndices<'_>) -> Option<char> {
    let mut half = || {
        let mut code = 0;
        for _ in 0..4 {
            code = code * 16 + letters.next()?.1.to_digit(16)?;
        }
        Some(code)
    };
    let first = half()?;
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first);
    }
    if letters.next()?.1 != '\\' || letters.next()?.1 != 'u' {
        return None;
    }
    let mut half = || {
        let mut code = 0;
        for _ in 0..4 {
            code = code * 16 + letters.next()?.1.to_digit(16)?;
        }
        Some(code)
    };
    let second = half()?.checked_sub(0xDC00)?;
    char::from_u32(0x10000 + ((first - 0xD800) << 10) + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read() {
        let text = |of: &str| Json::Text(of.to_owned());
        for (given, expected) in [
            (
                r#" {"a": [1, "x\n\u00e9\ud83d\ude00"]} x"#,
                Some(Json::Object(vec![(
                    "a".to_owned(),
                    Json::List(vec![Json::Whole("1".to_owned()), text("x\né😀")]),
                )])),
            ),
            ("'it'", Some(text("it"))),
            ("-1.50", Some(Json::Fraction(-1.5))),
            ("[]", Some(Json::List(vec![]))),
            ("{a:1}", None),
            ("[1", None),
            ("01", None),
            ("", None),
        ] {
            assert_eq!(read(given), expected, "{given}");
        }
        assert_eq!(read(&"[".repeat(100_000)), None);
    }
}
