//! Whoever takes part in a comparison: one way to get a statement's result.

use squadron_server::client::FlightSqlClient;

use crate::Result;
use crate::adbc::{Adbc, Call};
use crate::inside::Inside;
use squadron_benches::Taken;
use squadron_benches::raw::{self, RawReader};

/// One way to get a result, with what it needs.
pub enum Contender<'a> {
    /// Through the stock client, by this operation of client.py.
    Adbc(&'a Adbc, &'static str, Call<'a>),
    /// DataFusion in this process.
    Inside(&'a Inside, &'a str),
    /// Squadron's own client.
    Own(&'a FlightSqlClient, &'a str),
    /// Messages of a kept result, not decoded.
    Raw(&'a RawReader),
}

impl Contender<'_> {
    /// Gets it once.
    pub async fn once(&self) -> Result<Taken> {
        match self {
            Self::Adbc(client, op, call) => client.call(op, call).await,
            Self::Inside(engine, sql) => engine.read(sql).await,
            Self::Own(client, sql) => raw::read(client, sql).await,
            Self::Raw(reader) => reader.again().await,
        }
    }
}
