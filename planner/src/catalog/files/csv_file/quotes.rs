//! Whether the quotes of a CSV file say where its values end, piece by piece of its bytes.
//!
//! Problem: the reader of `arrow-csv` (`csv-core`) takes what follows a quote that is never closed into one value,
//! up to the next quote or the end of the file: rows are gone without an error. Strict readers (DuckDB's; RFC 4180)
//! refuse such files. Here: the bytes are looked at on their way to the reader. Quotes open a value where the
//! reader takes them to, so that one within a value without quotes (`5" pipe`) stays what it was: a letter.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2, memchr3, memrchr};

/// The bytes that mean something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marks {
    pub(crate) delimiter: u8,
    pub(crate) quote: u8,
    pub(crate) escape: Option<u8>,
    /// Whether values may have line breaks.
    pub(crate) line_breaks: bool,
}

/// What was seen so far of the bytes from the start of a record.
#[derive(Debug, Clone)]
pub(crate) struct Quotes {
    marks: Marks,
    state: State,
    fresh: bool,
    /// The byte before the next one: a quote opens a value behind a delimiter or a line break.
    last: u8,
    /// Lines that ended before the next byte, and before the value that was opened last.
    lines: u64,
    opened: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Outside,
    Quoted,
    /// Behind an escape character.
    Escaped,
    /// Behind a quote within a value, which closes it or is the first of two.
    Closing,
    /// Behind blanks behind the end of a value.
    Closed,
}

/// What a file may begin with; `csv-core` passes over it too.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Quotes {
    pub(crate) fn new(marks: Marks) -> Self {
        Self { marks, state: State::Outside, fresh: true, last: b'\n', lines: 0, opened: 0 }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// What is wrong with them, with the line (the first is 1).
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), String> {
        let bytes = &bytes[self.passed_over(bytes)..];
        self.look(bytes, |_| ())
    }

    /// Takes the next bytes, and gives where in them the last record ends that does.
    ///
    /// # Errors
    /// As [`feed`](Self::feed).
    pub(crate) fn feed_records(&mut self, bytes: &[u8]) -> Result<Option<usize>, String> {
        let (start, mut end) = (self.passed_over(bytes), None);
        let bytes = &bytes[start..];
        self.look(bytes, |outside| {
            let found = memrchr(b'\n', &bytes[outside.clone()]);
            end = found.map(|found| start + outside.start + found + 1).or(end);
        })?;
        Ok(end)
    }

    /// Takes the next bytes, and tells each piece of them that is outside quotes.
    fn look(&mut self, bytes: &[u8], mut outside: impl FnMut(Range<usize>)) -> Result<(), String> {
        let (mut at, mut open) = (0, None);
        while at < bytes.len() {
            let (before, from) = (self.state, at);
            at = self.step(bytes, at)?;
            if before == State::Outside {
                outside(from..at);
                open = (self.state == State::Quoted).then_some(at).or(open);
            }
        }
        if let Some(open) = open.filter(|_| self.state != State::Outside) {
            self.opened = self.line(&bytes[..open]);
        }
        self.lines += memchr_iter(b'\n', bytes).count() as u64;
        self.last = bytes.last().copied().unwrap_or(self.last);
        Ok(())
    }

    /// How many of the next bytes are a mark at the start of the file.
    fn passed_over(&mut self, bytes: &[u8]) -> usize {
        let is_marked = self.fresh && bytes.starts_with(BYTE_ORDER_MARK);
        self.fresh &= bytes.is_empty();
        if is_marked { BYTE_ORDER_MARK.len() } else { 0 }
    }

    /// Says that there are no more bytes.
    ///
    /// # Errors
    /// For a value that is still open.
    pub(crate) fn end(&self) -> Result<(), String> {
        match self.is_open() {
            true => {
                Err(format!("the quote that opens a value in line {} is never closed", self.opened))
            }
            false => Ok(()),
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::Quoted | State::Escaped)
    }

    /// The line that follows `bytes` of this piece, the first of a file is 1.
    fn line(&self, bytes: &[u8]) -> u64 {
        self.lines + memchr_iter(b'\n', bytes).count() as u64 + 1
    }

    /// Goes on to behind the next byte that means something.
    fn step(&mut self, bytes: &[u8], at: usize) -> Result<usize, String> {
        match self.state {
            State::Outside => Ok(self.outside(bytes, at)),
            State::Quoted => self.quoted(bytes, at),
            State::Escaped => {
                self.state = State::Quoted;
                Ok(at + 1)
            }
            State::Closing | State::Closed => self.closing(bytes, at),
        }
    }

    fn outside(&mut self, bytes: &[u8], at: usize) -> usize {
        let Some(found) = memchr(self.marks.quote, &bytes[at..]) else { return bytes.len() };
        let found = at + found;
        let before = found.checked_sub(1).map_or(self.last, |before| bytes[before]);
        if before == self.marks.delimiter || matches!(before, b'\n' | b'\r') {
            self.state = State::Quoted;
        }
        found + 1
    }

    fn quoted(&mut self, bytes: &[u8], at: usize) -> Result<usize, String> {
        let Marks { quote, escape, line_breaks, .. } = self.marks;
        let rest = &bytes[at..];
        let found = match (line_breaks, escape) {
            (true, None) => memchr(quote, rest),
            (true, Some(escape)) => memchr2(quote, escape, rest),
            (false, escape) => memchr3(quote, escape.unwrap_or(quote), b'\n', rest),
        };
        let Some(found) = found else { return Ok(bytes.len()) };
        self.state = match rest[found] {
            byte if byte == quote => State::Closing,
            byte if escape == Some(byte) => State::Escaped,
            _ => {
                return Err(format!(
                    "the value that ends line {} has a line break, or its quote is never closed: SET datafusion.catalog.newlines_in_values = true for files with line breaks in values",
                    self.line(&bytes[..at + found])
                ));
            }
        };
        Ok(at + found + 1)
    }

    fn closing(&mut self, bytes: &[u8], at: usize) -> Result<usize, String> {
        self.state = match bytes[at] {
            byte if byte == self.marks.delimiter => State::Outside,
            b'\n' | b'\r' => State::Outside,
            byte if byte == self.marks.quote && self.state == State::Closing => State::Quoted,
            b' ' | b'\t' => State::Closed,
            _ => {
                return Err(format!(
                    "a quote in line {} ends a value, and more follows: double quotes that are within values, or close the one before",
                    self.line(&bytes[..at])
                ));
            }
        };
        // What ends the value is looked at outside of it: a record may end with it.
        Ok(at + usize::from(self.state != State::Outside))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: Marks = Marks { delimiter: b',', quote: b'"', escape: None, line_breaks: true };

    /// What is wrong with a text, which is the same however it is cut; nothing, if nothing is.
    fn wrong(text: &str, marks: Marks) -> String {
        let whole = fed(text.as_bytes(), marks, text.len().max(1));
        for size in 1..text.len() {
            assert_eq!(fed(text.as_bytes(), marks, size), whole, "{text:?} by {size}");
        }
        whole.err().unwrap_or_default()
    }

    fn fed(bytes: &[u8], marks: Marks, size: usize) -> Result<(), String> {
        let mut quotes = Quotes::new(marks);
        bytes.chunks(size).try_for_each(|piece| quotes.feed(piece))?;
        quotes.end()
    }

    #[test]
    fn what_says_where_its_values_end_is_right() {
        for text in [
            "",
            "a,b\n1,2\n",
            "a,\"b\"\n\"1\n,\"\"x\"\"\",2",
            "\"\",\"\"\"\"\r\n\"a\"\r\"b\" ,\"c\"\t",
            "5\" pipe,a \"word\" more\n",
        ] {
            assert_eq!(wrong(text, MARKS), "", "{text:?}");
        }
    }

    #[test]
    fn a_quote_that_is_never_closed_is_told_with_its_line() {
        assert!(wrong("a,b\n1,\"x\n2,y\n", MARKS).contains("line 2 is never closed"));
        assert!(wrong("a\n\"b\nc\"\n\"\"\"", MARKS).contains("line 4 is never closed"));
    }

    #[test]
    fn text_behind_a_closed_value_is_told_with_its_line() {
        for text in ["a,b\n1,\"x\n2,\"y\"\n", "a,b\n\"1\nx\" \"y\",2\n"] {
            assert!(
                wrong(text, MARKS).contains("line 3 ends a value, and more follows"),
                "{text:?}"
            );
        }
    }

    #[test]
    fn an_escaped_quote_closes_nothing() {
        let marks = Marks { escape: Some(b'\\'), ..MARKS };
        assert_eq!(wrong("a\n\"x\\\"\ny\\\\\"\n", marks), "");
        assert!(wrong("a\n\"x\\\"\n", marks).contains("never closed"));
    }

    #[test]
    fn line_breaks_are_told_where_there_are_to_be_none() {
        let marks = Marks { line_breaks: false, ..MARKS };
        assert_eq!(wrong("a,\"b\"\n1,\"2\"\n", marks), "");
        assert!(wrong("a,b\n1,\"x\n2\"\n", marks).contains("line 2 has a line break"));
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        let mut quotes = Quotes::new(MARKS);
        assert_eq!(quotes.feed_records(b"\xef\xbb\xbf\"a\nb\"\n1"), Ok(Some(9)));
        quotes.end().unwrap();
    }

    #[test]
    fn a_record_ends_at_a_line_break_outside_quotes() {
        for (text, whole) in [
            ("a,b\n1,2\n3", "a,b\n1,2\n"),
            ("a\n\"x\ny\"\n\"z\n", "a\n\"x\ny\"\n"),
            ("a\n\"x\"\"\ny\"\n4", "a\n\"x\"\"\ny\"\n"),
            ("a\n5\" pipe\nb", "a\n5\" pipe\n"),
        ] {
            let end = Quotes::new(MARKS).feed_records(text.as_bytes());
            assert_eq!(end, Ok(Some(whole.len())), "{text}");
        }
        assert_eq!(Quotes::new(MARKS).feed_records(b"\"a\n"), Ok(None));
    }
}
