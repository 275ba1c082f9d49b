//! The `authorization` header, as every driver writes it.
//!
//! Basic with padding (JDBC, ODBC, Rust) and without (ADBC's Go core), schemes in any case, and what is
//! no use: `Bearer None` and `Bearer` of drivers that were given no token.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::Denied;

/// Takes both forms.
const EITHER: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Brought {
    /// Nothing, or nothing of use.
    Nothing,
    /// User and password.
    Basic(String, String),
    /// A token.
    Bearer(String),
}

/// Reads the header of a call.
///
/// # Errors
/// [`Denied::Garbled`] for what no driver sends.
pub(super) fn read(headers: &HeaderMap) -> Result<Brought, Denied> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(Brought::Nothing) };
    let value = value.to_str().map_err(|_| Denied::Garbled("it is not plain text"))?.trim();
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("basic") {
        return basic(rest);
    }
    match scheme.eq_ignore_ascii_case("bearer") {
        true if matches!(rest, "" | "None") => Ok(Brought::Nothing),
        true => Ok(Brought::Bearer(rest.to_owned())),
        false if value.is_empty() => Ok(Brought::Nothing),
        false => Err(Denied::Garbled("write Basic or Bearer first")),
    }
}

fn basic(encoded: &str) -> Result<Brought, Denied> {
    let bytes = EITHER.decode(encoded).map_err(|_| Denied::Garbled("Basic needs base64"))?;
    let text = String::from_utf8(bytes).map_err(|_| Denied::Garbled("Basic needs UTF-8"))?;
    let pair = text.split_once(':').ok_or(Denied::Garbled("Basic needs user:password"))?;
    Ok(match pair {
        ("", "") => Brought::Nothing,
        (user, password) => Brought::Basic(user.to_owned(), password.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Brought, Denied> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        super::read(&headers)
    }

    fn basic(user: &str, password: &str) -> Result<Brought, Denied> {
        Ok(Brought::Basic(user.to_owned(), password.to_owned()))
    }

    #[test]
    fn basic_is_read_with_padding_and_without() {
        for value in ["Basic YWw6cHc=", "Basic YWw6cHc", "basic  YWw6cHc "] {
            assert_eq!(read(value), basic("al", "pw"), "{value}");
        }
    }

    #[test]
    fn a_password_may_have_colons_and_any_letter() {
        // al:a:ü
        assert_eq!(read("Basic YWw6YTrDvA"), basic("al", "a:ü"));
    }

    #[test]
    fn what_is_no_use_is_nothing() {
        for value in ["Bearer None", "Bearer ", "Bearer", "", "Basic Og=="] {
            assert_eq!(read(value), Ok(Brought::Nothing), "{value}");
        }
        assert_eq!(super::read(&HeaderMap::new()), Ok(Brought::Nothing));
    }

    #[test]
    fn a_token_is_taken_as_it_is() {
        assert_eq!(read("bearer a.b=c"), Ok(Brought::Bearer("a.b=c".into())));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (value, why) in [
            ("Digest x", "Basic or Bearer"),
            ("Basic ???", "base64"),
            ("Basic /w", "UTF-8"),
            ("Basic YWw", "user:password"),
        ] {
            let denied = read(value).unwrap_err().to_string();
            assert!(denied.contains(why), "{denied}");
        }
    }
}
