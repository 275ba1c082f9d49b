//! What functions of ours leave to the function of the engine that they take the place of.

/// Of `AggregateUDFImpl` all that is not about collecting, asked of `self.inner()`; or a part of it, or of what collects.
macro_rules! passed_on {
    () => {
        passed_on!(names);
        passed_on!(reversal);
    };
    (reversal) => {
        fn reverse_expr(&self) -> datafusion::logical_expr::ReversedUDAF {
            self.inner().reverse_expr()
        }
    };
    (types) => {
        fn return_type(
            &self,
            types: &[datafusion::arrow::datatypes::DataType],
        ) -> datafusion::common::Result<datafusion::arrow::datatypes::DataType> {
            self.inner().return_type(types)
        }

        fn return_field(
            &self,
            fields: &[datafusion::arrow::datatypes::FieldRef],
        ) -> datafusion::common::Result<datafusion::arrow::datatypes::FieldRef> {
            self.inner().return_field(fields)
        }
    };
    (state) => {
        fn state_fields(
            &self,
            args: datafusion::logical_expr::function::StateFieldsArgs,
        ) -> datafusion::common::Result<Vec<datafusion::arrow::datatypes::FieldRef>> {
            self.inner().state_fields(args)
        }
    };
    (groups) => {
        fn groups_accumulator_supported(
            &self,
            args: datafusion::logical_expr::function::AccumulatorArgs,
        ) -> bool {
            self.inner().groups_accumulator_supported(args)
        }

        fn create_groups_accumulator(
            &self,
            args: datafusion::logical_expr::function::AccumulatorArgs,
        ) -> datafusion::common::Result<Box<dyn datafusion::logical_expr::GroupsAccumulator>> {
            self.inner().create_groups_accumulator(args)
        }
    };
    // Of `GroupsAccumulator`, asked of `self.inner`.
    (updating) => {
        fn update_batch(
            &mut self,
            values: &[datafusion::arrow::array::ArrayRef],
            groups: &[usize],
            filter: Option<&datafusion::arrow::array::BooleanArray>,
            total: usize,
        ) -> datafusion::common::Result<()> {
            self.inner.update_batch(values, groups, filter, total)
        }

        fn convert_to_state(
            &self,
            values: &[datafusion::arrow::array::ArrayRef],
            filter: Option<&datafusion::arrow::array::BooleanArray>,
        ) -> datafusion::common::Result<Vec<datafusion::arrow::array::ArrayRef>> {
            self.inner.convert_to_state(values, filter)
        }
    };
    (merging) => {
        fn merge_batch(
            &mut self,
            states: &[datafusion::arrow::array::ArrayRef],
            groups: &[usize],
            total: usize,
        ) -> datafusion::common::Result<()> {
            self.inner.merge_batch(states, groups, total)
        }
    };
    (writing) => {
        fn supports_null_handling_clause(&self) -> bool {
            self.inner().supports_null_handling_clause()
        }

        fn supports_within_group_clause(&self) -> bool {
            self.inner().supports_within_group_clause()
        }

        fn schema_name(
            &self,
            params: &datafusion::logical_expr::expr::AggregateFunctionParams,
        ) -> datafusion::common::Result<String> {
            self.inner().schema_name(params)
        }

        fn human_display(
            &self,
            params: &datafusion::logical_expr::expr::AggregateFunctionParams,
        ) -> datafusion::common::Result<String> {
            self.inner().human_display(params)
        }

        fn display_name(
            &self,
            params: &datafusion::logical_expr::expr::AggregateFunctionParams,
        ) -> datafusion::common::Result<String> {
            self.inner().display_name(params)
        }

        fn window_function_schema_name(
            &self,
            params: &datafusion::logical_expr::expr::WindowFunctionParams,
        ) -> datafusion::common::Result<String> {
            self.inner().window_function_schema_name(params)
        }

        fn window_function_display_name(
            &self,
            params: &datafusion::logical_expr::expr::WindowFunctionParams,
        ) -> datafusion::common::Result<String> {
            self.inner().window_function_display_name(params)
        }
    };
    (names) => {
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
