//! The Arrow Flight SQL JDBC driver and the program that checks a server through it (`dev/java`), compiled and run
//! without a build tool; all that is fetched or made stays below the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::Result;
use crate::debian::{install, succeeds};
use crate::fixtures::target;
use crate::sources::top;

/// The versions of the driver to check with: the first one's own limits are known.
pub const DRIVERS: [&str; 2] = ["18.3.0", "19.0.0"];

/// A JDK of 17 or newer, and Maven, which fetches the driver; in Debian's packages.
const PACKAGES: [&str; 2] = ["default-jdk-headless", "maven"];

/// Looks for a JDK and Maven, and installs them where that may be done.
///
/// # Errors
/// When they cannot be had.
pub fn toolchain() -> Result<()> {
    let has = |program: &str| succeeds(Command::new(program).arg("-version"));
    let complete = || has("java") && has("javac") && has("mvn");
    match complete() || (install(&PACKAGES) && complete()) {
        true => Ok(()),
        false => Err(format!("Debian: apt-get install {}", PACKAGES.join(" ")).into()),
    }
}

/// The checks, compiled.
pub struct Checks {
    classes: PathBuf,
}

impl Checks {
    /// Compiles them.
    ///
    /// # Errors
    /// When they do not compile.
    pub fn compile() -> Result<Self> {
        let classes = target().join("java/classes");
        let _ = fs::remove_dir_all(&classes);
        let mut javac = Command::new("javac");
        javac
            .args(["--release", "17", "-Xlint:all", "-Werror", "-d"])
            .arg(&classes)
            .args(sources()?);
        run(&mut javac, "dev/java does not compile")?;
        Ok(Self { classes })
    }

    /// The program with this driver, without arguments.
    pub fn program(&self, driver: &Path) -> Command {
        let mut java = Command::new("java");
        // What the driver's buffers are made of is not open to it otherwise.
        java.arg("--add-opens=java.base/java.nio=ALL-UNNAMED").args(["-Xmx1g", "-XX:+UseSerialGC"]);
        let path = format!("{}:{}", self.classes.display(), driver.display());
        java.args(["-cp", &path]);
        java
    }
}

fn sources() -> Result<Vec<PathBuf>> {
    let files = fs::read_dir(top().join("dev/java/jdbc"))?;
    Ok(files.map(|file| file.map(|it| it.path())).collect::<Result<_, _>>()?)
}

/// The jar of the driver of this version.
///
/// # Errors
/// When it cannot be had.
pub fn driver(version: &str) -> Result<PathBuf> {
    let repository = target().join("java/maven");
    let jar = repository.join(format!(
        "org/apache/arrow/flight-sql-jdbc-driver/{version}/flight-sql-jdbc-driver-{version}.jar"
    ));
    if !jar.is_file() {
        let artifact = format!("-Dartifact=org.apache.arrow:flight-sql-jdbc-driver:{version}");
        let mut maven = Command::new("mvn");
        maven.args(["-q", "-B", "dependency:get", "-Dtransitive=false", &artifact]);
        maven.arg(format!("-Dmaven.repo.local={}", repository.display()));
        run(&mut maven, "it cannot be had")?;
    }
    Ok(jar)
}

fn run(command: &mut Command, failure: &str) -> Result<()> {
    let output = command.output().map_err(|error| format!("{failure}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{failure}: {}", said(&output)).into()),
    }
}

/// What is wrong, without the advice that Maven gives after it.
fn said(output: &Output) -> String {
    let all = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it).into_owned());
    let lines = all.iter().flat_map(|said| said.lines());
    let lines: Vec<&str> = lines.take_while(|line| line.trim() != "[ERROR]").collect();
    lines.join("\n")
}
