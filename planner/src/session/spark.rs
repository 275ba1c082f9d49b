//! Spark's functions, of the crate `datafusion-spark` and of ours.
//!
//! Problem: some have names that the engine has for other functions (`concat` of a NULL is NULL in Spark), a plan carries
//! functions by name, and each node finds its own of that name. Here: all of them are there in every session under names
//! that begin with `spark:`, and a statement of Spark's dialect calls them so (`statement/spark/functions.rs`).
//! Nothing of a session's dialect has to travel with its plans, and a view is the same for whoever reads it.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use super::as_before::as_before;

mod arithmetic;
mod by_type;
mod choice;
mod cuts;
mod decimals;
mod divide;
mod elements;
mod hash;
mod initcap;
mod instants;
mod java_dates;
mod json;
mod lists;
mod made_times;
mod math;
mod modulo;
mod moments;
mod months;
mod numerals;
mod patterns;
mod plain;
mod round;
mod row;
mod sequence;
mod split;
mod text;
mod types;
mod words;
mod written_times;

pub(crate) use patterns::tested as regex_of_java;

/// What the names of Spark's functions begin with.
pub(crate) const SPARK: &str = "spark:";

/// Functions of ours that operators become calls of.
pub(crate) const DIVIDE: &str = "spark:/";
/// See [`DIVIDE`]: the whole part of a quotient.
pub(crate) const DIV: &str = "spark:div";
/// See [`DIVIDE`]: what is left of a division.
pub(crate) const MOD: &str = "spark:mod";
/// See [`DIVIDE`]: an element of a list (from 0) or a map.
pub(crate) const AT: &str = "spark:[]";

/// See [`DIVIDE`]: what a cast to a number is of.
pub(crate) const NUMBER: &str = "spark:number";
/// See [`DIVIDE`]: what a cast to a number with a fraction is of.
pub(crate) const FRACTION: &str = "spark:fraction";
/// See [`DIVIDE`]: what a cast to an instant is of.
pub(crate) const INSTANT: &str = "spark:instant";
/// See [`DIVIDE`]: what a cast to a day is of.
pub(crate) const DAY: &str = "spark:day";
/// See [`DIVIDE`]: as [`INSTANT`], and NULL of what is none.
pub(crate) const TRY_INSTANT: &str = "spark:try_instant";
/// See [`DIVIDE`]: as [`DAY`], and NULL of what is none.
pub(crate) const TRY_DAY: &str = "spark:try_day";
/// See [`DIVIDE`]: a share of all rows, from 0 to 1.
pub(crate) const SHARE: &str = "spark:share";
/// See [`DIVIDE`]: the bytes of several values.
pub(crate) const ROW: &str = "spark:row";
/// See [`DIVIDE`]: a value where a text is taken.
pub(crate) const WORDS: &str = "spark:words";
/// See [`DIVIDE`].
pub(crate) const PLUS: &str = "spark:+";
/// See [`DIVIDE`].
pub(crate) const MINUS: &str = "spark:-";
/// See [`DIVIDE`].
pub(crate) const TIMES: &str = "spark:*";
/// See [`DIVIDE`]: CASE, of conditions and values in turn, and what there is else.
pub(crate) const CASE: &str = "spark:case";
/// See [`DIVIDE`]: the first value that is there.
pub(crate) const COALESCE: &str = "spark:coalesce";
/// See [`DIVIDE`]: a cast to a text.
pub(crate) const STRING: &str = "spark:string";

/// Has a session know them.
pub(super) fn spark(state: &mut SessionState) -> Result<()> {
    for function in datafusion_spark::all_default_scalar_functions() {
        state.register_udf(Arc::new(ScalarUDF::new_from_impl(Renamed::of(function))))?;
    }
    for function in ours() {
        state.register_udf(Arc::new(function))?;
    }
    // The engine has none of this name.
    state.register_udaf(datafusion_spark::function::aggregate::try_sum())?;
    for moment in moments::functions() {
        state.register_udaf(Arc::new(moment))?;
    }
    state.register_function_rewrite(Arc::new(choice::OfOneType))?;
    state.register_function_rewrite(Arc::new(arithmetic::Operators))?;
    state.register_function_rewrite(Arc::new(words::NoWords))?;
    state.register_function_rewrite(Arc::new(instants::NoInstants))
}

/// Those of ours, some in the place of theirs.
fn ours() -> impl Iterator<Item = ScalarUDF> {
    let numbers = divide::functions().into_iter().chain(instants::functions());
    let others = elements::functions().into_iter().chain(by_type::functions());
    numbers
        .chain(arithmetic::functions())
        .chain(choice::functions())
        .chain(round::functions())
        .chain(json::functions())
        .chain([hash::function(), types::function(), months::function(), row::function()])
        .chain(math::functions())
        .chain(modulo::functions())
        .chain(lists::functions())
        .chain(sequence::functions())
        .chain(words::functions())
        .chain(java_dates::functions())
        .chain(cuts::functions())
        .chain(made_times::functions())
        .chain(numerals::functions())
        .chain(patterns::functions())
        .chain(others)
        .chain(text::functions())
        .chain(split::functions())
        .chain(initcap::functions())
}

/// The function that Spark calls so, if it is one of these: its whole name. `name` is in small letters.
pub(crate) fn of_spark(name: &str) -> Option<&'static str> {
    static NAMES: LazyLock<HashMap<String, String>> = LazyLock::new(names);
    NAMES.get(name).map(String::as_str)
}

fn names() -> HashMap<String, String> {
    let theirs = datafusion_spark::all_default_scalar_functions();
    let theirs = theirs.iter().flat_map(|function| {
        let all =
            std::iter::once(function.name()).chain(function.aliases().iter().map(|it| it.as_str()));
        all.map(|name| (name.to_lowercase(), renamed(function.name()))).collect::<Vec<_>>()
    });
    let ours = elements::NAMES.into_iter().chain(instants::NAMES).chain(by_type::NAMES);
    let ours = ours.chain(split::NAMES).chain(initcap::NAMES).chain(divide::NAMES);
    let ours = ours.chain(arithmetic::NAMES).chain(round::NAMES).chain(json::NAMES);
    let ours = ours.chain(["hash", "typeof", "months_between"]);
    let ours = ours.chain(numerals::NAMES).chain(patterns::NAMES).chain(math::NAMES);
    let ours = ours.chain(modulo::NAMES).chain(lists::NAMES).chain(sequence::NAMES);
    let ours = ours.chain(words::NAMES).chain(cuts::NAMES).chain(made_times::NAMES);
    theirs.chain(ours.map(|name| (name.to_owned(), renamed(name)))).collect()
}

fn renamed(name: &str) -> String {
    format!("{SPARK}{}", name.to_lowercase())
}

/// The types that values of `types` become for a function. Spark's take more than these say: where they refuse, whole
/// numbers of 64 bits are tried as INT, texts as what they would be parsed to, decimals as DOUBLE, NULLs as texts.
fn coerced(function: &ScalarUDF, types: &[DataType]) -> Result<Vec<DataType>> {
    let first = match taken_by(function, types) {
        Ok(types) => return Ok(types),
        Err(error) => error,
    };
    let small = |of: &DataType| match of {
        DataType::Int64 => DataType::Int32,
        other => other.clone(),
    };
    let or_double = |of: &DataType| match of {
        DataType::Decimal128(..) => DataType::Float64,
        other => small(other),
    };
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let of_day = |of: &DataType| match of {
        DataType::Date32 => micros.clone(),
        other => small(other),
    };
    let of_text = |becomes: DataType| {
        move |of: &DataType| match of {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
                becomes.clone()
            }
            other => small(other),
        }
    };
    let day_of_time = |of: &DataType| match of {
        DataType::Timestamp(_, None) => DataType::Date32,
        other => small(other),
    };
    let tries: [Vec<DataType>; 8] = [
        types.iter().map(small).collect(),
        types.iter().map(day_of_time).collect(),
        types.iter().map(of_day).collect(),
        types.iter().map(or_double).collect(),
        types.iter().map(of_text(DataType::Date32)).collect(),
        types.iter().map(of_text(micros.clone())).collect(),
        types.iter().map(of_text(DataType::Int64)).collect(),
        types.iter().map(of_text(DataType::Utf8)).collect(),
    ];
    // Only the first of several texts is one of another type: others are units and patterns.
    let first_alone = tries[4..].iter().filter(|_| types.len() > 1).map(|tried| {
        let rest = types.iter().skip(1).map(small);
        tried.iter().take(1).cloned().chain(rest).collect::<Vec<_>>()
    });
    let mut all = tries.iter().cloned().chain(first_alone);
    all.find_map(|tried| taken_by(function, &tried).ok()).ok_or(first)
}

fn taken_by(function: &ScalarUDF, types: &[DataType]) -> Result<Vec<DataType>> {
    let fields: Vec<_> =
        types.iter().map(|of| Arc::new(Field::new("value", of.clone(), true))).collect();
    let taken = fields_with_udf(&fields, function)?;
    Ok(taken.iter().map(|field| field.data_type().clone()).collect())
}

/// A function under another name.
#[derive(Debug)]
struct Renamed {
    inner: Arc<ScalarUDF>,
    name: String,
    signature: Signature,
}

impl Renamed {
    fn of(inner: Arc<ScalarUDF>) -> Self {
        let name = renamed(inner.name());
        let signature = Signature::user_defined(inner.signature().volatility);
        Self { inner, name, signature }
    }

    fn inner(&self) -> &dyn ScalarUDFImpl {
        self.inner.inner().as_ref()
    }
}

impl PartialEq for Renamed {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl Eq for Renamed {}

impl Hash for Renamed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Renamed {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerced(&self.inner, types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.inner().invoke_with_args(args)
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.inner().simplify(args, info)
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let updated = self.inner().with_updated_config(config)?;
        Some(ScalarUDF::new_from_impl(Self::of(Arc::new(updated))))
    }

    as_before!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_of_spark_has_a_name_of_its_own() {
        let functions = datafusion_spark::all_default_scalar_functions();
        for function in &functions {
            let name = of_spark(&function.name().to_lowercase()).unwrap();
            assert_eq!(name, format!("spark:{}", function.name().to_lowercase()));
            for alias in function.aliases() {
                assert_eq!(of_spark(&alias.to_lowercase()), Some(name), "{alias}");
            }
        }
        assert_eq!(of_spark("array_agg"), None);
    }
}
