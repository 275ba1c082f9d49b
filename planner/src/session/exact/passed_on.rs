//! What functions of ours leave to the function of the engine that they take the place of.

/// Of `AggregateUDFImpl` all that is not about collecting, asked of `self.inner()`.
macro_rules! passed_on {
    () => {
        fn name(&self) -> &str {
            self.inner().name()
        }

        fn aliases(&self) -> &[String] {
            self.inner().aliases()
        }

        fn signature(&self) -> &datafusion::logical_expr::Signature {
            self.inner().signature()
        }

        fn coerce_types(
            &self,
            types: &[datafusion::arrow::datatypes::DataType],
        ) -> datafusion::common::Result<Vec<datafusion::arrow::datatypes::DataType>> {
            self.inner().coerce_types(types)
        }

        fn is_nullable(&self) -> bool {
            self.inner().is_nullable()
        }

        fn order_sensitivity(&self) -> datafusion::logical_expr::utils::AggregateOrderSensitivity {
            self.inner().order_sensitivity()
        }

        fn reverse_expr(&self) -> datafusion::logical_expr::ReversedUDAF {
            self.inner().reverse_expr()
        }

        fn simplify(
            &self,
        ) -> Option<datafusion::logical_expr::function::AggregateFunctionSimplification> {
            self.inner().simplify()
        }

        fn is_descending(&self) -> Option<bool> {
            self.inner().is_descending()
        }

        fn value_from_stats(
            &self,
            args: &datafusion::logical_expr::StatisticsArgs,
        ) -> Option<datafusion::common::ScalarValue> {
            self.inner().value_from_stats(args)
        }

        fn default_value(
            &self,
            data_type: &datafusion::arrow::datatypes::DataType,
        ) -> datafusion::common::Result<datafusion::common::ScalarValue> {
            self.inner().default_value(data_type)
        }

        fn set_monotonicity(
            &self,
            of: &datafusion::arrow::datatypes::DataType,
        ) -> datafusion::logical_expr::SetMonotonicity {
            self.inner().set_monotonicity(of)
        }

        fn documentation(&self) -> Option<&datafusion::logical_expr::Documentation> {
            self.inner().documentation()
        }
    };
}

pub(in crate::session) use passed_on;
