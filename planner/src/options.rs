//! The `squadron.*` settings: what a user may choose for one query or one session.
//!
//! One definition serves SQL `SET`, Flight session options and request headers (design, section 5):
//! all three end in [`SquadronOptions::set`] through DataFusion's `ConfigOptions`, so a wrong name or
//! value is refused with the same words wherever it comes from.

use std::fmt;
use std::str::FromStr;

use datafusion::common::extensions_options;
use datafusion::config::{ConfigExtension, ConfigField, ExtensionOptions, Visit};
use datafusion::error::{DataFusionError, Result};

extensions_options! {
    /// Settings of Squadron itself, beside DataFusion's own `datafusion.*`.
    pub struct SquadronOptions {
        /// Where a query runs: `auto` (distributed when the scan is large enough to gain from it), `local` (in the node that took it), `distributed` (on as many workers as have something to do)
        pub execution_mode: ExecutionMode, default = ExecutionMode::Auto
        /// How many endpoints a result has: `auto` (every serving peer; one where the order matters or the result is local), `all`, `one`
        pub endpoints: Endpoints, default = Endpoints::Auto
        /// What the endpoints point to: `direct` (each node's advertised address) or `proxy` (no address: all bytes through the node the client is connected to)
        pub locations: Locations, default = Locations::Direct
        /// Target size in bytes of one result message; the largest is twice this. `0` chooses by client
        pub frame_bytes: usize, default = 0
    }
}

impl ConfigExtension for SquadronOptions {
    const PREFIX: &'static str = "squadron";
}

/// Declares a setting with a fixed list of words, refused by naming all of them.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $key:literal, { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word),+ })
            }
        }

        impl FromStr for $name {
            type Err = DataFusionError;
            fn from_str(text: &str) -> Result<Self> {
                match text.trim().to_ascii_lowercase().as_str() {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(DataFusionError::Configuration(format!(
                        "squadron.{} takes one of {}, not '{text}'", $key, [$($word),+].join(", ")
                    ))),
                }
            }
        }

        impl ConfigField for $name {
            fn set(&mut self, _: &str, value: &str) -> Result<()> {
                *self = value.parse()?;
                Ok(())
            }
            fn visit<V: Visit>(&self, visitor: &mut V, key: &str, description: &'static str) {
                visitor.some(key, *self, description)
            }
        }
    };
}

words!(
    /// Where a query runs.
    ExecutionMode, "execution_mode", {
    /// Distributed when the scan is large enough to gain from it.
    Auto = "auto",
    /// In the node that took the query.
    Local = "local",
    /// On as many workers as have something to do.
    Distributed = "distributed",
});

words!(
    /// How many endpoints a result has.
    Endpoints, "endpoints", {
    /// Every serving peer, or one where the order matters or the result is local.
    Auto = "auto",
    /// Every serving peer.
    All = "all",
    /// One.
    One = "one",
});

words!(
    /// What the endpoints point to.
    Locations, "locations", {
    /// Each node's advertised address.
    Direct = "direct",
    /// Nothing: the client reads through the node it is connected to.
    Proxy = "proxy",
});

/// Says why a setting was refused and, for an unknown one of ours, which there are.
pub fn explain_refusal(key: &str, error: &DataFusionError) -> String {
    let ours = SquadronOptions::default().entries();
    let known: Vec<String> = ours.iter().map(|entry| format!("squadron.{}", entry.key)).collect();
    match key.starts_with("squadron.") && !known.iter().any(|known| known == key) {
        true => format!("there is no option {key}; there are {}", known.join(", ")),
        false => error.strip_backtrace(),
    }
}
