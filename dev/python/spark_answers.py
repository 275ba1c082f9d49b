r"""Records what Apache Spark answers, for the tests of `squadron.dialect = 'spark'` to hold the engine's answers against.

The dialect is for people who come from the Thrift Server of Spark, so the measure of it is Spark itself, not what its
documentation or another engine says. The answers change only with the version of Spark or with the expressions below,
so they are kept beside the tests and Spark is needed only to record them anew, with Java 17 or 21:

    pip install pyspark==4.0.1
    python dev/python/spark_answers.py > dev/python/spark_answers.jsonl

Each line of the output is an object, in the order of the expressions below:

    {"sql": "SELECT 7 / 2", "type": "double", "answer": [["3.5"]]}
    {"sql": "SELECT 1 / 0", "error": "DIVIDE_BY_ZERO"}

`type` is the type of the column by Spark's name for it; of several columns, the types with ", " between them. `error` is
Spark's name for the condition, or the class of the exception where it has none. `answer` is a list of rows, in the order
in which Spark gave them; `"unordered": true` says that the statement asks for none. `names`, only for the expressions of
NAMES, are the names of the columns. A row is a list of its values, each a text, or null for NULL:

- a boolean is `true` or `false`, an integer its digits, a text itself, a binary its bytes in lower hex;
- a decimal has the digits of its scale and never an exponent (`1.10`);
- a float or a double is what Python's `repr` writes of it as a double (`3.5`, `1e+20`, `inf`, `nan`, `-0.0`);
- a date is `2024-02-29`, a timestamp `2024-02-29T12:34:56` in UTC, with six digits of a fraction unless that is zero;
- an interval is what `CAST(… AS STRING)` makes of it;
- an array is a list, a struct and a map an object, each as the text of its JSON without spaces; what is inside is a text
  or null by the same rules, or another list or object (`["1",null]`, `{"a":["1"]}`). The fields of a struct keep their
  order, the keys of a map are sorted by their text.

Spark runs with its own defaults (ANSI among them: `spark.sql.ansi.enabled` is true), in one thread and the time zone UTC.
"""

import datetime
import decimal
import json
import logging
import os
import time

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import ArrayType, DataType, MapType, StructType

# One expression a line, to be put after SELECT, or a whole statement that begins with SELECT, WITH, FROM or VALUES.
# Lines that begin with -- and empty ones are not asked.

LITERALS = r"""
1
2147483648
9223372036854775808
1L
1S
1Y
1.5
1.50
1.5D
1e3
X'1F'
NULL
DATE '2024-02-29'
DATE '2024-02-30'
TIMESTAMP '2024-02-29 12:34:56.789'
TIMESTAMP '2024-02-29T12:34:56+02:00'
TIMESTAMP_NTZ '2024-02-29 12:34:56'
INTERVAL 1 DAY
INTERVAL '1 2' DAY TO HOUR
INTERVAL '1-2' YEAR TO MONTH
INTERVAL 2 MONTHS
INTERVAL 1 MONTH 1 DAY
'it\'s'
'it''s'
'a\nb'
'\u00e9'
'\d'
r'\d'
'a' 'b'
'100\%'
"double quoted text"
"""

OPERATORS = r"""
-- Arithmetic.
7 / 2
7 DIV 2
-7 % 3
7 % -3
1/0
1 / 0.0
1 % 0
NULL / 0
2147483647 + 1
127Y + 1Y
1Y + 1S
1 + 1.5
1.5 + 1.5D
1.1 * 2.22
1.0/3.0
10 / 4.0
CAST(1 AS DECIMAL(38, 10)) * CAST(1 AS DECIMAL(38, 10))
CAST(99999999999999999999999999999999999999 AS DECIMAL(38, 0)) + 1
5 ^ 3
~5
1 << 4
'1' + 1
'1' + '2'
'1.5' * 2
'a' + 1
-- Comparison.
1 == 1
NULL <=> NULL
1 <=> NULL
!true
1 = '1'
1 = 'a'
'10' < 9
'2024-01-01' = DATE '2024-01-01'
DATE '2024-01-01' = TIMESTAMP '2024-01-01 00:00:00'
true = 1
CAST('NaN' AS DOUBLE) = CAST('NaN' AS DOUBLE)
CAST('NaN' AS DOUBLE) > CAST('Infinity' AS DOUBLE)
2 IN (1, NULL)
1 IN ('1', '2')
1 IS DISTINCT FROM NULL
-- Text.
'abc' || NULL
'a' || 1
array(1) || array(2)
'abc' LIKE 'A%'
'a_c' LIKE 'a\_c'
'a%c' LIKE 'a/%c' ESCAPE '/'
'abc' LIKE ANY ('x%', 'a%')
'abc' ILIKE 'A%'
'abc' RLIKE 'b'
'abc' RLIKE NULL
'2024' RLIKE '^\\d+$'
-- Choice.
CASE WHEN false THEN 1 END
CASE 2 WHEN 1 THEN 'one' WHEN 2 THEN 'two' END
CASE WHEN true THEN 1 ELSE 2.5 END
CASE WHEN true THEN 1 ELSE 'a' END
-- Dates.
DATE '2024-01-01' + 1
DATE '2024-01-01' - 1
DATE '2024-03-01' - DATE '2024-02-01'
DATE '2024-01-31' + INTERVAL 1 MONTH
DATE '2024-01-01' + INTERVAL 1 DAY
DATE '2024-01-01' + INTERVAL 1 HOUR
'2024-01-01' + INTERVAL 1 DAY
TIMESTAMP '2024-01-02 03:00:00' - TIMESTAMP '2024-01-01 00:00:00'
TIMESTAMP '2024-01-01 00:00:00' + INTERVAL '1 2' DAY TO HOUR
TIMESTAMP '2024-01-01 00:00:00' + 1
INTERVAL 1 DAY * 2
"""

CASTS = r"""
CAST('12 ' AS INT)
CAST('1.9' AS INT)
CAST('x' AS INT)
CAST('1e2' AS DOUBLE)
CAST('1.255' AS DECIMAL(4, 2))
CAST('12345' AS DECIMAL(4, 2))
CAST('12' AS BIGINT)
CAST('12' AS LONG)
CAST('yes' AS BOOLEAN)
CAST('maybe' AS BOOLEAN)
CAST('2024-2-9' AS DATE)
CAST('2024' AS DATE)
CAST('2024-02-30' AS DATE)
CAST('2024-02-29 1:2:3' AS TIMESTAMP)
CAST('2024-02-29 12:34:56 Europe/Berlin' AS TIMESTAMP)
CAST('x' AS TIMESTAMP)
CAST('abc' AS BINARY)
CAST(1.9 AS INT)
CAST(3000000000 AS INT)
CAST(CAST('NaN' AS DOUBLE) AS INT)
CAST(300 AS TINYINT)
CAST(1.005 AS DECIMAL(3, 2))
CAST(123.45 AS DECIMAL(3, 1))
CAST(2 AS BOOLEAN)
CAST(true AS STRING)
CAST(1 AS STRING)
CAST(1.0D AS STRING)
CAST(1e7 AS STRING)
CAST(1e20D AS STRING)
CAST(CAST('NaN' AS DOUBLE) AS STRING)
CAST(DATE '2024-02-29' AS STRING)
CAST(TIMESTAMP '2024-02-29 12:34:56.700' AS STRING)
CAST(INTERVAL 1 DAY AS STRING)
CAST(X'616263' AS STRING)
CAST(array(1, NULL, 3) AS STRING)
CAST(map('a', 1) AS STRING)
CAST(struct(1, 'a') AS STRING)
CAST(array('1', '2') AS ARRAY<INT>)
CAST(named_struct('a', 1) AS STRUCT<b: STRING>)
CAST(1 AS TIMESTAMP)
CAST(TIMESTAMP '1970-01-01 00:00:01.5' AS BIGINT)
CAST(DATE '2024-02-29' AS TIMESTAMP)
CAST(DATE '2024-02-29' AS INT)
CAST('abcdef' AS VARCHAR(3))
CAST('ab' AS CHAR(3))
try_cast('x' AS INT)
try_cast(300 AS TINYINT)
'12'::INT
int('12')
bigint(1.9)
string(1)
date('2024-02-29')
decimal('12.5')
-- Only datafusion-spark has it.
spark_cast(1, 'timestamp')
typeof(1.5)
typeof(NULL)
typeof(array(1))
typeof(map('a', 1))
typeof(INTERVAL 1 DAY)
"""

CONDITIONS = r"""
if(NULL, 1, 2)
if(1 > 2, 'a', NULL)
if(true, 1, 2.5)
if(false, 1 / 0, 2)
if('x', 1, 2)
nvl(NULL, 1)
nvl2(NULL, 1, 2)
nvl2('a', 1, 2)
ifnull(NULL, 'a')
nullif(1, 1)
nullif(1, 2)
isnull(NULL)
isnotnull(NULL)
coalesce(NULL, NULL, 3)
coalesce(1, 1 / 0)
coalesce(NULL, 1, 'a')
nanvl(CAST('NaN' AS DOUBLE), 1.5D)
isnan(CAST('NaN' AS DOUBLE))
decode(2, 1, 'one', 2, 'two', 'other')
greatest(1, NULL, 3)
greatest(NULL, NULL)
greatest(1, 2.5)
least(1, NULL, 3)
assert_true(1 > 2)
"""

MATHEMATICS = r"""
abs(-5)
abs(-1.50)
abs(-2147483648)
abs(NULL)
atan2(1, -1)
atan2(NULL, 1)
bin(13)
bin(-13)
bin(NULL)
bin('7')
ceil(-0.1)
ceil(5)
ceil(3.1411, 3)
ceil(NULL)
ceiling(1.2)
floor(-0.1)
floor(5)
floor(3.1411, 3)
floor(NULL)
conv('100', 2, 10)
conv(-10, 16, -10)
csc(1)
csc(NULL)
sec(0)
sec(NULL)
expm1(0)
expm1(1e-10)
expm1(NULL)
factorial(5)
factorial(20)
factorial(21)
factorial(-1)
factorial(NULL)
hex(17)
hex(-1)
hex('Spark SQL')
hex(X'1F')
hex(NULL)
unhex('537061726B')
unhex('F')
unhex('GG')
unhex(NULL)
hypot(3, 4)
hypot(1e200, 1e200)
hypot(NULL, 4)
mod(-7, 3)
mod(5, 0)
mod(NULL, 3)
pmod(-10, 3)
pmod(10, -3)
pmod(-7.5, 2)
pmod(1, 0)
pmod(1, NULL)
-- Only datafusion-spark has this name, in Rust.
modulus(7, 3)
negative(1)
negative(-2147483648)
negative(NULL)
pow(2, 3)
pow(0, -1)
power(2, 0.5)
pow(NULL, 1)
rint(12.3456)
rint(2.5)
rint(NULL)
round(2.5)
round(-2.5)
round(2.675, 2)
round(2.675D, 2)
round(25, -1)
round(2147483647, -1)
round(NULL, 1)
bround(2.5)
bround(25, -1)
width_bucket(5.3, 0.2, 10.6, 5)
width_bucket(-2.1, 1.3, 3.4, 3)
width_bucket(3, 10, 0, 5)
width_bucket(NULL, 0, 2, 4)
sqrt(-1)
ln(0)
log(10)
log(2, 8)
sign(-5)
acos(2)
try_add(2147483647, 1)
try_subtract(-2147483648, 1)
try_multiply(2147483647, 2)
try_divide(3, 2)
try_divide(1, 0)
to_number('12,454.8-', '99,999.9S')
to_char(-12454.8, '99,999.9S')
format_number(12332.123456, 4)
format_number(12332.5, 0)
format_number(12332.123456, '##################.###')
"""

BITS = r"""
bit_count(7)
bit_count(-1)
bit_count(true)
bit_count(NULL)
bit_get(11, 0)
bit_get(-1L, 63)
bit_get(11, -1)
bit_get(NULL, 0)
getbit(11, 1)
~-1L
-- Only datafusion-spark has this name, in Rust and in SQL.
bitwise_not(5)
shiftleft(1, 32)
shiftleft(1, -1)
shiftleft(1L, 40)
shiftleft(NULL, 1)
shiftright(-4, 1)
shiftright(4, 33)
shiftright(4, NULL)
shiftrightunsigned(-1, 28)
shiftrightunsigned(-1L, 60)
shiftrightunsigned(NULL, 1)
bitmap_bit_position(1)
bitmap_bit_position(-123)
bitmap_bit_position(32769)
bitmap_bit_position(NULL)
bitmap_bucket_number(32769)
bitmap_bucket_number(0)
bitmap_bucket_number(-32769)
bitmap_bucket_number(NULL)
bitmap_count(X'FFFF')
bitmap_count(X'')
bitmap_count(NULL)
"""

HASHES = r"""
crc32('Spark')
crc32(X'00FF')
crc32(NULL)
md5('Spark')
md5(NULL)
sha('Spark')
sha1('')
sha1(X'00FF')
sha1(NULL)
sha2('Spark', 256)
sha2('Spark', 0)
sha2('', 384)
sha2('Spark', 100)
sha2(NULL, 256)
hash(1)
hash('Spark')
hash(1, 'a', NULL)
hash(1.5D, true, DATE '2024-01-01')
xxhash64(1)
xxhash64('Spark')
xxhash64(NULL)
xxhash64(1, 'a', NULL)
xxhash64(1.5D, true, DATE '2024-01-01')
xxhash64('Spark', array(123), 2)
"""

STRINGS = r"""
ascii('')
ascii('é')
ascii('😀')
ascii(NULL)
base64('Spark SQL')
base64(X'00FF')
base64(NULL)
unbase64('U3BhcmsgU1FM')
unbase64('')
unbase64('a')
unbase64(NULL)
char(65)
chr(65)
char(321)
char(-1)
char(NULL)
concat('a', 'b')
concat('a', NULL)
concat('a', 1, true, 1.5)
concat()
concat(X'01', X'02')
concat(array(1, 2), array(3))
concat(array(1), NULL)
concat_ws(',', 'a', NULL, 'b')
concat_ws(',', array('a', NULL, 'b'), 'c')
concat_ws(NULL, 'a', 'b')
concat_ws(',', NULL)
concat_ws(',', 1, 2.5, true)
elt(1, 'scala', 'java')
elt(2, 'a', 1)
elt(0, 'a', 'b')
elt(NULL, 'a')
ilike('Spark', '_Park')
ilike('Spark', 's/%', '/')
ilike(NULL, 'a')
like('Spark', 'sp%')
like('%SystemDrive%', '/%System%', '/')
like('Spark', NULL)
regexp_like('Spark', '[sS]p')
length('Spark SQL ')
length('grüße')
length(X'0001')
length(NULL)
length(12345)
char_length('grüße')
character_length('abc')
len('abc')
bit_length('abc')
luhn_check('8112189876')
luhn_check('79927398714')
luhn_check('')
luhn_check(NULL)
format_string('Hello World %d %s', 100, 'days')
format_string('%.2f|%5d|%-5s|%05d', 1.005D, 42, 'ab', 7)
format_string('%s %s', NULL, true)
format_string('%,d', 1234567)
format_string('%d', 'a')
format_string(NULL, 1)
printf('%s-%c', 'a', 65)
space(3)
space(-1)
space(NULL)
substring('Spark SQL', 5, 1)
substring('Spark SQL', -3)
substring('Spark SQL', -3, 2)
substring('Spark SQL', 0, 3)
substring('Spark SQL', -20, 15)
substring('Spark SQL', 20)
substring(X'010203', 2, 1)
substring(NULL, 1)
substring('Spark SQL' FROM 5 FOR 1)
substr('Spark SQL', 5)
substr('Spark SQL', 0)
substring_index('www.apache.org', '.', 2)
substring_index('www.apache.org', '.', -1)
left('Spark', 3)
right('Spark', 3)
soundex('Robert')
soundex('Ashcraft')
soundex('')
soundex('123')
soundex(NULL)
is_valid_utf8('Spark')
is_valid_utf8(X'80')
is_valid_utf8(NULL)
make_valid_utf8('Spark')
make_valid_utf8(X'61C362')
make_valid_utf8(NULL)
-- Of Spark 4.1.
quote("Don't")
quote('abc')
quote(NULL)
instr('SparkSQL', 'SQL')
instr('abc', 'z')
instr('abc', '')
locate('bar', 'foobarbar')
locate('bar', 'foobarbar', 5)
locate('bar', 'foobarbar', 0)
position('bar' IN 'foobarbar')
lpad('hi', 5, '??')
lpad('hi', 1, '??')
lpad('hi', 5)
lpad('hi', -1, 'x')
rpad('hi', 5, '??')
rpad('hi', 5)
split('oneAtwoBthreeC', '[ABC]')
split('oneAtwoBthreeC', '[ABC]', 2)
split('a,b,,', ',')
split('abc', '')
split('a.b', '.')
split_part('11.12.13', '.', 3)
split_part('11.12.13', '.', -1)
regexp_extract('100-200', '(\\d+)-(\\d+)', 1)
regexp_extract('100-200', r'(\d+)-(\d+)', 0)
regexp_extract('abc', '(\\d+)', 1)
regexp_extract('100-200', '(\\d+)', 2)
regexp_extract_all('100-200, 300-400', '(\\d+)-(\\d+)', 1)
regexp_replace('100-200', '(\\d+)', 'num')
regexp_replace('100-200', '(\\d+)-(\\d+)', '$2-$1')
regexp_replace('abc', NULL, 'x')
regexp_count('Steven Jones and Stephen Smith', 'Ste(v|ph)en')
replace('ABCabc', 'abc')
replace('abc', '', 'x')
translate('AaBbCc', 'abc', '1')
overlay('Spark SQL' PLACING '_' FROM 6)
initcap('sPark sql')
initcap('a-b c_d o\'neil')
upper('straße')
lower('ÄB')
trim('x' FROM 'xxaxx')
trim(BOTH 'xy' FROM 'xyaxy')
ltrim('x', 'xxa')
btrim('xxaxx', 'x')
trim('\ta\n')
reverse('Spark')
reverse(array(1, 2, 3))
repeat('a', -1)
levenshtein('kitten', 'sitting')
levenshtein('kitten', 'sitting', 2)
contains('Spark SQL', 'SQL')
startswith('Spark', 'Sp')
endswith('Spark', 'rk')
find_in_set('ab', 'abc,b,ab,c,def')
encode('abc', 'utf-8')
decode(X'616263', 'utf-8')
to_binary('abc', 'utf-8')
"""

URLS = r"""
parse_url('http://user:pw@spark.apache.org:80/path/a.html?query=1&b=2#ref', 'HOST')
parse_url('http://user:pw@spark.apache.org:80/path/a.html?query=1&b=2#ref', 'QUERY')
parse_url('http://user:pw@spark.apache.org:80/path/a.html?query=1&b=2#ref', 'QUERY', 'b')
parse_url('http://user:pw@spark.apache.org:80/path/a.html?query=1&b=2#ref', 'FILE')
parse_url('http://spark.apache.org', 'PATH')
parse_url('http://spark.apache.org/?a=1', 'QUERY', 'z')
parse_url('no url', 'HOST')
parse_url(NULL, 'HOST')
try_parse_url('http://spark.apache.org/path?query=1', 'QUERY', 'query')
try_parse_url('inva lid://spark.apache.org/path', 'HOST')
try_parse_url(NULL, 'HOST')
url_encode('https://spark.apache.org/a b?c=ü*~')
url_encode(NULL)
url_decode('https%3A%2F%2Fspark.apache.org%2Fa+b')
url_decode('%ZZ')
url_decode(NULL)
try_url_decode('https%3A%2F%2Fspark.apache.org')
try_url_decode('http%3A%2F%2spark.apache.org')
try_url_decode(NULL)
"""

DATES = r"""
add_months(DATE '2024-02-29', 12)
add_months('2024-01-31', 1)
add_months(DATE '2024-01-31', NULL)
date_add(DATE '2016-07-30', 1)
date_add('2016-07-30', -1)
date_add(DATE '2016-07-30', NULL)
date_add('x', 1)
dateadd(DATE '2016-07-30', 1)
date_add(MONTH, 1, DATE '2024-01-31')
date_sub(DATE '2016-07-30', 1)
date_sub('2016-07-30', -1)
date_sub(DATE '2016-07-30', NULL)
date_diff(DATE '2009-07-31', DATE '2009-07-30')
datediff('2009-07-30', '2009-07-31')
datediff(TIMESTAMP '2024-01-02 00:00:00', TIMESTAMP '2024-01-01 23:59:59')
datediff(NULL, DATE '2009-07-31')
months_between('1997-02-28 10:30:00', '1996-10-30')
months_between('1997-02-28 10:30:00', '1996-10-30', false)
last_day('2009-01-12')
last_day(DATE '2024-02-01')
last_day(NULL)
next_day('2015-01-14', 'TU')
next_day(DATE '2015-01-14', 'wednesday')
next_day(DATE '2015-01-14', 'xx')
next_day(NULL, 'TU')
year(DATE '2016-07-30')
quarter(DATE '2016-08-31')
month('2016-07-30')
day(DATE '2016-07-30')
dayofmonth('2009-07-30')
dayofweek(DATE '2024-02-25')
dayofyear('2016-04-09')
weekofyear(DATE '2024-12-30')
weekday(DATE '2024-02-25')
weekday('2009-07-30')
weekday(NULL)
monthname(DATE '2008-02-20')
monthname('2008-02-20')
monthname(NULL)
dayname(DATE '2008-02-20')
hour('2009-07-30 12:58:59')
hour(DATE '2009-07-30')
hour(NULL)
minute('2009-07-30 12:58:59')
minute(NULL)
second(TIMESTAMP '2009-07-30 12:58:59.9')
second(NULL)
date_part('week', TIMESTAMP '2019-08-12 01:00:00.123456')
date_part('dow', DATE '2019-08-11')
date_part('SECONDS', TIMESTAMP '2019-10-01 00:00:01.000001')
date_part('x', DATE '2019-08-12')
date_part('year', NULL)
datepart('quarter', DATE '2019-08-12')
extract(YEAR FROM TIMESTAMP '2019-08-12 01:00:00.123456')
extract(DOW FROM DATE '2019-08-11')
extract(SECOND FROM TIMESTAMP '2019-10-01 00:00:01.5')
extract(MONTH FROM '2019-08-12')
date_trunc('YEAR', TIMESTAMP '2015-03-05 09:32:05.359')
date_trunc('MM', TIMESTAMP '2015-03-05 09:32:05.359')
date_trunc('week', TIMESTAMP '2015-03-05 09:32:05.359')
date_trunc('DD', '2015-03-05 09:32:05.359')
date_trunc('quarter', DATE '2015-03-05')
date_trunc('x', TIMESTAMP '2015-03-05 09:32:05.359')
date_trunc(NULL, TIMESTAMP '2015-03-05 09:32:05.359')
-- Of Spark 4.1, for its type TIME.
time_trunc('HOUR', TIMESTAMP '2015-03-05 09:32:05.359')
trunc(DATE '2019-08-04', 'week')
trunc('2009-02-12', 'MM')
trunc(DATE '2015-10-27', 'yy')
trunc(DATE '2015-10-27', 'x')
trunc(NULL, 'MM')
from_utc_timestamp('2016-08-31', 'Asia/Seoul')
from_utc_timestamp(TIMESTAMP '2024-07-01 12:00:00', 'Europe/Berlin')
from_utc_timestamp(TIMESTAMP '2024-01-01 12:00:00', 'No/Where')
from_utc_timestamp(NULL, 'UTC')
to_utc_timestamp('2016-08-31', 'Asia/Seoul')
to_utc_timestamp(TIMESTAMP '2024-07-01 12:00:00', 'Europe/Berlin')
to_utc_timestamp(TIMESTAMP '2024-01-01 12:00:00', NULL)
make_date(2013, 7, 15)
make_date(2019, 2, 30)
make_date(2019, NULL, 1)
make_timestamp(2014, 12, 28, 6, 30, 45.887)
make_timestamp(2014, 13, 28, 6, 30, 45)
make_dt_interval(1, 12, 30, 1.001001)
make_dt_interval(2)
make_dt_interval(-1, 25)
make_dt_interval(NULL)
make_interval(100, 11, 1, 1, 12, 30, 1.001001)
make_interval(0, 1, 0, -1)
make_interval(100, NULL)
make_ym_interval(1, 2)
unix_date(DATE '1970-01-02')
unix_date(NULL)
unix_micros(TIMESTAMP '1970-01-01 00:00:01')
unix_micros(NULL)
unix_millis(TIMESTAMP '1969-12-31 23:59:59.9995')
unix_millis(NULL)
unix_seconds(TIMESTAMP '1969-12-31 23:59:59.5')
unix_seconds(NULL)
unix_timestamp('2016-04-08', 'yyyy-MM-dd')
unix_timestamp('x')
to_unix_timestamp('2016-04-08', 'yyyy-MM-dd')
from_unixtime(0)
from_unixtime(1700000000, 'yyyy-MM-dd HH:mm')
date_from_unix_date(1)
timestamp_seconds(1230219000)
to_date('2009-07-30 04:17:52')
to_date('31/12/2016', 'dd/MM/yyyy')
to_date('Dec 31, 2016', 'MMM d, yyyy')
to_date('x', 'yyyy-MM-dd')
to_date(NULL)
to_timestamp('2016-12-31 00:12:00')
to_timestamp('31.12.2016 23:59', 'dd.MM.yyyy HH:mm')
to_timestamp('12/31/2016 11:59:58 PM', 'MM/dd/yyyy hh:mm:ss a')
to_timestamp('x')
try_to_timestamp('x')
date_format(TIMESTAMP '2016-04-08 13:10:15.123456', 'yyyy-MM-dd HH:mm')
date_format(TIMESTAMP '2016-04-08 13:10:15.123456', 'dd.MM.yy hh:mm:ss a')
date_format(TIMESTAMP '2016-04-08 13:10:15.123456', "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX")
date_format(TIMESTAMP '2016-04-08 13:10:15.123456', 'EEEE, d MMMM yyyy')
date_format('2016-04-08', 'MM/dd/yyyy')
date_format(DATE '2016-04-08', 'YYYY-ww')
date_format(NULL, 'y')
timestampadd(HOUR, 8, TIMESTAMP '2022-02-11 20:30:00')
timestampadd(MONTH, 1, DATE '2024-01-31')
timestampdiff(HOUR, TIMESTAMP '2022-02-11 20:30:00', TIMESTAMP '2022-02-12 04:29:00')
timestampdiff(MONTH, DATE '2021-02-28', DATE '2021-03-28')
current_date() IS NOT NULL
current_date IS NOT NULL
current_timestamp() IS NOT NULL
now() IS NOT NULL
current_timezone()
"""

COLLECTIONS = r"""
array(1, 2, 3)
array()
array(1, NULL)
array(1, 'a')
array(1, 2, 3)[0]
array(1, 2, 3)[3]
array(1, 2, 3)[-1]
get(array(1, 2, 3), 5)
element_at(array(1, 2, 3), -1)
element_at(array(1, 2, 3), 0)
element_at(array(1, 2, 3), 5)
element_at(map(1, 'a'), 2)
try_element_at(array(1, 2, 3), 5)
array_contains(array(1, 2, 3), 2)
array_contains(array(1, NULL), 2)
array_contains(array(1, 2), 'a')
array_contains(array(1), NULL)
array_repeat('123', 2)
array_repeat(NULL, 2)
array_repeat(1, -1)
array_repeat(1, NULL)
sort_array(shuffle(array(1, 20, 3)))
sort_array(shuffle(array(1, 20, 3), 42))
shuffle(NULL)
slice(array(1, 2, 3, 4), -2, 2)
slice(array(1, 2, 3, 4), 3, 9)
slice(array(1, 2), -3, 2)
slice(array(1, 2), 0, 1)
slice(NULL, 1, 1)
size(array('b', 'd', 'c', 'a'))
size(map('a', 1, 'b', 2))
size(array())
size(NULL)
cardinality(array(1, 2))
array_size(array(1, 2))
sort_array(array('b', 'd', NULL, 'c', 'a'))
sort_array(array('b', 'd', NULL, 'c', 'a'), false)
array_sort(array(5, NULL, 1))
array_sort(array(5, 6, 1), (left, right) -> right - left)
array_distinct(array(1, 2, 3, NULL, 3, NULL))
array_union(array(1, 2), array(2, 3))
array_intersect(array(1, 2, 3), array(1, 3, 5))
array_except(array(1, 2, 2, 3), array(1))
array_join(array('hello', NULL, 'world'), ' ')
array_max(array(1, 20, NULL, 3))
array_position(array(3, 2, 1), 1)
array_remove(array(1, 2, 3, NULL, 3), 3)
array_append(array('b', 'd'), 'c')
array_insert(array(1, 2, 4), 3, 3)
array_compact(array(1, NULL, 2))
arrays_overlap(array(1, NULL), array(2))
arrays_zip(array(1, 2), array('a'))
flatten(array(array(1, 2), array(3)))
sequence(1, 5)
sequence(5, 1)
sequence(DATE '2018-01-01', DATE '2018-03-01', INTERVAL 1 MONTH)
transform(array(1, 2), x -> x + 1)
filter(array(1, 2, 3), x -> x % 2 == 1)
exists(array(1, 2, 3), x -> x > 2)
forall(array(1, 2, 3), x -> x > 0)
aggregate(array(1, 2, 3), 0, (acc, x) -> acc + x, acc -> acc * 10)
reduce(array(1, 2, 3), 0, (acc, x) -> acc + x)
zip_with(array(1, 2), array(3, 4), (x, y) -> x + y)
transform_values(map('a', 1), (k, v) -> v + 1)
map_filter(map('a', 1, 'b', 2), (k, v) -> v > 1)
map(1.0, '2', 3.0, '4')
map('a', 1, 'a', 2)
map(NULL, 1)
map('a', 1)['a']
map('a', 1)['b']
map_keys(map('a', 1))
map_values(map('a', 1))
map_entries(map('a', 1))
map_contains_key(map('a', 1), 'a')
map_concat(map('a', 1), map('b', 2))
map_from_arrays(array(1.0, 3.0), array('2', '4'))
map_from_arrays(array('a', 'b'), array(1, NULL))
map_from_arrays(array('a', NULL), array(1, 2))
map_from_arrays(array('a'), array(1, 2))
map_from_entries(array(struct(1, 'a'), struct(2, 'b')))
map_from_entries(array(struct(1, 'a'), NULL))
map_from_entries(array(struct(1, 'a'), struct(1, 'b')))
str_to_map('a:1,b:2')
str_to_map('a')
str_to_map('a:1,a:2')
str_to_map(NULL)
struct(1, 'a')
struct(1, 'a').col1
named_struct('a', 1, 'b', 'x')
named_struct('a', 1).A
named_struct('a', named_struct('b', 1)).a.b
"""

JSON_AND_CSV = r"""
json_tuple('{"a":1, "b":"x"}', 'a', 'b')
json_tuple('no json', 'a')
json_tuple(NULL, 'a')
get_json_object('{"a":"b"}', '$.a')
get_json_object('{"a":{"b":[1,2]}}', '$.a.b[1]')
get_json_object('[{"a":1},{"a":2}]', '$[*].a')
get_json_object('no json', '$.a')
from_json('{"a":1, "b":0.8}', 'a INT, b DOUBLE')
from_json('no json', 'a INT')
from_json('[1,2]', 'array<int>')
to_json(named_struct('a', 1, 'b', NULL, 'c', 'x'))
json_array_length('[1,2,3]')
"""

AGGREGATES = r"""
SELECT avg(a) FROM VALUES (1), (2), (NULL) AS t(a)
SELECT avg(a) FROM VALUES (1.50), (2.25) AS t(a)
SELECT avg(a) FROM VALUES (CAST(NULL AS INT)) AS t(a)
SELECT mean(a) FROM VALUES (1), (4) AS t(a)
SELECT sum(a) FROM VALUES (1), (2), (NULL) AS t(a)
SELECT sum(a) FROM VALUES (1.50), (2.25) AS t(a)
SELECT sum(a) FROM VALUES ('1'), ('2') AS t(a)
SELECT sum(a) FROM VALUES (9223372036854775807L), (1L) AS t(a)
SELECT try_sum(a) FROM VALUES (5), (10), (NULL) AS t(a)
SELECT try_sum(a) FROM VALUES (9223372036854775807L), (1L) AS t(a)
SELECT try_sum(a) FROM VALUES (CAST(NULL AS INT)) AS t(a)
SELECT try_sum(a) FROM VALUES (1.50), (2.25) AS t(a)
SELECT sort_array(collect_list(a)) FROM VALUES (1), (2), (1), (NULL) AS t(a)
SELECT collect_list(a) FROM VALUES (CAST(NULL AS INT)) AS t(a)
SELECT sort_array(array_agg(a)) FROM VALUES (1), (2), (1), (NULL) AS t(a)
SELECT sort_array(collect_set(a)) FROM VALUES (1), (2), (1), (NULL) AS t(a)
SELECT collect_set(a) FROM VALUES (1) AS t(a) WHERE a > 1
SELECT b, sort_array(collect_list(a)) FROM VALUES (1, 'x'), (2, 'x'), (3, 'y') AS t(a, b) GROUP BY b ORDER BY b
SELECT listagg(a, ',') WITHIN GROUP (ORDER BY a) FROM VALUES ('b'), ('a') AS t(a)
SELECT count(*), count(a), count(DISTINCT a) FROM VALUES (1), (1), (NULL) AS t(a)
SELECT count(a, b), count(DISTINCT a, b) FROM VALUES (1, 2), (1, NULL), (1, 2) AS t(a, b)
SELECT count_if(a % 2 = 0) FROM VALUES (NULL), (0), (1), (2) AS t(a)
SELECT max(a), min(a) FROM VALUES ('a'), ('B'), (NULL) AS t(a)
SELECT max(a) FROM VALUES (CAST('NaN' AS DOUBLE)), (1.0D) AS t(a)
SELECT max_by(a, b), min_by(a, b) FROM VALUES ('a', 10), ('b', 50), ('c', 20), ('d', NULL) AS t(a, b)
SELECT bool_and(a), bool_or(a), every(a), some(a), any(a) FROM VALUES (true), (false), (NULL) AS t(a)
SELECT bit_and(a), bit_or(a), bit_xor(a) FROM VALUES (3), (5) AS t(a)
SELECT first(a), last(a) FROM VALUES (10), (5), (20) AS t(a)
SELECT first(a), first(a, true), first(a) IGNORE NULLS FROM VALUES (NULL), (5), (20) AS t(a)
SELECT percentile(a, 0.5) FROM VALUES (1), (2), (3), (4) AS t(a)
SELECT percentile(a, array(0.25, 0.75)) FROM VALUES (0), (10) AS t(a)
SELECT percentile_approx(a, 0.5) FROM VALUES (1), (2), (3), (4) AS t(a)
SELECT approx_percentile(a, 0.5, 100) FROM VALUES (0), (6), (7), (9), (10) AS t(a)
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FROM VALUES (1), (2), (3), (4) AS t(a)
SELECT median(a) FROM VALUES (1), (2), (3), (4) AS t(a)
SELECT mode(a) FROM VALUES (1), (2), (2) AS t(a)
SELECT approx_count_distinct(a) FROM VALUES (1), (1), (2), (2), (3) AS t(a)
SELECT stddev(a), stddev_samp(a), stddev_pop(a), std(a) FROM VALUES (1), (2), (4) AS t(a)
SELECT variance(a), var_samp(a), var_pop(a) FROM VALUES (1), (2), (4) AS t(a)
SELECT stddev(a), variance(a), stddev_pop(a) FROM VALUES (1) AS t(a)
SELECT skewness(a) FROM VALUES (-10), (-20), (100), (1000) AS t(a)
SELECT kurtosis(a) FROM VALUES (-10), (-20), (100), (1000) AS t(a)
SELECT corr(a, b) FROM VALUES (3, 2), (3, 3), (6, 4) AS t(a, b)
SELECT covar_pop(a, b), covar_samp(a, b) FROM VALUES (1, 1), (2, 2), (3, 3) AS t(a, b)
SELECT regr_slope(a, b), regr_intercept(a, b), regr_count(a, b) FROM VALUES (1, 1), (2, 3), (3, 4) AS t(a, b)
SELECT map_from_entries(sort_array(collect_list(struct(a, b)))) FROM VALUES ('x', 1), ('y', 2) AS t(a, b)
SELECT bit_count(a), abs(a), hex(a) FROM VALUES (-1), (NULL), (7) AS t(a) ORDER BY a
SELECT concat(a, b), concat_ws('-', a, b), a || b FROM VALUES ('x', 'y'), ('x', NULL) AS t(a, b) ORDER BY b
SELECT substring(a, b), elt(c, a, 'z') FROM VALUES ('abc', 0, 1), ('abc', -2, 2), (NULL, 1, 1) AS t(a, b, c) ORDER BY b
SELECT round(a, 1), floor(a), ceil(a) FROM VALUES (0.25D), (-0.25D), (NULL) AS t(a) ORDER BY a
SELECT if(a > 1, 'big', 'small') FROM VALUES (1), (2), (NULL) AS t(a) ORDER BY a
SELECT add_months(a, b), date_add(a, b) FROM VALUES (DATE '2024-01-31', 1), (NULL, 1) AS t(a, b) ORDER BY a
"""

WINDOWS = r"""
SELECT a, row_number() OVER (ORDER BY a) FROM VALUES (3), (1), (NULL) AS t(a) ORDER BY a
SELECT a, rank() OVER (ORDER BY a), dense_rank() OVER (ORDER BY a) FROM VALUES (1), (1), (2) AS t(a) ORDER BY a
SELECT a, percent_rank() OVER (ORDER BY a), cume_dist() OVER (ORDER BY a) FROM VALUES (1), (1), (2) AS t(a) ORDER BY a
SELECT a, ntile(2) OVER (ORDER BY a) FROM VALUES (1), (2), (3) AS t(a) ORDER BY a
SELECT a, lag(a) OVER (ORDER BY a), lead(a, 1, 0) OVER (ORDER BY a) FROM VALUES (1), (2), (3) AS t(a) ORDER BY a
SELECT a, nth_value(a, 2) OVER (ORDER BY a) FROM VALUES (1), (2), (3) AS t(a) ORDER BY a
SELECT a, sum(a) OVER (ORDER BY a) FROM VALUES (1), (1), (2) AS t(a) ORDER BY a
SELECT a, sum(a) OVER (ORDER BY a ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM VALUES (1), (2), (3) AS t(a) ORDER BY a
SELECT b, a, max(a) OVER (PARTITION BY b) FROM VALUES (1, 'x'), (2, 'x'), (3, 'y') AS t(a, b) ORDER BY b, a
SELECT a, row_number() OVER () FROM VALUES (1) AS t(a)
"""

STATEMENTS = r"""
-- The order of NULL and of what is not a number.
SELECT a FROM VALUES (2), (NULL), (1) AS t(a) ORDER BY a
SELECT a FROM VALUES (2), (NULL), (1) AS t(a) ORDER BY a DESC
SELECT a FROM VALUES (2), (NULL), (1) AS t(a) ORDER BY a NULLS LAST
SELECT a FROM VALUES (1.0D), (CAST('NaN' AS DOUBLE)), (CAST('Infinity' AS DOUBLE)) AS t(a) ORDER BY a
SELECT a FROM VALUES ('b'), ('A'), ('a') AS t(a) ORDER BY a
SELECT a, b FROM VALUES (1, 'x'), (2, 'y') AS t(a, b) ORDER BY ALL DESC
SELECT a FROM VALUES (2), (1) AS t(a) SORT BY a
-- Groups.
SELECT b, sum(a) FROM VALUES (1, 'x'), (2, 'x'), (3, 'y') AS t(a, b) GROUP BY ALL ORDER BY b
SELECT b, sum(a) FROM VALUES (1, 'x'), (2, 'x'), (3, 'y') AS t(a, b) GROUP BY 1 ORDER BY 1
SELECT upper(b) AS c, sum(a) FROM VALUES (1, 'x'), (2, 'X') AS t(a, b) GROUP BY c
SELECT b, sum(a) AS s FROM VALUES (1, 'x'), (2, 'x'), (3, 'y') AS t(a, b) GROUP BY b HAVING s > 3
SELECT a, b, count(*) FROM VALUES (1, 'x'), (2, 'x') AS t(a, b) GROUP BY b, a WITH ROLLUP ORDER BY b, a
SELECT a, grouping(a), grouping_id() FROM VALUES (1), (2) AS t(a) GROUP BY CUBE(a) ORDER BY a
SELECT a, b, count(*) FROM VALUES (1, 'x') AS t(a, b) GROUP BY GROUPING SETS ((a), (b)) ORDER BY a, b
SELECT a FROM VALUES (1, 2) AS t(a, b) GROUP BY b
-- Columns.
SELECT * EXCEPT (b) FROM VALUES (1, 'x') AS t(a, b)
SELECT s.* FROM (SELECT named_struct('a', 1, 'b', 'x') AS s)
SELECT a AS x, x + 1 AS y FROM VALUES (1) AS t(a)
SELECT T.A FROM VALUES (1) AS t(a)
SELECT missing FROM VALUES (1) AS t(a)
SELECT no_such_function(1)
SELECT s.a, s['a'] FROM (SELECT named_struct('a', 1) AS s)
SELECT m['x'], m.x FROM (SELECT map('x', 1) AS m)
-- Rows to read from.
VALUES (1, 'a'), (2, 'b')
SELECT * FROM VALUES 1, 2
SELECT id FROM range(5) ORDER BY id
SELECT id FROM range(1, 10, 3) ORDER BY id
FROM VALUES (1), (2) AS t(a) SELECT a WHERE a > 1
WITH t AS (SELECT 1 AS a), u AS (SELECT a + 1 AS b FROM t) SELECT * FROM t, u
SELECT a FROM VALUES (1), (2), (3) AS t(a) ORDER BY a LIMIT 1 OFFSET 1
SELECT a FROM VALUES (1), (2), (3) AS t(a) ORDER BY a LIMIT ALL
-- Joins.
SELECT t.a FROM VALUES (1), (2), (NULL) AS t(a) LEFT SEMI JOIN VALUES (1), (NULL) AS u(a) ON t.a = u.a
SELECT t.a FROM VALUES (1), (2), (NULL) AS t(a) LEFT ANTI JOIN VALUES (1), (NULL) AS u(a) ON t.a = u.a ORDER BY a
SELECT t.a FROM VALUES (1), (2) AS t(a) SEMI JOIN VALUES (1) AS u(a) USING (a)
SELECT t.a FROM VALUES (1), (2) AS t(a) ANTI JOIN VALUES (1) AS u(a) ON t.a = u.a
SELECT * FROM VALUES (1, 'x') AS t(a, b) JOIN VALUES (1, 'y') AS u(a, c) USING (a)
SELECT t.a, u.a FROM VALUES (1), (2) AS t(a) FULL OUTER JOIN VALUES (2), (3) AS u(a) ON t.a = u.a ORDER BY t.a, u.a
SELECT count(*) FROM VALUES (1), (2) AS t(a) JOIN VALUES (1), (2) AS u(b)
SELECT count(*) FROM VALUES (1), (NULL) AS t(a) JOIN VALUES (2), (NULL) AS u(b) ON t.a <=> u.b
SELECT a, b FROM VALUES (1), (2) AS t(a), LATERAL (SELECT a * 10 AS b) ORDER BY a
SELECT /*+ BROADCAST(u) */ t.a FROM VALUES (1) AS t(a) JOIN VALUES (1) AS u(a) ON t.a = u.a
SELECT a FROM VALUES (1), (2) AS t(a) WHERE a NOT IN (SELECT NULL)
-- Generators.
SELECT explode(array(10, 20))
SELECT explode_outer(CAST(array() AS ARRAY<INT>))
SELECT posexplode(array('a', 'b'))
SELECT a, explode(b) AS c FROM VALUES (1, array(1, 2)), (2, array()) AS t(a, b) ORDER BY a, c
SELECT a, c FROM VALUES (1, array(1, 2)), (2, array()) AS t(a, b) LATERAL VIEW explode(b) u AS c ORDER BY a, c
SELECT a, c FROM VALUES (1, array(1, 2)), (2, array()) AS t(a, b) LATERAL VIEW OUTER explode(b) u AS c ORDER BY a, c
SELECT k, v FROM VALUES (map('a', 1, 'b', 2)) AS t(m) LATERAL VIEW explode(m) u AS k, v ORDER BY k
SELECT p, c FROM VALUES (array('x', 'y')) AS t(b) LATERAL VIEW posexplode(b) u AS p, c ORDER BY p
SELECT j.x, j.y FROM VALUES ('{"a":1,"b":2}') AS t(s) LATERAL VIEW json_tuple(s, 'a', 'b') j AS x, y
SELECT * FROM explode(array(1, 2)) ORDER BY 1
SELECT inline(array(struct(1, 'a'), struct(2, 'b')))
SELECT stack(2, 1, 2, 3)
-- Rows to columns and back.
SELECT * FROM VALUES ('x', 'a', 1), ('x', 'b', 2) AS t(k, c, v) PIVOT (sum(v) FOR c IN ('a', 'b'))
SELECT * FROM VALUES ('x', 'a', 1), ('y', 'b', 2) AS t(k, c, v) PIVOT (sum(v) AS s FOR c IN ('a' AS a, 'b' AS b)) ORDER BY k
SELECT * FROM VALUES ('x', 1, 2) AS t(k, a, b) UNPIVOT (v FOR c IN (a, b)) ORDER BY c
SELECT a FROM VALUES (1), (2) AS t(a) QUALIFY row_number() OVER (ORDER BY a) = 1
-- Sets.
SELECT a FROM (SELECT 1 AS a UNION ALL SELECT 2.5) ORDER BY a
SELECT a FROM (SELECT 1 AS a UNION ALL SELECT 'x') ORDER BY a
SELECT 1 MINUS SELECT 2
SELECT a FROM VALUES (1), (1), (2) AS t(a) EXCEPT ALL SELECT 1
-- Others.
SELECT /* a comment */ 1
SELECT 1;
SELECT (SELECT a FROM VALUES (1), (2) AS t(a))
SELECT a FROM VALUES ('x'), ('y') AS t(a) WHERE a == "x"
SELECT a FROM VALUES (1), (2), (3), (4) AS t(a) DISTRIBUTE BY a % 2 SORT BY a
FROM VALUES (1), (2) AS t(a) |> WHERE a > 1 |> SELECT a * 10 AS b
SELECT version() IS NOT NULL
SELECT current_user() IS NOT NULL, current_catalog(), current_database()
"""

# Here the names of the columns are the question.
NAMES = r"""
SELECT 1 AS `a b`
SELECT 1 AS Ab
SELECT 1 AS `a.b`
SELECT `a.b` FROM (SELECT 1 AS `a.b`)
SELECT `a``b` FROM (SELECT 1 AS `a``b`)
SELECT `AB` FROM (SELECT 1 AS ab)
SELECT aB FROM (SELECT 1 AS Ab)
SELECT 1 AS 1a
SELECT 1 AS "a"
SELECT 1 AS 'a'
SELECT 1 AS a, 2 AS a
SELECT 1, 'a', NULL, 1.5
SELECT 7 / 2, 1 + 1, -1
SELECT upper('a'), CAST(1 AS STRING), CASE WHEN true THEN 1 END
SELECT count(*), sum(a), max(a) AS m FROM VALUES (1) AS t(a)
SELECT * FROM VALUES (1, 'x')
SELECT explode(map('a', 1))
SELECT posexplode(array('a'))
SELECT json_tuple('{"a":1}', 'a')
SELECT array(1)[0], named_struct('a', 1).a
SELECT if(true, 1, 2), nvl(1, 2), substr('a', 1), ceil(1.5), date_part('year', DATE '2024-01-01')
"""

GROUPS = [
    LITERALS, OPERATORS, CASTS, CONDITIONS, MATHEMATICS, BITS, HASHES, STRINGS, URLS, DATES, COLLECTIONS, JSON_AND_CSV,
    AGGREGATES, WINDOWS, STATEMENTS, NAMES,
]  # fmt: skip


def statements(group: str) -> list[str]:
    lines = [line for line in group.splitlines() if line and not line.startswith("--")]
    return [line if line.startswith(("SELECT ", "WITH ", "FROM ", "VALUES ")) else f"SELECT {line}" for line in lines]


def session() -> SparkSession:
    # Every error is logged too, with the whole stack.
    logging.disable()
    # What Python makes of a timestamp is in the zone of the process.
    os.environ["TZ"] = "UTC"
    time.tzset()
    settings = {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.shuffle.partitions": "1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
    }
    spark = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    return spark


def collect(frame: DataFrame) -> list[list]:
    """The rows, by columns that have a name each; Python has no value for some intervals, so Spark writes them."""
    frame = frame.toDF(*(f"c{index}" for index in range(len(frame.columns))))
    for field in frame.schema.fields:
        if field.dataType.simpleString().startswith("interval"):
            frame = frame.withColumn(field.name, frame[field.name].cast("string"))
    return [[text(value, field.dataType) for value, field in zip(row, frame.schema)] for row in frame.collect()]


def text(value: object, of: DataType) -> str | None:
    value = canonical(value, of)
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return value


def canonical(value: object, of: DataType) -> str | list | dict | None:
    match value, of:
        case None, _:
            return None
        case _, ArrayType():
            return [canonical(element, of.elementType) for element in value]
        case _, StructType():
            return {field.name: canonical(element, field.dataType) for element, field in zip(value, of)}
        case _, MapType():
            entries = [(canonical(key, of.keyType), canonical(value[key], of.valueType)) for key in value]
            return dict(sorted(entries))
        case bool(), _:
            return str(value).lower()
        case str(), _:
            return value
        case int(), _:
            return str(value)
        case float(), _:
            return repr(value)
        case decimal.Decimal(), _:
            return format(value, "f")
        case bytearray(), _:
            return value.hex()
        case (datetime.date() | datetime.datetime()), _:
            return value.isoformat()
    raise TypeError(f"no text for {value!r} of {of.simpleString()}")


def condition(error: PySparkException | Py4JJavaError) -> str:
    if isinstance(error, Py4JJavaError):
        return error.java_exception.getCondition()
    return error.getCondition() or type(error).__name__


def answer(spark: SparkSession, sql: str) -> dict:
    try:
        frame = spark.sql(sql)
        types = ", ".join(field.dataType.simpleString() for field in frame.schema)
        rows = collect(frame)
    except (PySparkException, Py4JJavaError) as error:
        return {"sql": sql, "error": condition(error)}
    record = {"sql": sql, "type": types, "answer": rows}
    return record if len(rows) < 2 or "ORDER BY" in sql else record | {"unordered": True}


def main() -> None:
    asked = [sql for group in GROUPS for sql in statements(group)]
    named = set(statements(NAMES))
    spark = session()
    for sql in asked:
        record = answer(spark, sql)
        if sql in named and "answer" in record:
            record["names"] = spark.sql(sql).columns
        print(json.dumps(record, ensure_ascii=False))
    spark.stop()


if __name__ == "__main__":
    main()
