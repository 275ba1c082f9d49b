//! Which files, or ranges of files, each task of a scan reads.
//!
//! Problem: datafusion-distributed 4.0 cuts every file into ranges of bytes, also those that cannot be
//! read from their middle (compressed text, text with line breaks in its values, Arrow streams), and it
//! deals the pieces out as they come: where there are fewer than planned (files in an order that must
//! be kept, sizes that do not divide well), tasks get unequal numbers of partitions and it refuses the
//! plan. Official way: none yet. Here: each source is asked by DataFusion's own method how it can be
//! cut, files that cannot are dealt out whole, and every task gets the same number of partitions, empty
//! ones where there is nothing left. Tasks are in no order that the whole was not in, and several of them have more than
//! one partition each of files in an order: what exchanges the rows of one partition would be said to keep it
//! ([`super::whole`]).

use std::cmp::Reverse;
use std::sync::Arc;

use datafusion::catalog::memory::DataSourceExec;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig};
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlanProperties;
use datafusion_distributed::{
    DistributedLeafExec, ScaleUpLeafNodeEvent, ScaleUpLeafNodeEventResponse,
};

/// Spreads a scan of files over tasks; no opinion on other leaves, nor on files whose groups mean
/// something (a partitioning), which datafusion-distributed deals out whole.
pub(crate) fn spread_files(
    event: ScaleUpLeafNodeEvent,
) -> Option<Result<ScaleUpLeafNodeEventResponse>> {
    let source = event.plan.downcast_ref::<DataSourceExec>()?.data_source();
    let scan = source.downcast_ref::<FileScanConfig>()?;
    if scan.output_partitioning.is_some() {
        return None;
    }
    let partitions = event.plan.output_partitioning().partition_count();
    let in_order = event.plan.output_ordering().is_some();
    let least = if in_order && event.task_count > 1 { 2 } else { 1 };
    let spread = groups(scan, partitions, event.task_count).and_then(|groups| {
        let tasks = deal(groups, event.task_count, least).into_iter().map(|groups| {
            let mut scan = scan.clone();
            scan.file_groups = groups;
            if !in_order {
                scan.output_ordering.clear();
            }
            DataSourceExec::from_data_source(scan) as _
        });
        let leaf = DistributedLeafExec::try_new(Arc::clone(event.plan), tasks)?;
        Ok(ScaleUpLeafNodeEventResponse::new(Arc::new(leaf)))
    });
    Some(spread)
}

/// The partitions of all tasks together, at most `partitions` for each.
fn groups(scan: &FileScanConfig, partitions: usize, tasks: usize) -> Result<Vec<FileGroup>> {
    let ordering = scan.output_ordering.first().cloned();
    let ordered = ordering.is_some();
    if tasks == 1 {
        return Ok(scan.file_groups.clone());
    }
    let wanted = partitions * tasks;
    let cut = scan.file_source().repartitioned(wanted, 0, ordering, scan)?;
    Ok(match (cut, ordered) {
        (Some(cut), _) => cut.file_groups,
        (None, true) => in_order(&scan.file_groups, tasks),
        (None, false) => by_size(&scan.file_groups, wanted),
    })
}

/// Each group in as many pieces as there are tasks, its files one after the other as before.
fn in_order(groups: &[FileGroup], tasks: usize) -> Vec<FileGroup> {
    let pieces = |group: &FileGroup| {
        let length = group.len().div_ceil(tasks).max(1);
        group.files().chunks(length).map(<[_]>::to_vec).map(FileGroup::new).collect::<Vec<_>>()
    };
    groups.iter().flat_map(pieces).collect()
}

/// Whole files, the largest first, each to the group that has least to read.
fn by_size(groups: &[FileGroup], wanted: usize) -> Vec<FileGroup> {
    let mut files: Vec<_> = groups.iter().flat_map(FileGroup::iter).cloned().collect();
    files.sort_by_key(|file| Reverse(file.effective_size()));
    let mut dealt = vec![(0, Vec::new()); wanted.min(files.len())];
    for file in files {
        if let Some((size, group)) = dealt.iter_mut().min_by_key(|(size, _)| *size) {
            *size += file.effective_size();
            group.push(file);
        }
    }
    dealt.into_iter().map(|(_, files)| FileGroup::new(files)).collect()
}

/// The same number of groups for every task, and no fewer than `least`.
fn deal(groups: Vec<FileGroup>, tasks: usize, least: usize) -> Vec<Vec<FileGroup>> {
    let each = groups.len().div_ceil(tasks).max(least);
    let empty = std::iter::repeat_with(|| FileGroup::new(Vec::new()));
    let mut dealt = vec![Vec::with_capacity(each); tasks];
    for (index, group) in groups.into_iter().chain(empty).take(each * tasks).enumerate() {
        dealt[index % tasks].push(group);
    }
    dealt
}

#[cfg(test)]
mod tests {
    use datafusion::datasource::listing::PartitionedFile;

    use super::*;

    fn group(sizes: &[u64]) -> FileGroup {
        let file = |size: &u64| PartitionedFile::new(format!("{size}"), *size);
        FileGroup::new(sizes.iter().map(file).collect())
    }

    fn sizes(groups: &[FileGroup]) -> Vec<Vec<u64>> {
        let of = |group: &FileGroup| group.iter().map(PartitionedFile::effective_size).collect();
        groups.iter().map(of).collect()
    }

    #[test]
    fn whole_files_are_dealt_out_evenly() {
        let groups = by_size(&[group(&[1, 9]), group(&[5, 4])], 3);
        assert_eq!(sizes(&groups), [vec![9], vec![5], vec![4, 1]]);
        assert_eq!(by_size(&[group(&[7])], 6).len(), 1);
    }

    #[test]
    fn files_in_an_order_stay_in_it() {
        let groups = in_order(&[group(&[1, 2, 3, 4, 5]), group(&[6])], 2);
        assert_eq!(sizes(&groups), [vec![1, 2, 3], vec![4, 5], vec![6]]);
    }

    #[test]
    fn every_task_has_as_many_partitions() {
        for count in 0..9 {
            let groups = (0..count).map(|size| group(&[size])).collect::<Vec<_>>();
            let dealt = deal(groups, 3, 2);
            let each = dealt[0].len();
            assert!(each > 1 && dealt.iter().all(|groups| groups.len() == each));
            let files: usize = dealt.iter().flatten().map(FileGroup::len).sum();
            assert_eq!(files, count as usize);
        }
    }
}
