//! Leaving out files by their folders: filters over partition columns alone are answered here, for
//! all files at once, and not again above the scan.

use super::layout::PlacedFile;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{FieldRef, Schema};
use datafusion::catalog::Session;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::datasource::listing::helpers::expr_applicable_for_cols;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use std::sync::Arc;

/// Whether `filter` can be answered from the partition columns alone.
pub(crate) fn is_partition_filter(filter: &Expr, columns: &[FieldRef]) -> bool {
    let names: Vec<_> = columns.iter().map(|column| column.name().as_str()).collect();
    !names.is_empty() && expr_applicable_for_cols(&names, filter) && !asks_elsewhere(filter)
}

/// Subqueries and parameters have no answer while a scan is planned.
fn asks_elsewhere(filter: &Expr) -> bool {
    let mut found = false;
    // The closure never fails, so neither does the walk.
    let _ = filter.apply(|expr| {
        found |= matches!(
            expr,
            Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(_, _)
                | Expr::Placeholder(_)
                | Expr::ScalarVariable(_, _)
        );
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found
}

/// The files for which all `filters` (see [`is_partition_filter`]) are true; NULL is not true.
pub(crate) fn prune(
    files: Vec<PlacedFile>,
    columns: &[FieldRef],
    filters: Vec<Expr>,
    session: &dyn Session,
) -> Result<Vec<PlacedFile>> {
    let Some(filter) = conjunction(filters) else {
        return Ok(files);
    };
    if files.is_empty() {
        return Ok(files);
    }
    let schema = Arc::new(Schema::new(columns.to_vec()));
    let filter = session.create_physical_expr(filter, &DFSchema::try_from(Arc::clone(&schema))?)?;
    let arrays = (0..columns.len())
        .map(|column| ScalarValue::iter_to_array(files.iter().map(|f| f.values[column].clone())))
        .collect::<Result<Vec<_>>>()?;
    let batch = RecordBatch::try_new(schema, arrays)?;
    let answers = filter.evaluate(&batch)?.into_array(files.len())?;
    let answers = answers.as_boolean();
    let kept = files.into_iter().enumerate();
    Ok(kept
        .filter(|(row, _)| answers.is_valid(*row) && answers.value(*row))
        .map(|(_, file)| file)
        .collect())
}
