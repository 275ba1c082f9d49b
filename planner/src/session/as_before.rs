//! What functions of ours leave to the scalar function that they are made of.

/// Of `ScalarUDFImpl` all but how it is called and simplified, asked of `self.inner()`; without `names`, what it is called
/// and takes is left out, too.
macro_rules! as_before {
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

        as_before!();
    };
    () => {
        fn display_name(
            &self,
            args: &[datafusion::logical_expr::Expr],
        ) -> datafusion::common::Result<String> {
            #[expect(deprecated, reason = "whoever asks is answered as before")]
            self.inner().display_name(args)
        }

        fn schema_name(
            &self,
            args: &[datafusion::logical_expr::Expr],
        ) -> datafusion::common::Result<String> {
            self.inner().schema_name(args)
        }

        fn return_type(
            &self,
            types: &[datafusion::arrow::datatypes::DataType],
        ) -> datafusion::common::Result<datafusion::arrow::datatypes::DataType> {
            self.inner().return_type(types)
        }

        fn return_field_from_args(
            &self,
            args: datafusion::logical_expr::ReturnFieldArgs,
        ) -> datafusion::common::Result<datafusion::arrow::datatypes::FieldRef> {
            self.inner().return_field_from_args(args)
        }

        fn is_nullable(
            &self,
            args: &[datafusion::logical_expr::Expr],
            schema: &dyn datafusion::common::ExprSchema,
        ) -> bool {
            #[expect(deprecated, reason = "whoever asks is answered as before")]
            self.inner().is_nullable(args, schema)
        }

        fn is_strict(&self) -> bool {
            self.inner().is_strict()
        }

        fn preimage(
            &self,
            args: &[datafusion::logical_expr::Expr],
            literal: &datafusion::logical_expr::Expr,
            info: &datafusion::logical_expr::simplify::SimplifyContext,
        ) -> datafusion::common::Result<datafusion::logical_expr::preimage::PreimageResult> {
            self.inner().preimage(args, literal, info)
        }

        fn short_circuits(&self) -> bool {
            self.inner().short_circuits()
        }

        fn conditional_arguments<'a>(
            &self,
            args: &'a [datafusion::logical_expr::Expr],
        ) -> Option<(
            Vec<&'a datafusion::logical_expr::Expr>,
            Vec<&'a datafusion::logical_expr::Expr>,
        )> {
            self.inner().conditional_arguments(args)
        }

        fn evaluate_bounds(
            &self,
            input: &[&datafusion::logical_expr::interval_arithmetic::Interval],
        ) -> datafusion::common::Result<datafusion::logical_expr::interval_arithmetic::Interval> {
            self.inner().evaluate_bounds(input)
        }

        fn propagate_constraints(
            &self,
            interval: &datafusion::logical_expr::interval_arithmetic::Interval,
            inputs: &[&datafusion::logical_expr::interval_arithmetic::Interval],
        ) -> datafusion::common::Result<
            Option<Vec<datafusion::logical_expr::interval_arithmetic::Interval>>,
        > {
            self.inner().propagate_constraints(interval, inputs)
        }

        fn output_ordering(
            &self,
            inputs: &[datafusion::logical_expr::sort_properties::ExprProperties],
        ) -> datafusion::common::Result<datafusion::logical_expr::sort_properties::SortProperties> {
            self.inner().output_ordering(inputs)
        }

        fn preserves_lex_ordering(
            &self,
            inputs: &[datafusion::logical_expr::sort_properties::ExprProperties],
        ) -> datafusion::common::Result<bool> {
            self.inner().preserves_lex_ordering(inputs)
        }

        fn strictly_order_preserving(
            &self,
            inputs: &[datafusion::logical_expr::sort_properties::ExprProperties],
        ) -> datafusion::common::Result<bool> {
            self.inner().strictly_order_preserving(inputs)
        }

        fn struct_field_mapping(
            &self,
            literals: &[Option<datafusion::common::ScalarValue>],
        ) -> Option<datafusion::logical_expr::StructFieldMapping> {
            self.inner().struct_field_mapping(literals)
        }

        fn documentation(&self) -> Option<&datafusion::logical_expr::Documentation> {
            self.inner().documentation()
        }

        fn placement(
            &self,
            args: &[datafusion::logical_expr::ExpressionPlacement],
        ) -> datafusion::logical_expr::ExpressionPlacement {
            self.inner().placement(args)
        }
    };
}

pub(in crate::session) use as_before;
