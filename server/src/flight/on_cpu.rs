//! A service whose calls run on the CPU runtime.
//!
//! A worker's calls decode plans and start operators, which spawn their tasks on whatever runtime
//! they are called from. Called from there, all of it stays off the runtime that serves sockets; the
//! streams they answer with are channels and may be read anywhere.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Request, Response};
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::server::NamedService;
use tonic::{Code, Status};

use crate::cpu::CpuRuntime;

/// Runs each call of `S` on the CPU runtime.
#[derive(Debug, Clone)]
pub struct OnCpu<S> {
    inner: S,
    cpu: Arc<CpuRuntime>,
}

impl<S> OnCpu<S> {
    /// Calls to `inner` will run on `cpu`.
    pub fn new(inner: S, cpu: Arc<CpuRuntime>) -> Self {
        Self { inner, cpu }
    }
}

impl<S: NamedService> NamedService for OnCpu<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for OnCpu<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let call = self.inner.call(request);
        let task = self.cpu.spawn(call);
        Box::pin(async move {
            match task.await {
                Ok(response) => response,
                Err(error) => Ok(Status::new(Code::Internal, error.to_string()).into_http()),
            }
        })
    }
}
