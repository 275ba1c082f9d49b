//! Sockets without DataFusion: who is in the cluster, who is near, how to reach them, and how a node
//! proves that it belongs. Nothing here knows queries, plans or Arrow.
//!
//! The map, in the order a node meets it:
//!
//! * [`config`]: this crate's section of the configuration;
//! * [`secret`]: the cluster secret, and the token that proves it on the internal port;
//! * [`address`], [`member`]: who a node is and where it is reached;
//! * [`membership`]: the trait, and the immutable [`Members`] on a watch channel;
//!   [`membership::fixed`] is the static list with liveness by greetings;
//! * [`nearness`]: a pure function, nearest member first;
//! * [`channels`]: one lazy connection per member;
//! * [`records`]: bytes between nodes with checksums;
//! * [`serve`]: accepted sockets as the cluster wants them, with [`tls`] on them or without;
//! * [`watched`]: files that are read again when they change.

pub mod address;
pub mod channels;
pub mod config;
pub mod error;
pub mod member;
pub mod membership;
pub mod nearness;
pub mod records;
pub mod secret;
pub mod serve;
pub mod tls;
pub mod watched;

pub use address::Address;
pub use channels::Channels;
pub use config::Config;
pub use error::{Error, Result};
pub use member::{Member, Roles};
pub use membership::{Members, Membership};
pub use secret::{CallTokens, ClusterSecret};
