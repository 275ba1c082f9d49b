//! What becomes of two types that meet.
//!
//! Problem, in DataFusion 55:
//! * A decimal and a floating-point number meet as DECIMAL(30, 15), in comparisons, `coalesce`, CASE and UNION: 1e-17
//!   is 0 there, and 1e20 an error. SQL's answer (PostgreSQL, Spark, DuckDB) is DOUBLE. Here: the decimal is cast to
//!   that first. Not where the other is a constant that has the same value as a decimal: `price < 0.07` is exact as it
//!   is, and rows of files are skipped by it.
//! * INTERSECT and EXCEPT give their columns the types of the first query: of integers and floating-point numbers that
//!   are equal, two may be one. Here: both sides get the type that UNION gives.
//! * Where three branches of UNION ALL have a column of several types, filters find the columns of a branch by the names
//!   of the whole: of a join of tables with columns of one name, those of the first. Here: branches have columns of
//!   the names that the whole has.
//! * Times of day in two units do not meet in BETWEEN at all. Here: as nanoseconds.
//!
//! Official way: none.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, JoinType, NullEquality, Result, ScalarValue};
use datafusion::logical_expr::expr::{Case, InList, InSubquery, SetComparison};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::type_coercion::binary::type_union_coercion;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Between, BinaryExpr, Cast, Distinct, Expr, ExprSchemable, Join, LogicalPlan,
    LogicalPlanBuilder, Subquery, TryCast, Union, build_join_schema, cast,
};

mod far;

/// The same plan, before types are matched.
pub(crate) fn types_met(plan: LogicalPlan) -> Result<LogicalPlan> {
    let met = plan.transform_up_with_subqueries(|node| {
        let node = match node {
            LogicalPlan::Union(union) => branches(union)?,
            LogicalPlan::Join(join) => match is_set_operation(&join) {
                true => Transformed::yes(LogicalPlan::Join(sides(join)?)),
                false => Transformed::yes(LogicalPlan::Join(keys(join))),
            },
            other => Transformed::no(other),
        };
        node.transform_data(expressions)
    });
    met.map(|met| met.data)
}

fn expressions(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let schema = match &node {
        LogicalPlan::TableScan(scan) => scan.projected_schema.as_ref().clone(),
        node => merge_schema(&node.inputs()),
    };
    let names = NamePreserver::new(&node);
    let met = node.map_expressions(|expr| {
        let name = names.save(&expr);
        let met = expr.transform_up(|expr| {
            Ok(met(&expr, &schema).map_or_else(|| Transformed::no(expr), Transformed::yes))
        })?;
        Ok(met.update_data(|expr| name.restore(expr)))
    })?;
    match met.transformed {
        true => met.map_data(LogicalPlan::recompute_schema),
        false => Ok(met),
    }
}

/// Functions whose arguments become of one type.
const OF_ONE_TYPE: [&str; 5] = ["coalesce", "greatest", "least", "nullif", "nvl"];

fn met(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() => {
            let [left, right] = together([left, right], schema)?;
            Some(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), *op, Box::new(right))))
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let [expr, low, high] = together([expr, low, high], schema)?.map(Box::new);
            Some(Expr::Between(Between { expr, negated: *negated, low, high }))
        }
        Expr::InList(InList { expr, list, negated }) => {
            let all = std::iter::once(expr.as_ref()).chain(list);
            let mut all = doubles(&all.collect::<Vec<_>>(), schema)?;
            let expr = Box::new(all.remove(0));
            Some(Expr::InList(InList { expr, list: all, negated: *negated }))
        }
        Expr::ScalarFunction(call) if OF_ONE_TYPE.contains(&call.func.name()) => {
            let args = doubles(&call.args.iter().collect::<Vec<_>>(), schema)?;
            Some(call.func.call(args))
        }
        Expr::Case(case) => of_case(case, schema),
        Expr::Cast(cast) => far::instant(cast),
        Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
            let (expr, subquery) = within(expr, subquery, schema)?;
            Some(Expr::InSubquery(InSubquery { expr, subquery, negated: *negated }))
        }
        Expr::SetComparison(of) => {
            let (expr, subquery) = within(&of.expr, &of.subquery, schema)?;
            Some(Expr::SetComparison(SetComparison { expr, subquery, ..of.clone() }))
        }
        _ => None,
    }
}

fn together<const N: usize>(exprs: [&Expr; N], schema: &DFSchema) -> Option<[Expr; N]> {
    <[Expr; N]>::try_from(doubles(&exprs, schema)?).ok()
}

/// The same with decimals cast, if there is a floating-point number among them.
fn doubles(exprs: &[&Expr], schema: &DFSchema) -> Option<Vec<Expr>> {
    let types = exprs.iter().map(|expr| expr.get_type(schema).ok());
    let types = types.collect::<Option<Vec<_>>>()?;
    let mut of = exprs.iter().zip(&types);
    let is_met = of.any(|(expr, of)| of.is_floating() && !is_exact(expr));
    if !is_met || !types.iter().any(DataType::is_decimal) {
        return times(exprs, &types).or_else(|| far::met(exprs, &types));
    }
    let each = exprs.iter().zip(&types).map(|(expr, of)| double((*expr).clone(), of));
    Some(each.collect())
}

/// The same as nanoseconds, if they are times of day in different units.
fn times(exprs: &[&Expr], types: &[DataType]) -> Option<Vec<Expr>> {
    let is_time = |of: &&DataType| matches!(of, DataType::Time32(_) | DataType::Time64(_));
    let mut units = types.iter().filter(is_time);
    let first = units.next()?;
    if units.all(|unit| unit == first) {
        return None;
    }
    let each = exprs.iter().zip(types).map(|(expr, of)| match is_time(&of) {
        true => cast((*expr).clone(), DataType::Time64(TimeUnit::Nanosecond)),
        false => (*expr).clone(),
    });
    Some(each.collect())
}

fn double(expr: Expr, of: &DataType) -> Expr {
    if of.is_decimal() { cast(expr, DataType::Float64) } else { expr }
}

/// Whether a floating-point number is a constant that has no more digits than DataFusion looks at.
fn is_exact(expr: &Expr) -> bool {
    const DIGITS: usize = 15;
    let Some(value) = constant(expr) else { return false };
    let value = match value.cast_to(&DataType::Float64) {
        Ok(ScalarValue::Float64(Some(value))) => value,
        Ok(ScalarValue::Float64(None)) => return true,
        _ => return false,
    };
    // As short as it can be to be read as that number again, and without an exponent.
    let text = value.abs().to_string();
    let (whole, behind) = text.split_once('.').unwrap_or((&text, ""));
    value.is_finite() && whole.len() <= DIGITS && behind.len() <= DIGITS
}

fn constant(expr: &Expr) -> Option<ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::Negative(of) => constant(of)?.arithmetic_negate().ok(),
        Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) => {
            constant(expr)?.cast_to(field.data_type()).ok()
        }
        _ => None,
    }
}

/// What CASE compares, and what it gives.
fn of_case(case: &Case, schema: &DFSchema) -> Option<Expr> {
    let (whens, thens): (Vec<_>, Vec<_>) =
        case.when_then_expr.iter().map(|(when, then)| (when.as_ref(), then.as_ref())).unzip();
    let compared: Vec<_> = case.expr.iter().map(AsRef::as_ref).chain(whens.clone()).collect();
    let given: Vec<_> = thens.iter().copied().chain(case.else_expr.as_deref()).collect();
    let compared_met = case.expr.as_ref().and_then(|_| doubles(&compared, schema));
    let given_met = doubles(&given, schema);
    if compared_met.is_none() && given_met.is_none() {
        return None;
    }
    let cloned = |exprs: Vec<&Expr>| exprs.into_iter().cloned().collect::<Vec<_>>();
    let mut compared = compared_met.unwrap_or_else(|| cloned(compared)).into_iter();
    let mut given = given_met.unwrap_or_else(|| cloned(given)).into_iter();
    let expr = case.expr.as_ref().and_then(|_| compared.next()).map(Box::new);
    let pairs = compared.zip(given.by_ref());
    let when_then_expr = pairs.map(|(when, then)| (Box::new(when), Box::new(then))).collect();
    let else_expr = given.next().map(Box::new);
    Some(Expr::Case(Case { expr, when_then_expr, else_expr }))
}

fn within(expr: &Expr, subquery: &Subquery, schema: &DFSchema) -> Option<(Box<Expr>, Subquery)> {
    let of = expr.get_type(schema).ok()?;
    let rows = subquery.subquery.as_ref();
    let member = rows.schema().fields().first()?.data_type().clone();
    if !(of.is_floating() && member.is_decimal() || of.is_decimal() && member.is_floating()) {
        return None;
    }
    let expr = Box::new(double(expr.clone(), &of));
    let to = member.is_decimal().then_some(DataType::Float64);
    let rows = casted(rows.clone(), &[to]).ok()?;
    Some((expr, subquery.with_plan(Arc::new(rows))))
}

/// Some of the columns as other types, by their positions.
fn casted(rows: LogicalPlan, to: &[Option<DataType>]) -> Result<LogicalPlan> {
    let schema = Arc::clone(rows.schema());
    let columns = schema.iter().enumerate().map(|(at, (relation, field))| {
        let column = Expr::Column(Column::new(relation.cloned(), field.name()));
        match to.get(at) {
            Some(Some(to)) => {
                cast(column, to.clone()).alias_qualified(relation.cloned(), field.name())
            }
            _ => column,
        }
    });
    LogicalPlanBuilder::from(rows).project(columns)?.build()
}

/// Columns of branches that are decimals in one and floating-point numbers in another.
fn branches(union: Union) -> Result<Transformed<LogicalPlan>> {
    let of = |at: usize, is_it: fn(&DataType) -> bool| {
        union.inputs.iter().any(|input| is_it(input.schema().field(at).data_type()))
    };
    let columns = 0..union.schema.fields().len();
    let met: Vec<bool> =
        columns.map(|at| of(at, DataType::is_floating) && of(at, DataType::is_decimal)).collect();
    if !met.contains(&true) {
        return named(union);
    }
    let inputs = union.inputs.iter().map(|input| {
        let fields = input.schema().fields().iter().zip(&met);
        let to = fields
            .map(|(of, met)| (*met && of.data_type().is_decimal()).then_some(DataType::Float64));
        casted(input.as_ref().clone(), &to.collect::<Vec<_>>()).map(Arc::new)
    });
    let inputs = inputs.collect::<Result<Vec<_>>>()?;
    let union = Union::try_new_with_loose_types(inputs)?;
    named(union).map(|named| Transformed::yes(named.data))
}

/// Columns of each branch by the names that those of the whole have.
fn named(union: Union) -> Result<Transformed<LogicalPlan>> {
    let names: Vec<_> = union.schema.columns();
    let inputs = union.inputs.iter().map(|input| {
        let columns = input.schema().columns();
        if columns == names {
            return Ok(Transformed::no(Arc::clone(input)));
        }
        let columns = columns.into_iter().zip(&names).map(|(column, name)| {
            Expr::Column(column).alias_qualified(name.relation.clone(), &name.name)
        });
        let named = LogicalPlanBuilder::from(input.as_ref().clone()).project(columns)?.build()?;
        Ok(Transformed::yes(Arc::new(named)))
    });
    let inputs = inputs.collect::<Result<Vec<_>>>()?;
    let is_named = inputs.iter().any(|input| input.transformed);
    let inputs = inputs.into_iter().map(|input| input.data).collect();
    let union = LogicalPlan::Union(Union { inputs, ..union });
    Ok(if is_named { Transformed::yes(union) } else { Transformed::no(union) })
}

/// Whether a join is what INTERSECT or EXCEPT is planned as: nothing else takes NULL for NULL yet.
fn is_set_operation(join: &Join) -> bool {
    let is_of_rows = matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti);
    is_of_rows && join.null_equality == NullEquality::NullEqualsNull && join.filter.is_none()
}

/// Both sides with columns of the same types; the left one before it is without duplicates.
fn sides(join: Join) -> Result<Join> {
    let [left, right] = [&join.left, &join.right].map(|side| side.schema().fields());
    let common = left.iter().zip(right).map(|(left, right)| {
        let (left, right) = (left.data_type(), right.data_type());
        match left.is_floating() && right.is_decimal() || left.is_decimal() && right.is_floating() {
            true => Some(DataType::Float64),
            false if left != right => type_union_coercion(left, right),
            false => None,
        }
    });
    let common: Vec<_> = common.collect();
    if common.iter().all(Option::is_none) {
        return Ok(join);
    }
    let left = match join.left.as_ref() {
        LogicalPlan::Distinct(Distinct::All(rows)) => {
            let rows = casted(rows.as_ref().clone(), &common)?;
            LogicalPlan::Distinct(Distinct::All(Arc::new(rows)))
        }
        rows => casted(rows.clone(), &common)?,
    };
    let right = casted(join.right.as_ref().clone(), &common)?;
    let schema = build_join_schema(left.schema(), right.schema(), &join.join_type)?;
    let (left, right) = (Arc::new(left), Arc::new(right));
    Ok(Join { left, right, schema: Arc::new(schema), ..join })
}

/// Both sides of the equalities that a join is by.
fn keys(mut join: Join) -> Join {
    for (left, right) in &mut join.on {
        let of_left = left.get_type(join.left.schema()).ok();
        let of_right = right.get_type(join.right.schema()).ok();
        let (Some(of_left), Some(of_right)) = (of_left, of_right) else { continue };
        if of_left.is_floating() && of_right.is_decimal() {
            *right = double(right.clone(), &of_right);
        }
        if of_right.is_floating() && of_left.is_decimal() {
            *left = double(left.clone(), &of_left);
        }
    }
    join
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;
    use datafusion::prelude::SessionContext;

    use super::*;

    /// The values of the first column, or what is told.
    pub(super) async fn tried(sql: &str) -> Result<String> {
        let context = SessionContext::new();
        let plan = types_met(context.state().create_logical_plan(sql).await?)?;
        let batches = context.execute_logical_plan(plan).await?.collect().await?;
        let values = batches.iter().flat_map(|batch| {
            let rows = 0..batch.num_rows();
            rows.map(|row| array_value_to_string(batch.column(0), row).unwrap())
        });
        Ok(values.collect::<Vec<_>>().join(" "))
    }

    async fn answer(sql: &str) -> String {
        tried(sql).await.unwrap()
    }

    #[tokio::test]
    async fn a_decimal_beside_a_floating_point_number_is_one() {
        let rows = "(SELECT i, x::DOUBLE AS x, arrow_cast(m, 'Decimal128(10, 2)') AS m FROM (VALUES (1, 1e-17, 0.00), (2, 1e20, 7.25), (3, 7.25, 7.25), (4, 'nan'::DOUBLE, 1.00)) AS t(i, x, m))";
        for (sql, expected) in [
            ("SELECT i FROM {} WHERE x > m ORDER BY i", "1 2 4"),
            ("SELECT i FROM {} WHERE x = m ORDER BY i", "3"),
            ("SELECT i FROM {} WHERE m BETWEEN x AND 8 ORDER BY i", "3"),
            ("SELECT i FROM {} WHERE x IN (m, 1e20) ORDER BY i", "2 3"),
            ("SELECT i FROM {} WHERE m < 1e-17 ORDER BY i", "1"),
            ("SELECT i FROM {} WHERE x IN (SELECT m FROM {}) ORDER BY i", "3"),
            ("SELECT i FROM {} WHERE x = ANY (SELECT m FROM {}) ORDER BY i", "3"),
            ("SELECT count(*) FROM {} AS a JOIN {} AS b ON a.x = b.m", "2"),
            ("SELECT coalesce(x, m) FROM {} ORDER BY i", "1e-17 1e20 7.25 NaN"),
            ("SELECT CASE WHEN i < 3 THEN x ELSE m END FROM {} ORDER BY i", "1e-17 1e20 7.25 1.0"),
            (
                "SELECT CASE x WHEN m THEN 'same' ELSE 'other' END FROM {} ORDER BY i",
                "other other same other",
            ),
            ("SELECT greatest(m, x) FROM {} WHERE i < 3 ORDER BY i", "1e-17 1e20"),
            (
                "SELECT v FROM (SELECT x AS v FROM {} UNION ALL SELECT m FROM {}) WHERE v > 0 AND v < 1",
                "1e-17",
            ),
            ("SELECT v FROM (SELECT m AS v FROM {} INTERSECT SELECT x FROM {})", "7.25"),
            (
                "SELECT v FROM (SELECT v FROM (VALUES (9007199254740992), (9007199254740993), (1)) AS t(v) INTERSECT SELECT 9007199254740992.0::DOUBLE)",
                "9007199254740992.0",
            ),
            ("SELECT v FROM (SELECT v FROM (VALUES (1), (2)) AS t(v) EXCEPT SELECT 2.0)", "1.0"),
            (
                "SELECT i FROM {} WHERE arrow_cast('18:00:01'::TIME, 'Time64(Microsecond)') BETWEEN '18:00:00'::TIME AND '18:00:02'::TIME AND i < 2",
                "1",
            ),
        ] {
            let sql = sql.replace("{}", rows);
            assert_eq!(answer(&sql).await, expected, "{sql}");
        }
    }

    #[tokio::test]
    async fn a_filter_over_branches_finds_their_columns() {
        let a = "(SELECT * FROM (VALUES (1, 1.5, 1), (2, 2.5, 2)) AS t(d, x, n))";
        let b = "(SELECT * FROM (VALUES (1, 9.5, 1), (2, 1.5, 2), (3, 1.5, 3)) AS t(d, x, n))";
        for (join, expected) in [("JOIN", "1 1 1"), ("FULL JOIN", "1 1 1"), ("RIGHT JOIN", "1 1 1")]
        {
            let joined =
                format!("SELECT q.d, q.x, q.n::SMALLINT AS n FROM {b} p {join} {a} q ON p.d = q.d");
            let sql = format!(
                "SELECT d FROM (SELECT d, x, n::TINYINT AS n FROM {a} UNION ALL {joined} UNION ALL SELECT d, x, n FROM {a}) z WHERE x = 1.5"
            );
            assert_eq!(answer(&sql).await, expected, "{sql}");
        }
    }

    #[tokio::test]
    async fn a_decimal_beside_a_constant_that_it_can_be_stays_one() {
        for condition in ["m < 0.07", "m BETWEEN 0.05 AND 0.07", "m IN (1.5, -2.25)", "m = 7"] {
            let sql = format!(
                "SELECT m FROM (VALUES (arrow_cast(1, 'Decimal128(10, 2)'))) AS t(m) WHERE {condition}"
            );
            let context = SessionContext::new();
            let plan = context.state().create_logical_plan(&sql).await.unwrap();
            let plan = types_met(plan).unwrap().to_string();
            assert!(!plan.contains("CAST(m AS"), "{plan}");
        }
    }
}
