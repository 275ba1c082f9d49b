//! Where one statement ends and the next begins, by the lexical rules of SQL alone.
//!
//! A `;` inside quotes, comments or dollar-quoted text does not end a statement. Nothing else is
//! understood here: what a statement means is the server's business.

/// Text cut at its top-level semicolons.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Split<'a> {
    /// The statements that ended with `;`, without it; empty ones are left out.
    pub(super) complete: Vec<&'a str>,
    /// What follows the last `;`, empty when that is blank or comments.
    pub(super) rest: &'a str,
    /// Whether the text ends within quotes or a block comment.
    pub(super) open: bool,
}

impl<'a> Split<'a> {
    /// All statements, the last one with or without its semicolon.
    pub(super) fn statements(self) -> Vec<&'a str> {
        let rest = (!self.rest.is_empty()).then_some(self.rest);
        self.complete.into_iter().chain(rest).collect()
    }
}

/// Cuts `sql` into statements.
pub(super) fn split(sql: &str) -> Split<'_> {
    let (mut complete, mut start, mut blank, mut open) = (Vec::new(), 0, true, false);
    let mut at = 0;
    while at < sql.len() {
        let (length, kind) = next_token(&sql[at..], &sql[..at]);
        match kind {
            Kind::Semicolon => {
                complete.extend((!blank).then(|| sql[start..at].trim()));
                (start, blank) = (at + length, true);
            }
            Kind::Blank => {}
            Kind::Text => blank = false,
            Kind::OpenText => (blank, open) = (false, true),
            Kind::OpenComment => open = true,
        }
        at += length;
    }
    let rest = if blank { "" } else { sql[start..].trim() };
    Split { complete, rest, open }
}

#[derive(PartialEq)]
enum Kind {
    Semicolon,
    /// Space and comments.
    Blank,
    Text,
    /// Quoted text without its end.
    OpenText,
    OpenComment,
}

/// The length and kind of the token that `sql`, which is not empty and stands after `before`,
/// begins with.
fn next_token(sql: &str, before: &str) -> (usize, Kind) {
    let first = sql.chars().next().unwrap_or(' ');
    match first {
        ';' => (1, Kind::Semicolon),
        '\'' | '"' | '`' => quoted(sql, first, escapes(before)),
        '-' if sql.starts_with("--") => (sql.find('\n').unwrap_or(sql.len()), Kind::Blank),
        '/' if sql.starts_with("/*") => block_comment(sql),
        '$' if !before.ends_with(is_word) => dollar_quoted(sql),
        _ if first.is_whitespace() => (first.len_utf8(), Kind::Blank),
        _ => (first.len_utf8(), Kind::Text),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a quote here begins an `E'…'` string, where `\'` does not end it.
fn escapes(before: &str) -> bool {
    let word = before.strip_suffix(['e', 'E']);
    word.is_some_and(|word| !word.ends_with(is_word))
}

/// A doubled quote needs no rule of its own: it ends one text and begins the next.
fn quoted(sql: &str, quote: char, escapes: bool) -> (usize, Kind) {
    let mut characters = sql.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        if c == quote {
            return (at + 1, Kind::Text);
        }
        if escapes && c == '\\' {
            characters.next();
        }
    }
    (sql.len(), Kind::OpenText)
}

/// Block comments nest in SQL.
fn block_comment(sql: &str) -> (usize, Kind) {
    let (mut depth, mut at) = (0, 0);
    while let Some(found) = sql[at..].find(['*', '/']) {
        at += found;
        let step = match &sql[at..] {
            rest if rest.starts_with("/*") => 1,
            rest if rest.starts_with("*/") => -1,
            _ => 0,
        };
        at += if step == 0 { 1 } else { 2 };
        depth += step;
        if depth == 0 {
            return (at, Kind::Blank);
        }
    }
    (sql.len(), Kind::OpenComment)
}

/// `$$…$$` and `$tag$…$tag$`; a placeholder such as `$1` is plain text.
fn dollar_quoted(sql: &str) -> (usize, Kind) {
    let tag = sql[1..].find('$').map(|end| &sql[..end + 2]);
    let inner = tag.map(|tag| &tag[1..tag.len() - 1]);
    let is_tag =
        |name: &str| name.chars().all(is_word) && !name.starts_with(|c: char| c.is_ascii_digit());
    let (Some(tag), Some(true)) = (tag, inner.map(is_tag)) else {
        return (1, Kind::Text);
    };
    match sql[tag.len()..].find(tag) {
        Some(end) => (tag.len() + end + tag.len(), Kind::Text),
        None => (sql.len(), Kind::OpenText),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, statements: &[&str]) {
        assert_eq!(split(sql).statements(), statements, "{sql}");
    }

    #[test]
    fn semicolons_end_statements() {
        check("select 1; select 2 ;\n", &["select 1", "select 2"]);
        check("select 1", &["select 1"]);
    }

    #[test]
    fn quoted_semicolons_do_not() {
        check("select ';', \"a;b\", `c;d`; x", &["select ';', \"a;b\", `c;d`", "x"]);
        check("select 'it''s; one'; x", &["select 'it''s; one'", "x"]);
        check(r"select E'it\'s; one'; x", &[r"select E'it\'s; one'", "x"]);
        check(r"select date'\'; x", &[r"select date'\'", "x"]);
        check(r"select 'back\'; x", &[r"select 'back\'", "x"]);
    }

    #[test]
    fn commented_semicolons_do_not() {
        check("select 1 -- a; b\n + 2; x", &["select 1 -- a; b\n + 2", "x"]);
        check("select /* ; /* ; */ ; */ 1; x", &["select /* ; /* ; */ ; */ 1", "x"]);
    }

    #[test]
    fn dollar_quotes_hold_semicolons_and_placeholders_do_not() {
        check("select $a$ ; $$ ; $a$; x", &["select $a$ ; $$ ; $a$", "x"]);
        check("select $$;$$; x", &["select $$;$$", "x"]);
        check("select $1; select $2", &["select $1", "select $2"]);
    }

    #[test]
    fn blank_and_commented_out_statements_are_none() {
        check(";;-- nothing\n; /* none */", &[]);
        check("", &[]);
    }

    #[test]
    fn a_comment_before_a_statement_stays_with_it() {
        check("-- why\nselect 1;", &["-- why\nselect 1"]);
    }

    #[test]
    fn open_quotes_and_comments_are_told() {
        for sql in ["select 'a;", "select /* ;", "select $$ ;", "/* ;"] {
            assert!(split(sql).open && split(sql).complete.is_empty(), "{sql}");
        }
        assert!(!split("select 1").open);
    }

    #[test]
    fn letters_beyond_ascii_are_whole() {
        check("select 'ä;€' as größe; x", &["select 'ä;€' as größe", "x"]);
    }
}
