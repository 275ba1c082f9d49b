//! Paths into JSON.

use super::read::Json;
use super::write::json;

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Name(String),
    Index(usize),
    /// `[*]`.
    All,
}

/// The steps of a path; `None` for what is no path, or one that leads nowhere (`.*`).
pub(super) fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, behind) = if let Some(quoted) = rest.strip_prefix("['") {
            let (name, behind) = quoted.split_once("']")?;
            (Step::Name(name.to_owned()), behind)
        } else if let Some(inside) = rest.strip_prefix('[') {
            let (index, behind) = inside.split_once(']')?;
            match index {
                "*" => (Step::All, behind),
                index => (Step::Index(index.parse().ok()?), behind),
            }
        } else {
            let name = rest.strip_prefix('.')?;
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (name, behind) = name.split_at(end);
            (Step::Name(name.to_owned()), behind)
        };
        if matches!(&step, Step::Name(name) if name.is_empty() || name == "*" || name.contains('?'))
        {
            return None;
        }
        steps.push(step);
        rest = behind;
    }
    Some(steps)
}

/// How what is found is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// A text as it is.
    Raw,
    /// In quotes.
    Quoted,
    /// In quotes, and lists without their brackets.
    Flat,
}

/// What a path leads to.
pub(super) fn found(value: &Json, steps: &[Step]) -> Option<String> {
    let mut all = Vec::new();
    follow(value, steps, Style::Raw, &mut all).then(|| all.concat())
}

/// Whether there is anything; each part of it is added to `all`.
fn follow(value: &Json, steps: &[Step], style: Style, all: &mut Vec<String>) -> bool {
    let each = |items: &[Json], steps: &[Step], style: Style| {
        let mut parts = Vec::new();
        let count = items.iter().filter(|item| follow(item, steps, style, &mut parts)).count();
        (count, parts.join(","))
    };
    match (value, steps) {
        (Json::Text(text), []) if style == Style::Raw => {
            all.push(text.clone());
            true
        }
        (Json::List(items), []) if style == Style::Flat => {
            let mut is_any = false;
            for item in items {
                is_any |= follow(item, &[], style, all);
            }
            is_any
        }
        (value, []) => {
            let mut text = String::new();
            json(value, &mut text);
            all.push(text);
            true
        }
        (Json::Object(fields), [Step::Name(name), rest @ ..]) => fields
            .iter()
            .filter(|(field, value)| field == name && *value != Json::Null)
            .any(|(_, value)| follow(value, rest, style, all)),
        (Json::List(items), [Step::All, Step::All, rest @ ..]) => {
            let (count, parts) = each(items, rest, Style::Flat);
            all.push(format!("[{parts}]"));
            count > 0
        }
        (Json::List(items), [Step::All, rest @ ..]) if style != Style::Quoted => {
            let inner = if style == Style::Raw { Style::Quoted } else { style };
            let (count, parts) = each(items, rest, inner);
            match count {
                0 => {}
                1 => all.push(parts),
                _ => all.push(format!("[{parts}]")),
            }
            count > 0
        }
        (Json::List(items), [Step::All, rest @ ..]) => {
            let (count, parts) = each(items, rest, Style::Quoted);
            all.push(format!("[{parts}]"));
            count > 0
        }
        (Json::List(items), [Step::Index(at), rest @ ..]) => {
            let style = if rest.first() == Some(&Step::All) { Style::Quoted } else { style };
            items.get(*at).is_some_and(|item| follow(item, rest, style, all))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::read;
    use super::*;

    #[test]
    fn paths_lead_where_they_lead_in_spark() {
        for (text, path, expected) in [
            (r#"{"a":{"b":[1,2]}}"#, "$.a.b[1]", Some("2")),
            (r#"[{"a":1},{"a":2}]"#, "$[*].a", Some("[1,2]")),
            (r#"{"a":[{"b":1}]}"#, "$.a[*].b", Some("1")),
            (r#"{"a":[{"b":[1,2]},{"b":[3]}]}"#, "$.a[*].b[*]", Some("[[1,2],[3]]")),
            (r#"{"a":"x\"y"}"#, "$.a", Some("x\"y")),
            (r#"{"a":null}"#, "$.a", None),
            (r#"{"a":1,"a":2}"#, "$.a", Some("1")),
            (r#"{"a b":1}"#, "$['a b']", Some("1")),
            (r#"{"a":1}"#, "$", Some(r#"{"a":1}"#)),
            (r#"{"a":1e5}"#, "$.a", Some("100000.0")),
            (r#"{"a":{"b":1}}"#, "$.*", None),
            (r#"{"a":1}"#, "a", None),
        ] {
            let found = steps(path).and_then(|steps| found(&read(text)?, &steps));
            assert_eq!(found.as_deref(), expected, "{text} {path}");
        }
    }
}
