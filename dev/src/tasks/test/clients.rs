//! Stock clients that are not of Python, against processes of each kind: one node and three, with TLS and without,
//! with users and without.

use std::path::{Path, PathBuf};
use std::process::Command;

use squadron_dev::golang::Tests;
use squadron_dev::java::{self, Checks};
use squadron_dev::process::{ProcessCluster, ProcessOptions};
use squadron_dev::report::{Count, count};
use squadron_dev::sources::top;
use squadron_dev::{Result, fixtures, python};
use tempfile::TempDir;

use super::judged;
use crate::tasks::command::{run as run_command, watch};

const USER: &str = "alice";
const PASSWORD: &str = "s3cret:ü";

/// Those of `dev/java` that ask whether a client comes in, and gets every row.
const CORE: [&str; 5] = ["connect", "metadata", "parameters", "endpoints", "credentials"];

/// A cluster to be.
#[derive(Clone, Copy)]
struct Kind {
    nodes: usize,
    tls: bool,
    users: bool,
}

impl Kind {
    /// All of them.
    fn all() -> impl Iterator<Item = Self> {
        let kinds = [(false, false), (true, false), (false, true), (true, true)];
        let of = move |nodes| kinds.map(|(tls, users)| Self { nodes, tls, users });
        [1, 3].into_iter().flat_map(of)
    }

    fn is_plain(self) -> bool {
        !self.tls && !self.users
    }

    fn name(self) -> String {
        let nodes = if self.nodes == 1 { "one node" } else { "three nodes" };
        let tls = if self.tls { ", TLS" } else { "" };
        format!("{nodes}{tls}{}", if self.users { ", users" } else { "" })
    }
}

/// Nodes that run, and what a client is told of them.
struct Server {
    kind: Kind,
    cluster: ProcessCluster,
    token: String,
    truth: PathBuf,
}

/// Runs them all; gives how many checks passed, and what could not be had.
pub fn run(squadron: &Path) -> Result<(Count, Vec<String>)> {
    let (clients, missing) = Clients::here()?;
    let odd = odd_tables()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let mut all = Count::default();
    for kind in Kind::all() {
        let server = runtime.block_on(Server::start(kind, squadron, odd.path()))?;
        println!("\nclients of {}", kind.name());
        for mut client in server.java(&clients).into_iter().chain(server.go(&clients)) {
            let (lines, succeeded) = watch(&mut client)?;
            all += judged(count(&lines), succeeded);
        }
    }
    Ok((all, missing))
}

/// What there is on this machine.
struct Clients {
    java: Option<Checks>,
    drivers: Vec<PathBuf>,
    go: Option<Tests>,
}

impl Clients {
    /// And what there is not.
    fn here() -> Result<(Self, Vec<String>)> {
        let mut missing = Vec::new();
        let mut note = |name: &str, why: squadron_dev::Error| {
            println!("\nSKIPPED {name}: {why}");
            missing.push(name.to_owned());
        };
        let jdk =
            java::toolchain().map_err(|why| note("JDBC, without a JDK and Maven", why)).is_ok();
        let java = if jdk { Some(Checks::compile()?) } else { None };
        let mut drivers = Vec::new();
        for version in java::DRIVERS.into_iter().filter(|_| jdk) {
            match java::driver(version) {
                Ok(jar) => drivers.push(jar),
                Err(why) => note(&format!("Arrow Flight SQL JDBC driver {version}"), why),
            }
        }
        let go = Tests::find().map_err(|why| note("Go's clients", why)).ok();
        Ok((Self { java, drivers, go }, missing))
    }
}

/// A folder of tables of all types and of awkward names, and of another engine's answers.
fn odd_tables() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let mut script = Command::new(python::environment()?);
    script.arg(top().join("dev/python/odd_tables.py")).arg(fixtures::tpch()).arg(folder.path());
    run_command(&mut script)?;
    Ok(folder)
}

impl Server {
    async fn start(kind: Kind, squadron: &Path, odd: &Path) -> Result<Self> {
        let tables = odd.join("tables").display().to_string();
        let mut arguments = vec!["--data", &tables, "--memory-limit", "1GiB"];
        // A test that sees a cancelled query end need not wait for long.
        arguments.extend(["--reader-grace", "1s", "--result-disk-limit", "2GiB"]);
        let users = [(USER, PASSWORD)];
        let options = ProcessOptions::new(kind.nodes, fixtures::tpch()).program(squadron);
        let options = options.arguments(&arguments).tls(kind.tls);
        let options = if kind.users { options.users(&users) } else { options };
        let cluster = ProcessCluster::start_with(options).await?;
        let token = token(squadron, &cluster.secret())?;
        Ok(Self { kind, cluster, token, truth: odd.join("truth") })
    }

    /// Every driver where all can come; else the first one, whether it comes in.
    fn java(&self, clients: &Clients) -> Vec<Command> {
        let Some(checks) = &clients.java else { return Vec::new() };
        let plain = self.kind.is_plain();
        let drivers = clients.drivers.iter().take(if plain { usize::MAX } else { 1 });
        let mut programs: Vec<Command> = drivers
            .map(|driver| {
                let mut program = self.java_program(checks, driver, "UTC");
                program.args(CORE.iter().filter(|_| !plain));
                program
            })
            .collect();
        if let (true, 1, Some(driver)) = (plain, self.kind.nodes, clients.drivers.first()) {
            let mut far = self.java_program(checks, driver, "America/New_York");
            far.args(["values", "moments"]);
            programs.push(far);
        }
        programs
    }

    fn java_program(&self, checks: &Checks, driver: &Path, zone: &str) -> Command {
        let uri = &self.cluster.nodes()[0].uri;
        let address = uri.split_once("://").map_or(uri.as_str(), |(_, address)| address);
        let encryption = match self.cluster.authority() {
            Some(file) => format!("useEncryption=true&tlsRootCerts={}", file.display()),
            None => "useEncryption=false".into(),
        };
        let mut program = checks.program(driver);
        program.arg(format!("-Duser.timezone={zone}")).arg("jdbc.Jdbc");
        program.arg(format!("jdbc:arrow-flight-sql://{address}/?{encryption}"));
        program.args(["--nodes", &self.kind.nodes.to_string()]).arg("--truth").arg(&self.truth);
        let processes = self.cluster.nodes().iter().filter_map(|node| node.id());
        let processes: Vec<String> = processes.map(|id| id.to_string()).collect();
        program.args(["--processes", &processes.join(",")]);
        if self.kind.users {
            program.args(["--user", USER, "--password", PASSWORD, "--token", &self.token]);
        }
        program
    }

    fn go(&self, clients: &Clients) -> Option<Command> {
        let mut tests = clients.go.as_ref()?.program();
        let uris: Vec<&str> = self.cluster.nodes().iter().map(|node| node.uri.as_str()).collect();
        tests.env("SQUADRON_URIS", uris.join(",")).env("SQUADRON_TRUTH", &self.truth);
        if let Some(file) = self.cluster.authority() {
            tests.env("SQUADRON_AUTHORITY", file);
        }
        if self.kind.users {
            tests.env("SQUADRON_USER", USER).env("SQUADRON_PASSWORD", PASSWORD);
            tests.env("SQUADRON_TOKEN", &self.token);
        }
        Some(tests)
    }
}

/// A token of the user, as the program makes it.
fn token(squadron: &Path, secret: &Path) -> Result<String> {
    let mut program = Command::new(squadron);
    let output = program.args(["token", USER, "--cluster-secret-file"]).arg(secret).output()?;
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout)?.trim().to_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into()),
    }
}
