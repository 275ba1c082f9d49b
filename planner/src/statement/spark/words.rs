//! Where a text is taken, and any value may stand (`session/spark/words.rs`).

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Value,
};

use super::functions::{call_of_spark, name_of};
use crate::session::spark::{STRING, WORDS};

/// Functions that take texts at first.
const FIRST: [&str; 36] = [
    "upper",
    "ucase",
    "lower",
    "lcase",
    "length",
    "len",
    "char_length",
    "character_length",
    "octet_length",
    "bit_length",
    "left",
    "right",
    "substr",
    "substring",
    "substring_index",
    "repeat",
    "lpad",
    "rpad",
    "btrim",
    "trim",
    "initcap",
    "ascii",
    "split",
    "split_part",
    "regexp_extract",
    "regexp_extract_all",
    "regexp_substr",
    "regexp_count",
    "regexp_instr",
    "regexp_replace",
    "string_agg",
    "listagg",
    "get_json_object",
    "overlay",
    "soundex",
    "md5",
];

/// Those that take two.
const TWO: [&str; 9] = [
    "instr",
    "locate",
    "position",
    "contains",
    "startswith",
    "endswith",
    "ltrim",
    "rtrim",
    "levenshtein",
];

/// Those that take nothing else.
const ALL: [&str; 2] = ["replace", "translate"];

/// Has the arguments of a call be texts, where the function takes some.
pub(super) fn arguments(name: &str, function: &mut Function) {
    let count = match name {
        name if FIRST.contains(&name) => 1,
        name if TWO.contains(&name) => 2,
        name if ALL.contains(&name) => usize::MAX,
        _ => return,
    };
    let FunctionArguments::List(list) = &mut function.args else { return };
    for arg in list.args.iter_mut().take(count) {
        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(of)) = arg {
            wrap(of);
        }
    }
}

/// Has a value be a text, if it is not seen to be one.
pub(super) fn wrap(of: &mut Expr) {
    if !is_text(of) {
        let value = std::mem::replace(of, Expr::Value(Value::Null.with_empty_span()));
        *of = call_of_spark(WORDS, [value]);
    }
}

fn is_text(of: &Expr) -> bool {
    match of {
        Expr::Value(of) => {
            matches!(of.value, Value::SingleQuotedString(_) | Value::Null | Value::Placeholder(_))
        }
        Expr::Function(call) => matches!(
            name_of(call).as_deref(),
            Some(WORDS | STRING | "spark:substring" | "spark:regexp_replace" | "lower" | "upper")
        ),
        Expr::Nested(of) => is_text(of),
        _ => false,
    }
}

/// What LIKE looks at.
pub(super) fn of_like(expr: &mut Expr) {
    if let Expr::Like { expr: of, .. } | Expr::ILike { expr: of, .. } = expr {
        wrap(of);
    }
}

/// What `format_string` is given: where its pattern says `%s`, the text that Spark makes of a value.
pub(super) fn shown(pattern: &Expr, values: &[Expr]) -> Vec<Expr> {
    let known = match pattern {
        Expr::Value(of) => match &of.value {
            Value::SingleQuotedString(pattern) => kinds(pattern),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let shown = values.iter().enumerate().map(|(at, value)| match known.get(at) {
        Some('s' | 'S') if !is_text(value) => call_of_spark("spark:shown", [value.clone()]),
        _ => value.clone(),
    });
    std::iter::once(pattern.clone()).chain(shown).collect()
}

/// As what each value is shown; nothing where a pattern counts them.
fn kinds(pattern: &str) -> Vec<char> {
    let mut kinds = Vec::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            continue;
        }
        match letters.find(|letter| letter.is_alphabetic() || ['%', '$', '<'].contains(letter)) {
            Some('$' | '<') => return Vec::new(),
            Some('%' | 'n') | None => {}
            Some(kind) => kinds.push(kind),
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_says_what_is_shown_as_a_text() {
        assert_eq!(kinds("%s is %5.2f%% of %-10S%n%d"), ['s', 'f', 'S', 'd']);
        assert!(kinds("%2$s %1$s").is_empty());
    }
}
