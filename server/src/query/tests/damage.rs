//! Disks that change what a result has on them.

use std::os::unix::fs::FileExt;

use bytesize::ByteSize;
use tonic::Code;

use super::*;
use crate::config::ResultsSection;

/// Flips a bit in the last byte of every file of frames.
fn flip(folder: &std::path::Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            flip(&path);
        } else if path.extension().is_some_and(|it| it == "frames") {
            let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
            let (last, mut byte) = (file.metadata().unwrap().len() - 1, [0]);
            file.read_exact_at(&mut byte, last).unwrap();
            file.write_all_at(&[byte[0] ^ 1], last).unwrap();
        }
    }
}

#[tokio::test]
async fn no_client_is_given_a_frame_that_changed_on_disk() {
    let on_disk =
        ResultsSection { memory_percent: 0, disk_limit: ByteSize::gib(1), ..Default::default() };
    let cluster = Plan::of(1).results(on_disk).start().await;
    let node = &cluster.nodes[0];
    let endpoints = node.execute("SELECT * FROM generate_series(1, 1000000)", &[]).await.unwrap();
    until(|| node.queries().running() == 0).await;
    let ticket = endpoints[0].ticket.clone().unwrap();
    assert!(node.redeem(ticket.clone()).await.is_ok());
    flip(&cluster.spill_dir());
    assert_eq!(node.redeem(ticket).await.unwrap_err().code(), Code::DataLoss);
    until(|| node.queries().store().usage().leaving == 0).await;
}
