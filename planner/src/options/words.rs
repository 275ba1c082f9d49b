//! Settings that are one word of a fixed list.

use std::fmt;
use std::str::FromStr;

use datafusion::error::{DataFusionError, Result};

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

words!(
    /// When frames are handed out.
    Delivery, "delivery", {
    /// As they come.
    Streaming = "streaming",
    /// When the result is complete.
    Staged = "staged",
});

words!(
    /// The types that results are told in (`wire_schema/types.rs` has the table).
    Types, "types", {
    /// By what the client calls itself.
    Auto = "auto",
    /// Those that all clients read.
    Safe = "safe",
    /// As they are, but for encodings.
    Native = "native",
    /// What the JDBC driver reads rightly.
    Jdbc = "jdbc",
    /// What Grafana's plugin reads rightly.
    Grafana = "grafana",
    /// What polars and ODBC have no type for is text.
    Text = "text",
});

words!(
    /// How statements are read.
    #[derive(Default)]
    Dialect, "dialect", {
    /// As this program's README says.
    #[default]
    Squadron = "squadron",
    /// As Spark SQL.
    Spark = "spark",
});
