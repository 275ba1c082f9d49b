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

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use std::thread;
    use tokio::sync::oneshot;
    use tower::{ServiceExt, service_fn};

    fn on_cpu<S>(inner: S) -> OnCpu<S> {
        OnCpu::new(inner, Arc::new(CpuRuntime::new(1).unwrap()))
    }

    fn request() -> Request<Body> {
        Request::new(Body::empty())
    }

    #[tokio::test]
    async fn a_call_runs_on_the_cpu_runtime() {
        let (sender, ran_on) = oneshot::channel();
        let mut sender = Some(sender);
        let service = on_cpu(service_fn(move |_| {
            let sender = sender.take();
            async move {
                let _ = sender.unwrap().send(thread::current().name().map(str::to_owned));
                Ok(Response::new(Body::empty()))
            }
        }));
        service.oneshot(request()).await.unwrap();
        assert_eq!(ran_on.await.unwrap().as_deref(), Some("squadron-cpu"));
    }

    #[tokio::test]
    async fn a_call_that_panics_is_an_internal_error() {
        let service = on_cpu(service_fn(|_| async { panic!("a bug") }));
        let response = service.oneshot(request()).await.unwrap();
        let status = Status::from_header_map(response.headers()).unwrap();
        assert_eq!(status.code(), Code::Internal);
    }

    #[tokio::test]
    async fn a_dropped_call_ends_what_it_started() {
        let (sender, gone) = oneshot::channel::<()>();
        let mut sender = Some(sender);
        let mut service = on_cpu(service_fn(move |_| {
            let held = sender.take();
            async move {
                pending::<()>().await;
                drop(held);
                Ok(Response::new(Body::empty()))
            }
        }));
        drop(service.call(request()));
        gone.await.unwrap_err();
    }

    #[tokio::test]
    async fn an_answer_comes_back() {
        let service = on_cpu(service_fn(|_| ready(Ok(Response::new(Body::empty())))));
        assert_eq!(service.oneshot(request()).await.unwrap().status(), 200);
    }
}
