"""Random tables and queries that DuckDB and Squadron read alike.

What the two read differently is left out: `/` of integers, LIKE's escapes, the order of NULLs where none is asked for,
what a window or a LIMIT takes of rows that its order does not tell apart.
"""

import datetime
import decimal
import random
import struct

import pyarrow as pa

# What 0.0 / 0.0 gives on x86: a NaN with its sign set.
NEGATIVE_NAN = struct.unpack("<d", b"\x00" * 6 + b"\xf8\xff")[0]
FLOATS = [0.0, -0.0, 1.5, -2.25, 3.0, float("inf"), float("-inf"), float("nan"), NEGATIVE_NAN]
TEXTS = ["", "a", "ab", "abc", "B", "é", "zz", "a%", "x_y", " a"]
INTEGERS = [0, 1, -1, 5, 100, 2**40, -(2**40)]
TABLES = ["t", "u", "w"]
# Microseconds since 1970: some are whole milliseconds, some are between two.
INSTANTS = [0, 1_000, 1_001, -2_000, -1_999, 1_577_836_800_000_000, 1_577_836_800_124_000, 1_577_836_800_124_455]
COLUMNS = {
    "int": ["id", "a", "b"], "text": ["s"], "date": ["d"], "float": ["x"], "dec": ["m"], "instant": ["t", "n"],
    "bool": ["f"],
}
KINDS = list(COLUMNS)
ORDERED = KINDS[:6]
JOINABLE = ["int", "int", "text", "date", "dec", "instant"]


def table(rng: random.Random, rows: int) -> pa.Table:
    """Columns of every kind with NULLs among them; `id` tells rows apart."""
    def some(value):
        return [None if rng.random() < 0.15 else value() for _ in range(rows)]

    day = datetime.date(2020, 1, 1)
    return pa.table({
        "id": pa.array(range(rows), pa.int64()),
        "a": pa.array(some(lambda: rng.randint(-3, 8)), pa.int32()),
        "b": pa.array(some(lambda: rng.choice(INTEGERS)), pa.int64()),
        "s": pa.array(some(lambda: rng.choice(TEXTS)), pa.string()),
        "d": pa.array(some(lambda: day + datetime.timedelta(rng.randint(-400, 400))), pa.date32()),
        "x": pa.array(some(lambda: rng.choice(FLOATS)), pa.float64()),
        "m": pa.array(some(lambda: decimal.Decimal(rng.randint(-500, 500)) / 100), pa.decimal128(10, 2)),
        "t": pa.array(some(lambda: rng.choice(INSTANTS) // 1_000), pa.timestamp("ms")),
        "n": pa.array(some(lambda: rng.choice(INSTANTS)), pa.timestamp("us")),
        "f": pa.array(some(lambda: rng.random() < 0.5), pa.bool_()),
        "l": pa.array(some(lambda: [rng.choice([None, 1, 2, 3]) for _ in range(rng.randint(0, 3))]), pa.list_(pa.int32())),
        "g": pa.array(
            some(lambda: {"p": rng.choice([None, 1, 2]), "q": rng.choice([None, "a", "b"])}),
            pa.struct({"p": pa.int64(), "q": pa.string()}),
        ),
    })


def instant(microseconds: int) -> str:
    return str(datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=microseconds))


class Queries:
    """Queries over tables of those columns, one after the other."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def pick(self, *choices):
        return self.rng.choice(choices)

    def query(self) -> str:
        return self.pick(
            self.rows, self.rows, self.totals, self.groups, self.groups, self.sets, self.window,
            self.window, self.union, self.first_rows, self.of_groups, self.three_tables, self.selected, self.skipped,
            self.branches, self.nested, self.nested, self.outside, self.totals_of_totals, self.same_keys,
        )()

    # === expressions ===

    def literal(self, kind: str) -> str:
        rng = self.rng
        return {
            "int": lambda: self.pick("0", "1", "2", "5", "-1", "100"),
            "text": lambda: self.pick("''", "'a'", "'ab'", "'é'", "'B'"),
            "date": lambda: f"date '20{rng.choice([19, 20])}-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}'",
            "float": lambda: f"cast({self.pick('0.0', '-0.0', '1.5')} as double)",
            "dec": lambda: f"cast({rng.randint(-300, 300) / 100} as decimal(10, 2))",
            "instant": lambda: f"timestamp '{instant(rng.choice(INSTANTS))}'",
            "bool": lambda: self.pick("true", "false"),
        }[kind]()

    def column(self, kind: str, names: list[str]) -> str:
        return f"{self.rng.choice(names)}.{self.rng.choice(COLUMNS[kind])}"

    def expression(self, kind: str, names: list[str], depth: int = 2) -> str:
        draw = self.rng.random()
        if depth == 0 or draw < 0.35:
            return self.column(kind, names)
        if draw < 0.5:
            return self.literal(kind)
        within = lambda other=kind: self.expression(other, names, depth - 1)
        if draw < 0.6:
            return f"coalesce({within()}, {within()})"
        if draw < 0.68:
            return f"nullif({within()}, {within()})"
        if draw < 0.78:
            return f"case when {self.comparison(names, depth - 1)} then {within()} else {within()} end"
        forms = {
            "int": ["({0} + {1})", "({0} - {1})", "({0} * 3)", "({0} % 7)", "-({0})", "abs({0})",
                    "greatest({0}, {1})", "length({text})", "ascii({text})",
                    "cast(extract(month from {date}) as int)"],
            "text": ["({0} || {1})", "upper({0})", "lower({0})", "substr({0}, 2, 1)", "trim({0})",
                     "left({0}, 1)", "replace({0}, 'a', 'q')", "concat({0}, '-', {1})",
                     "cast({int} as varchar)", "reverse({0})"],
            "date": ["greatest({0}, {1})", "cast(date_trunc('month', {0}) as date)"],
            "dec": ["({0} + {1})", "({0} - {1})", "abs({0})", "least({0}, {1})", "round({0}, 1)"],
            "float": ["greatest({0}, {1})"],
            "instant": ["greatest({0}, {1})", "date_trunc('second', {0})"],
            "bool": ["({0} and {1})", "({0} or {1})", "not ({0})"],
        }
        form = self.rng.choice(forms[kind])
        values = {other: within(other) for other in KINDS if f"{{{other}}}" in form}
        return form.format(within(), within(), **values)

    def comparison(self, names: list[str], depth: int = 1) -> str:
        kind = self.rng.choice(ORDERED)
        value = lambda: self.expression(kind, names, depth)
        if self.rng.random() < 0.1:
            return self.of_casts(names)
        if self.rng.random() < 0.05:
            return self.bounds(names)
        negated = self.pick("", "not ")
        draw = self.rng.random()
        if draw < 0.4:
            operator = self.pick("=", "<>", "<", "<=", ">", ">=", "is distinct from", "is not distinct from")
            return f"{value()} {operator} {value()}"
        if draw < 0.55:
            return f"{value()} is {negated}null"
        if draw < 0.7:
            return f"{value()} {negated}in ({self.literal(kind)}, {self.literal(kind)}{self.pick('', ', null')})"
        if draw < 0.85:
            return f"{value()} {negated}between {value()} and {value()}"
        return f"{self.expression('text', names, depth)} {negated}like '{self.pick('a%', '%b%', '_', '%_y')}'"

    def bounds(self, names: list[str]) -> str:
        """Two bounds of one column, often by one value, which is on either side."""
        kind = self.rng.choice(ORDERED)
        column, value = self.column(kind, names), self.literal(kind)
        operator = lambda: self.pick("<", "<=", ">", ">=", "=")
        side = lambda bound: self.pick(f"{column} {operator()} {bound}", f"{bound} {operator()} {column}")
        return f"({side(value)} and {side(self.pick(value, self.literal(kind)))})"

    def of_casts(self, names: list[str]) -> str:
        """Casts that make one value of several, or none."""
        operator = self.pick("=", "<>", "<", ">=", "is distinct from")
        short = f"cast({self.column('dec', names)} as decimal(8, 1))"
        return self.pick(
            f"{short} {operator} cast({self.rng.randint(-50, 50) / 10} as decimal(8, 1))",
            f"{short} in (cast(1.0 as decimal(8, 1)), cast({self.rng.randint(-50, 50) / 10} as decimal(8, 1)))",
            f"try_cast({self.column('int', names)} as smallint) {operator} {self.literal('int')}",
            f"cast({self.column('instant', names)} as date) {operator} date '2020-01-01'",
        )

    def condition(self, names: list[str], depth: int = 2) -> str:
        """Parentheses are left out where SQL's precedence does without."""
        draw = self.rng.random()
        if depth == 0 or draw < 0.4:
            return self.comparison(names)
        within = lambda: self.condition(names, depth - 1)
        if draw < 0.55:
            return f"{self.comparison(names)} and {within()}"
        if draw < 0.7:
            return f"({self.comparison(names)} or {within()})"
        if draw < 0.78:
            return f"not ({within()})"
        other = self.rng.choice(TABLES)
        if draw < 0.9:
            kind = self.rng.choice(JOINABLE)
            inner = f"select q.{self.rng.choice(COLUMNS[kind])} from {other} q where {self.comparison(['q'])}"
            member = self.pick("in", "not in", "= any", "<> all")
            return f"{self.column(kind, names)} {member} ({inner})"
        column = self.rng.choice(COLUMNS[self.rng.choice(JOINABLE)])
        inner = f"select 1 from {other} z where z.{column} = {self.rng.choice(names)}.{column}"
        return f"{self.pick('', 'not ')}exists ({inner})"

    def aggregate(self, names: list[str]) -> str:
        value = lambda *kinds: self.expression(self.rng.choice(kinds), names, 1)
        call = self.pick(
            "count(*)",
            f"count({self.pick('', 'distinct ')}{value(*KINDS)})",
            f"sum({self.pick('', 'distinct ')}{value('int', 'dec')})",
            f"{self.pick('min', 'max')}({value(*ORDERED)})",
            f"{self.pick('min', 'max')}({self.column('float', names)})",
            f"avg({value('int')})",
            f"bool_or({self.comparison(names)})",
            f"string_agg({self.pick('', 'distinct ')}{names[0]}.s, ',' order by {names[0]}.s)",
        )
        return call + self.pick("", "", "", f" filter (where {self.comparison(names)})")

    # === queries ===

    def source(self) -> tuple[str, list[str]]:
        left, right = self.rng.choice(TABLES), self.rng.choice(TABLES)
        if self.rng.random() < 0.35:
            return f"{left} p", ["p"]
        kind = self.rng.choice(JOINABLE)
        join = self.pick("join", "left join", "right join", "full join")
        on = f"p.{self.rng.choice(COLUMNS[kind])} = q.{self.rng.choice(COLUMNS[kind])}"
        return f"{left} p {join} {right} q on {on}", ["p", "q"]

    def where(self, names: list[str]) -> str:
        return self.pick("", f" where {self.condition(names)}", f" where {self.condition(names)}")

    def rows(self) -> str:
        source, names = self.source()
        count = self.rng.randint(1, 3)
        values = [f"{self.expression(self.rng.choice(KINDS), names)} as c{i}" for i in range(count)]
        return f"select {self.pick('', 'distinct ')}{', '.join(values)} from {source}{self.where(names)}"

    def selected(self) -> str:
        """What a condition is, as a column."""
        source, names = self.source()
        kind, other = self.rng.choice(JOINABLE), self.rng.choice(TABLES)
        column = self.rng.choice(COLUMNS[kind])
        value = self.pick(
            f"{self.column(kind, names)} {self.pick('', 'not ')}in (select y.{column} from {other} y where {self.comparison(['y'])})",
            f"{self.pick('', 'not ')}exists (select 1 from {other} y where y.{column} = {names[0]}.{column})",
            f"case when {self.condition(names, 1)} then 'yes' else 'no' end",
            f"(select max(y.id) from {other} y where y.{column} = {names[0]}.{column})",
        )
        return f"select {names[0]}.id, {value} as v from {source}{self.where(names)}"

    def skipped(self) -> str:
        """An order that matters to what is made of its rows alone."""
        order = f"p.{self.pick('a', 'b', 's', 'd', 'm', 't')} {self.pick('', 'desc')} nulls {self.pick('first', 'last')}, p.id"
        inner = f"select p.id, p.a from {self.rng.choice(TABLES)} p{self.where(['p'])} order by {order} {self.pick('', 'limit 7')} offset {self.pick(0, 1, 5)}"
        join = self.pick("", f" join {self.rng.choice(TABLES)} r on r.a = q.a")
        return f"select count(*) as c, sum(q.id) as v from ({inner}) q{join}"

    def branches(self) -> str:
        """A column that is the same in all rows of a branch."""
        branch = lambda n: f"select {n} as k, p.{self.pick('a', 'b', 'id')} as v from {self.rng.choice(TABLES)} p{self.where(['p'])}"
        order = self.pick("k, v nulls first", "k desc, v nulls last", "v nulls first, k")
        rows = f"select k, v from ({branch(2)} union all {branch(1)}) z order by {order} limit {self.pick(1, 3, 10)}"
        return self.pick(rows, f"select sum(v) as v, max(k) as k from ({rows}) y")

    def totals(self) -> str:
        source, names = self.source()
        values = [f"{self.aggregate(names)} as c{i}" for i in range(self.rng.randint(1, 3))]
        return f"select {', '.join(values)} from {source}{self.where(names)}"

    def outside(self) -> str:
        """Conditions on columns that are the same in all rows, over totals, which have a row of no rows."""
        source, names = self.source()
        by = self.pick("", "", f" group by rollup({self.column('text', names)})", f" group by {self.column('int', names)}")
        total = lambda c: f"select {c} as c, {self.aggregate(names)} as v from {source}{self.where(names)}{by}"
        where = self.pick("c = 6", "c <> 5", "c = 5", "c > 5 and c < 5", "v is null and c = 6")
        other = self.rng.choice(TABLES)
        return self.pick(
            f"select c, v from ({total(5)}) z where {where}",
            f"select z.c, y.id from {other} y left join ({total(5)}) z on {self.pick('false', 'z.c = 6', 'z.c = 5')}",
            f"select y.id from {other} y where {self.pick('', 'not ')}exists (select 1 from ({total(5)}) z where {where})",
            f"select c, count(*) as n from ({total(5)} union all select 6 as c, {self.aggregate(names)} as v from {source}) z where {where} group by c",
        )

    def totals_of_totals(self) -> str:
        inner = f"select count(*) as n, max({self.pick('a', 'id')}) as m from {self.rng.choice(TABLES)} p{self.pick('', self.where(['p']))}"
        call = self.pick("sum(n)", "count(*)", "count(distinct n)", "max(m)", "bool_or(n > 3)", "avg(n + 1)")
        kept = self.pick("n < 9", "n > 1", "m in (7, 8)", "m is null")
        return f"select {call} filter (where {kept}) as v{self.pick('', ', count(n) as c')} from ({inner}) q"

    def same_keys(self) -> str:
        """Windows by columns that are the same in all rows, of each other or throughout."""
        p, q = self.rng.choice(TABLES), self.rng.choice(TABLES)
        call = self.pick("row_number()", "count(*)", "sum(p.id)")
        return self.pick(
            f"select p.id, q.id as other, {call} over (partition by p.a, q.a order by p.id, q.id) as v from {p} p join {q} q on p.a = q.a",
            f"select p.id, {call} over (partition by x, y order by p.id) as v from (select id, a as x, a as y from {p}) p",
            f"select p.id, {call} over (partition by p.a, p.s order by p.id) as v from {p} p where p.a = {self.pick(1, 2)}",
        )

    def groups(self) -> str:
        source, names = self.source()
        keys = [self.expression(self.rng.choice(KINDS), names, 1) for _ in range(self.rng.randint(1, 2))]
        named = ", ".join(f"{key} as k{i}" for i, key in enumerate(keys))
        by = ", ".join(str(i + 1) for i in range(len(keys)))
        having = self.pick("", " having count(*) > 1", f" having {self.aggregate(names)} is not null")
        return f"select {named}, {self.aggregate(names)} as v from {source}{self.where(names)} group by {by}{having}"

    def sets(self) -> str:
        source, names = self.source()
        first, second = self.column("text", names), self.column(self.pick("int", "date", "bool"), names)
        by = self.pick(
            f"rollup({first}, {second})", f"cube({first}, {second})",
            f"grouping sets (({first}, {second}), ({second}), ())",
        )
        return f"select {first} as k0, {second} as k1, {self.aggregate(names)} as v from {source}{self.where(names)} group by {by}"

    def window(self) -> str:
        part = self.pick("", f"partition by {self.expression(self.rng.choice(KINDS), ['p'], 1)} ")
        frame = self.pick(
            "", "rows between 2 preceding and current row", "rows between 1 preceding and 1 following",
            "rows between unbounded preceding and unbounded following",
        )
        value = self.pick(
            f"sum({self.expression('int', ['p'], 1)}) over ({part}order by p.id {frame})",
            f"{self.pick('min', 'max')}({self.column(self.pick('int', 'date', 'float'), ['p'])}) over ({part}order by p.id {frame})",
            f"row_number() over ({part}order by p.id)",
            f"rank() over ({part}order by p.{self.pick('a', 'x', 's')} nulls first)",
            f"lag(p.a, 2) over ({part}order by p.id)",
            f"first_value(p.b) over ({part}order by p.id {frame})",
            f"sum(p.a) over ({part}order by p.a nulls last range between 1 preceding and 2 following)",
            f"count(*) over ({part}order by p.d nulls last range between interval '36 hours' preceding and interval '12 hours' preceding)",
            f"count(p.a) over ({part}order by p.t nulls last range between interval '300 microseconds' following and unbounded following)",
        )
        return f"select p.id, {value} as v from {self.rng.choice(TABLES)} p{self.where(['p'])}"

    def union(self) -> str:
        (left, left_names), (right, right_names) = self.source(), self.source()
        kinds = [self.rng.choice(KINDS) for _ in range(2)]
        values = lambda names: ", ".join(f"{self.expression(k, names, 1)} as c{i}" for i, k in enumerate(kinds))
        operator = self.pick("union", "union all", "intersect", "except")
        return (
            f"select {values(left_names)} from {left}{self.where(left_names)} {operator} "
            f"select {values(right_names)} from {right}{self.where(right_names)}"
        )

    def first_rows(self) -> str:
        value = self.expression(self.rng.choice(KINDS), ["p"])
        order = f"p.{self.pick('a', 'b', 's', 'd', 'm')} {self.pick('', 'desc')} nulls {self.pick('first', 'last')}, p.id"
        limit = f"limit {self.pick(1, 3, 10)}{self.pick('', ' offset 2')}"
        return f"select p.id, {value} as v from {self.rng.choice(TABLES)} p{self.where(['p'])} order by {order} {limit}"

    def of_groups(self) -> str:
        inner = f"select p.a as k, {self.aggregate(['p'])} as v from {self.rng.choice(TABLES)} p{self.where(['p'])} group by p.a"
        join = self.pick("join", "left join", "full join")
        return f"select g.k, g.v, q.id from ({inner}) g {join} {self.rng.choice(TABLES)} q on g.k = q.{self.pick('a', 'id')}"

    def three_tables(self) -> str:
        join = lambda: self.pick("join", "left join", "right join")
        p, q, r = (self.rng.choice(TABLES) for _ in range(3))
        return (
            f"select count(*) as n, sum(p.a) as v, count(q.id) as c, max(r.s) as m from {p} p {join()} {q} q on p.a = q.a "
            f"{join()} {r} r on {self.pick('p', 'q')}.s = r.s{self.where(['p', 'q', 'r'])}"
        )

    def nested(self) -> str:
        """Lists and structs with NULLs in them: sorted, grouped, joined, compared, and what they hold."""
        column, other = self.pick("l", "g"), self.rng.choice(TABLES)
        source = f"{self.rng.choice(TABLES)} p"
        order = f"p.{column} {self.pick('', 'desc')} nulls {self.pick('first', 'last')}, p.id"
        operator = self.pick("=", "<>", "<", ">=", "is distinct from", "is not distinct from")
        return self.pick(
            f"select p.id, p.{column} as v from {source}{self.where(['p'])} order by {order} limit {self.pick(1, 3, 10)}{self.pick('', ' offset 2')}",
            f"select p.{column} as k, {self.aggregate(['p'])} as v from {source}{self.where(['p'])} group by 1",
            f"select {self.pick('distinct ', '')}p.{column} as v, p.f from {source}{self.where(['p'])}",
            f"select count(distinct p.{column}) as n, count(p.{column}) as c from {source}{self.where(['p'])}",
            f"select p.id, q.id as other from {source} {self.pick('', 'left ', 'full ')}join {other} q on p.{column} = q.{column}",
            f"select p.id, q.id as other, p.{column} {operator} q.{column} as v from {source} join {other} q on p.a = q.a",
            f"select p.id, p.l[1] as x, p.g['p'] as y, p.g['q'] as z, p.l is null as w from {source}{self.where(['p'])}",
            f"select p.id, rank() over (order by p.{column} nulls {self.pick('first', 'last')}) as v from {source}{self.where(['p'])}",
            f"select p.{column} as v from {source}{self.where(['p'])} {self.pick('union', 'union all', 'intersect', 'except')} select q.{column} from {other} q",
            f"select p.id from {source} where p.{column} {self.pick('', 'not ')}in (select q.{column} from {other} q{self.where(['q'])})",
            f"select distinct on (p.a) p.a, p.{column} as v, p.id from {source}{self.where(['p'])} order by p.a nulls last, {order}",
            f"select p.a as k, array_agg(p.id order by {order}) as v from {source}{self.where(['p'])} group by p.a",
        )
