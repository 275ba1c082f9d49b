//! A text with parts of it written otherwise, at the places where the tokenizer finds them.

use datafusion::sql::sqlparser::tokenizer::{Location, TokenWithSpan};

/// A part of the text, from a place up to another, and what stands there instead.
pub(super) struct Edit {
    pub(super) from: Location,
    pub(super) to: Location,
    pub(super) text: String,
}

/// The text in the place of all these tokens.
pub(super) fn replace(tokens: &[TokenWithSpan], text: &str) -> Option<Edit> {
    let (first, last) = (tokens.first()?, tokens.last()?);
    Some(Edit { from: first.span.start, to: last.span.end, text: text.to_owned() })
}

/// `edits` in their order; lines and columns count from 1, columns in letters.
pub(super) fn edited(sql: &str, edits: &[Edit]) -> String {
    let mut text = String::with_capacity(sql.len() + 64);
    let mut edits = edits.iter().peekable();
    let mut skipped_to = None;
    let (mut line, mut column) = (1, 1);
    for letter in sql.chars() {
        let here = (line, column);
        if skipped_to == Some(here) {
            skipped_to = None;
        }
        if skipped_to.is_none()
            && let Some(edit) = edits.next_if(|edit| (edit.from.line, edit.from.column) == here)
        {
            text.push_str(&edit.text);
            let to = (edit.to.line, edit.to.column);
            skipped_to = (to != here).then_some(to);
        }
        if skipped_to.is_none() {
            text.push(letter);
        }
        match letter {
            '\n' => (line, column) = (line + 1, 1),
            _ => column += 1,
        }
    }
    text
}
