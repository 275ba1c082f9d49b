//! Spark's SQL for the parser.
//!
//! sqlparser 0.62 has a dialect of this name. Here it is, with what it lacks or reads otherwise than Spark: `a DIV b + c` is
//! `(a DIV b) + c`, where its own takes all that follows, and backslashes in texts escape
//! (`spark.sql.parser.escapedStringLiterals` is off by default) until `literals.rs` has written them out.

use std::any::TypeId;

use datafusion::logical_expr::sqlparser::dialect::{Dialect, Precedence, SparkSqlDialect};
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

/// A shift that brings in zeros.
pub(super) const UNSIGNED: &str = ">>>";

fn is_unsigned_shift(parser: &Parser) -> bool {
    let [first, second] = parser.peek_tokens_with_location();
    let is_one = (first.token == Token::ShiftRight && second.token == Token::Gt)
        || (first.token == Token::Gt && second.token == Token::ShiftRight);
    is_one && first.span.end == second.span.start
}

/// Spark's SQL.
#[derive(Debug)]
pub(in crate::statement) struct Syntax {
    /// Whether a backslash in a text escapes what follows.
    escapes: bool,
}

impl Syntax {
    /// As people write it.
    pub(super) const OF_TEXTS: Self = Self { escapes: true };
    /// With its literals written out.
    pub(in crate::statement) const WRITTEN: Self = Self { escapes: false };
}

/// What Spark has, as in sqlparser's dialect of it.
const SPARK: SparkSqlDialect = SparkSqlDialect {};

/// Passes on what that dialect says.
macro_rules! as_in_spark {
    ($($name:ident)*) => { $(fn $name(&self) -> bool { SPARK.$name() })* };
}

/// Says yes to what it leaves out.
macro_rules! yes {
    ($($name:ident)*) => { $(fn $name(&self) -> bool { true })* };
}

impl Dialect for Syntax {
    /// The parser looks for some things in dialects that it knows.
    fn dialect(&self) -> TypeId {
        TypeId::of::<SparkSqlDialect>()
    }

    fn is_delimited_identifier_start(&self, letter: char) -> bool {
        letter == '`'
    }

    fn is_identifier_start(&self, letter: char) -> bool {
        letter.is_alphabetic() || letter == '_'
    }

    fn is_identifier_part(&self, letter: char) -> bool {
        letter.is_alphanumeric() || letter == '_'
    }

    fn supports_string_literal_backslash_escape(&self) -> bool {
        self.escapes
    }

    as_in_spark! {
        supports_filter_during_aggregation supports_group_by_expr supports_group_by_with_modifier
        supports_lambda_functions supports_select_wildcard_except supports_struct_literal
        supports_nested_comments supports_create_table_using supports_long_type_as_bigint
        supports_values_as_table_factor require_interval_qualifier supports_bang_not_operator
        supports_select_item_multi_column_alias supports_cte_without_as
        supports_map_literal_with_angle_brackets
    }

    yes! {
        supports_parens_around_table_factor supports_comment_on
        supports_create_view_comment_syntax supports_extract_comma_syntax allow_extract_custom
        allow_extract_single_quotes supports_window_function_null_treatment_arg
        supports_from_first_select supports_bitwise_shift_operators supports_interval_options
    }

    /// `||` is as strong as `+`, and a shift stronger than `&` alone.
    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        let stronger_than_and = self.prec_value(Precedence::PlusMinus) - 1;
        match parser.peek_token_ref().token {
            Token::StringConcat => Some(Ok(self.prec_value(Precedence::PlusMinus))),
            _ if is_unsigned_shift(parser) => Some(Ok(stronger_than_and)),
            Token::ShiftLeft | Token::ShiftRight => Some(Ok(stronger_than_and)),
            _ => None,
        }
    }

    fn parse_infix(
        &self,
        parser: &mut Parser,
        left: &Expr,
        precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        let (op, right) = if parser.parse_keyword(Keyword::DIV) {
            let right = parser.parse_subexpr(self.prec_value(Precedence::MulDivModOp));
            (BinaryOperator::MyIntegerDivide, right)
        } else if is_unsigned_shift(parser) {
            parser.next_token();
            parser.next_token();
            (BinaryOperator::Custom(UNSIGNED.to_owned()), parser.parse_subexpr(precedence))
        } else {
            return None;
        };
        Some(right.map(|right| Expr::BinaryOp {
            left: Box::new(left.clone()),
            op,
            right: Box::new(right),
        }))
    }
}
