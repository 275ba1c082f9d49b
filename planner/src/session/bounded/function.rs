//! A function of the engine that asks before it answers; in everything else it is that function.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl};

use super::super::as_before::as_before;
use super::sizes::{self, Size};
use super::{Bounds, rewritten_within};

/// A wrapped function. Two are the same where what they wrap is: what may be taken is the node's.
#[derive(Debug)]
pub(super) struct Bounded {
    inner: Arc<ScalarUDF>,
    size: Size,
    bounds: Arc<Bounds>,
}

impl Bounded {
    /// A function, wrapped; `None` for one that is already, or that needs not be.
    pub(super) fn of(function: &Arc<ScalarUDF>, bounds: &Arc<Bounds>) -> Option<Self> {
        if function.inner().is::<Self>() {
            return None;
        }
        let size = sizes::of(function.name())?;
        Some(Self { inner: Arc::clone(function), size, bounds: Arc::clone(bounds) })
    }

    fn inner(&self) -> &dyn ScalarUDFImpl {
        self.inner.inner().as_ref()
    }
}

impl PartialEq for Bounded {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl Eq for Bounded {}

impl Hash for Bounded {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl ScalarUDFImpl for Bounded {
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let bytes = (self.size)(&args)?;
        let _held = self.bounds.take(self.name(), bytes)?;
        self.inner().invoke_with_args(args)
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        // What a call becomes may be a call of another one.
        match self.inner().simplify(args, info)? {
            ExprSimplifyResult::Simplified(expr) => {
                rewritten_within(expr, &self.bounds).map(ExprSimplifyResult::Simplified)
            }
            original @ ExprSimplifyResult::Original(_) => Ok(original),
        }
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let updated = Arc::new(self.inner().with_updated_config(config)?);
        Self::of(&updated, &self.bounds).map(ScalarUDF::new_from_impl)
    }

    as_before!(names);
}
