//! Functions that statements may call though no registry has them: they are written otherwise before anything is planned.
//!
//! Drivers tell tools which functions there are (GetSqlInfo), and what is not told is not sent. Each is here as a call, which
//! a test plans.

/// About numbers.
pub const NUMERIC: &[&str] =
    &["ceiling(1.5)", "mod(7, 2)", "sign(-1)", "square(2)", "truncate(1.5)"];

/// About text.
pub const TEXT: &[&str] =
    &["char(65)", "lcase('A')", "locate('a', 'ba')", "space(2)", "ucase('a')"];

/// About instants.
pub const DATETIME: &[&str] = &[
    "add_months(DATE '2024-01-31', 1)",
    "curdate()",
    "curtime()",
    "date_add(DATE '2024-01-31', 1)",
    "date_diff('day', DATE '2024-01-31', DATE '2024-02-01')",
    "date_sub(DATE '2024-01-31', 1)",
    "dateadd(day, 1, DATE '2024-01-31')",
    "datediff(day, DATE '2024-01-31', DATE '2024-02-01')",
    "day(DATE '2024-01-31')",
    "dayname(DATE '2024-01-31')",
    "dayofmonth(DATE '2024-01-31')",
    "dayofweek(DATE '2024-01-31')",
    "dayofyear(DATE '2024-01-31')",
    "hour(TIMESTAMP '2024-01-31 01:02:03')",
    "last_day(DATE '2024-01-31')",
    "localtime(0)",
    "localtimestamp(3)",
    "minute(TIMESTAMP '2024-01-31 01:02:03')",
    "month(DATE '2024-01-31')",
    "monthname(DATE '2024-01-31')",
    "quarter(DATE '2024-01-31')",
    "second(TIMESTAMP '2024-01-31 01:02:03')",
    "timestampadd(SQL_TSI_DAY, 1, DATE '2024-01-31')",
    "timestampdiff(SQL_TSI_DAY, DATE '2024-01-31', DATE '2024-02-01')",
    "week(DATE '2024-01-31')",
    "year(DATE '2024-01-31')",
];

/// About anything else.
pub const SYSTEM: &[&str] = &[
    "convert('1', SQL_INTEGER)",
    "database()",
    "if(true, 1, 2)",
    "iif(true, 1, 2)",
    "isnull(1)",
    "user()",
];

/// The name of the function that such a call is of.
pub fn name(call: &str) -> &str {
    call.split('(').next().unwrap_or(call)
}
