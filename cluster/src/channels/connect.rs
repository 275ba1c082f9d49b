//! How a channel gets its byte stream: TCP, or whatever a test puts in its place (an in-process pipe,
//! a proxy that cuts and stalls).

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tower::Service;

use crate::address::Address;
use crate::records::Records;

/// A byte stream in both directions.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// Any byte stream.
pub type BoxedIo = Box<dyn Io>;

/// Makes byte streams to internal addresses.
pub trait Connect: Send + Sync {
    /// Connects to the node at this address.
    fn connect(&self, address: Address) -> BoxFuture<'static, std::io::Result<BoxedIo>>;
}

/// Where the byte streams of channels come from.
#[derive(Clone, Default)]
pub enum Connector {
    /// TCP, with names resolved by the operating system.
    #[default]
    Tcp,
    /// Something else.
    Custom(Arc<dyn Connect>),
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "Tcp",
            Self::Custom(_) => "Custom",
        })
    }
}

/// TCP to one address, in records, with nothing that waits for more to send.
pub(super) fn tcp(
    address: &Address,
) -> impl Service<
    Uri,
    Response = TokioIo<Records<TcpStream>>,
    Error = std::io::Error,
    Future = BoxFuture<'static, std::io::Result<TokioIo<Records<TcpStream>>>>,
> + Send
+ 'static {
    let address = address.to_string();
    tower::service_fn(move |_: Uri| -> BoxFuture<'static, _> {
        let address = address.clone();
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(TokioIo::new(Records::dialled(stream)))
        })
    })
}

/// The connector as tonic wants it, for one address.
pub(super) fn service(
    address: &Address,
    connect: &Arc<dyn Connect>,
) -> impl Service<
    Uri,
    Response = TokioIo<BoxedIo>,
    Error = std::io::Error,
    Future = BoxFuture<'static, std::io::Result<TokioIo<BoxedIo>>>,
> + Send
+ 'static {
    let (address, connect) = (address.clone(), Arc::clone(connect));
    tower::service_fn(move |_: Uri| -> BoxFuture<'static, _> {
        let stream = connect.connect(address.clone());
        Box::pin(async move { stream.await.map(TokioIo::new) })
    })
}
