//! What tests, benchmarks and `cargo dev` share: real clusters, real processes, and the truth.
//!
//! * [`cluster`] – nodes in this process, through the very `Node::build` that production uses
//! * [`bucket`] – an object store that goes wrong as it is told to
//! * [`cargo`] – cargo, run from a program that cargo runs
//! * [`process`] – nodes as processes of their own, `squadron serve`, to be killed
//! * [`answer`] – a statement's whole answer, read through the real client from all endpoints
//! * [`oracle`] – the same statement on single-node DataFusion, and the comparison of the two
//! * [`authority`] – certificates that tests make for themselves
//! * [`debian`] – packages that tests need of the system
//! * [`faults`] – what breaks under a query, and whether its answer was right or an error
//! * [`fixtures`] – data that is made once and read by all
//! * [`golang`] – the stock clients of Go
//! * [`java`] – the stock driver of Java
//! * [`python`] – an environment with the stock clients of Python
//! * [`report`] – how many tests passed, from what runners print
//! * [`sources`] – this repository, for tests that keep it in order
//! * [`wire`] – calls that no well-behaved client would make
//! * [`wait`] – for a condition, with a deadline

pub mod answer;
pub mod authority;
pub mod bucket;
pub mod cargo;
pub mod cluster;
pub mod debian;
pub mod faults;
pub mod fixtures;
pub mod golang;
pub mod java;
pub mod oracle;
pub mod process;
pub mod python;
pub mod report;
pub mod sources;
pub mod wait;
pub mod wire;

/// What goes wrong in a test or a task, told once, to a person.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A result of [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
