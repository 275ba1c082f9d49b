//! Disks that are full, and what is on them before a log names it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use squadron_dev::debian::{install, succeeds};
use squadron_dev::faults::Disks;
use squadron_dev::process::squadron;
use squadron_dev::wait::{SOON, wait_for};

use super::*;

/// The data files below a folder, drafts among them.
fn data_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    let below = paths.flat_map(|path| match path.is_dir() {
        true => data_files(&path),
        false => vec![path],
    });
    below.filter(|path| path.to_string_lossy().contains("part-")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_named_and_nothing_is_changed() {
    let disks = match Disks::mount(1) {
        Ok(disks) => disks,
        Err(why) => {
            return eprintln!("SKIPPED a_full_disk_is_named: no disk can be full here: {why}");
        }
    };
    let warehouse = disks.folder(0);
    let options = ProcessOptions::new(2, fixtures::tpch()).arguments(&ARGUMENTS);
    let options = options.warehouse(&warehouse.display().to_string());
    let cluster = ProcessCluster::start_with(options).await.unwrap();
    value(&cluster, 0, "create table t as select * from orders").await;
    let before = data_files(&warehouse);
    disks.fill(0).unwrap();
    for sql in [
        "insert into t select * from orders",
        "update t set o_totalprice = 0",
        "create table u as select * from lineitem",
        "create table u (a int)",
        "delete from t",
    ] {
        let (code, why) = refused(run(&cluster, 1, sql).await);
        assert_eq!(code, Code::ResourceExhausted, "{sql}: {why}");
        assert!(why.contains("no room") && why.contains("free space there"), "{sql}: {why}");
        assert!(!why.contains("--spill-dir"), "{sql}: {why}");
    }
    wait_for("drafts are gone", SOON, || data_files(&warehouse) == before).await;
    let rows = "select concat(count(*), ' ', count(*) filter (where o_totalprice > 0)) from t";
    assert_eq!(value(&cluster, 0, rows).await, "15000 15000");
    disks.empty();
    assert_eq!(value(&cluster, 1, "insert into t select * from orders").await, "15000");
    assert_eq!(value(&cluster, 1, "create table u (a int)").await, "0");
}

/// A node whose calls to the system are written down.
async fn traced(folder: &Path) -> Option<ProcessCluster> {
    let has_strace = || succeeds(std::process::Command::new("strace").arg("-V"));
    let is_there = has_strace() || (install(&["strace"]) && has_strace());
    if !is_there {
        eprintln!("SKIPPED what_a_log_names_is_on_the_disk: there is no strace");
        return None;
    }
    let script = folder.join("traced");
    let calls = folder.join("calls");
    let text = format!(
        "#!/bin/sh\nexec strace -D -f -q -y -s 256 -o {} -e trace=fsync,rename,link,linkat,mkdir {} \"$@\"\n",
        calls.display(),
        squadron().unwrap().display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    let options = ProcessOptions::new(1, fixtures::tpch()).program(&script).arguments(&ARGUMENTS);
    match ProcessCluster::start_with(options).await {
        Ok(cluster) => Some(cluster),
        Err(why) => {
            eprintln!("SKIPPED what_a_log_names_is_on_the_disk: nothing can be traced here: {why}");
            None
        }
    }
}

/// Where the only call of a kind with all of these words in it is among the calls, those before `from` aside.
fn place(calls: &str, from: usize, words: &[&str]) -> usize {
    let found = calls.lines().enumerate().skip(from);
    let mut found = found.filter(|(_, call)| words.iter().all(|words| call.contains(words)));
    let place = found.next().unwrap_or_else(|| panic!("no {words:?} after {from}:\n{calls}"));
    place.0
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_log_names_is_on_the_disk_before_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut cluster) = traced(folder.path()).await else { return };
    value(&cluster, 0, "create table t as select * from region").await;
    let process = cluster.nodes()[0].id().unwrap().to_string();
    let ended = |call: &str| call.starts_with(&process) && call.contains("+++ exited");
    cluster.terminate(0).await.unwrap();
    let calls = || std::fs::read_to_string(folder.path().join("calls")).unwrap();
    wait_for("all calls are written down", SOON, || calls().lines().any(ended)).await;
    let calls = calls();
    // Each in its folder, whose own name is on the disk too, and nothing is named before it is.
    let order: [&[&str]; 12] = [
        &["mkdir(", "/warehouse/tables/"],
        &["fsync(", "/warehouse/tables>"],
        &["fsync(", "part-", ".draft>"],
        &["rename(", "part-", ".parquet\")"],
        &["fsync(", "/warehouse/tables/"],
        &["mkdir(", "/_delta_log\""],
        &["fsync(", "/_delta_log/.draft-"],
        &["link", "/_delta_log/", "00.json"],
        &["fsync(", "/_delta_log>"],
        &["fsync(", "/_catalog/.draft-"],
        &["link", "/_catalog/", "01.json"],
        &["fsync(", "/_catalog>"],
    ];
    order.iter().fold(0, |from, words| place(&calls, from, words) + 1);
}
