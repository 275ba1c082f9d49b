//! The sort order that all files of a scan share, as far as their metadata tell it.
//!
//! DataFusion checks by the files' bounds that reading them one after the other keeps the order,
//! and forgets it if not.

use datafusion::datasource::listing::PartitionedFile;
use datafusion::physical_expr::LexOrdering;

/// The longest order that every file is in, if there is one.
pub(crate) fn common(files: &[PartitionedFile]) -> Option<LexOrdering> {
    let (first, rest) = files.split_first()?;
    let first = first.ordering.as_ref()?;
    let mut shared = first.len();
    for file in rest {
        let other = file.ordering.as_ref()?;
        let same = first.iter().zip(other.iter()).take_while(|(a, b)| a == b).count();
        shared = shared.min(same);
    }
    LexOrdering::new(first.iter().take(shared).cloned())
}
