"""Named parameters become placeholders, and only they: by the rules of each database, whatever is around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.crm.sql.placeholders import Dialect, QueryUnreadable, statement

KNOWN = frozenset({"number", "key", "customer_id"})
PG, MY = Dialect.POSTGRESQL, Dialect.MYSQL

TAKEN = [
    (PG, "SELECT :number", "SELECT $1", "number"),
    (MY, "SELECT :number", "SELECT ?", "number"),
    (PG, "SELECT :key, :number, :key", "SELECT $1, $2, $1", "key number"),
    (MY, "SELECT :key, :number, :key", "SELECT ?, ?, ?", "key number key"),
    (PG, "SELECT 1", "SELECT 1", ""),
    (PG, "SELECT :key;", "SELECT $1", "key"),
    (PG, "SELECT :key; -- done\n", "SELECT $1 -- done", "key"),
    (PG, "SELECT :key::text::int, x::number", "SELECT $1::text::int, x::number", "key"),
    (PG, "SELECT a[1:2], f(x := :key)", "SELECT a[1:2], f(x := $1)", "key"),
    (PG, "SELECT ':key', 'it''s :key', :key", "SELECT ':key', 'it''s :key', $1", "key"),
    (PG, r"SELECT 'c:\' , :key, ':number'", r"SELECT 'c:\' , $1, ':number'", "key"),
    (PG, r"SELECT E'\' :key', :key", r"SELECT E'\' :key', $1", "key"),
    (PG, r"SELECT e'\\', :key", r"SELECT e'\\', $1", "key"),
    (PG, "SELECT E'a'\n 'b\\' :key', :key", "SELECT E'a'\n 'b\\' :key', $1", "key"),
    (PG, "SELECT E'a' -- x'\n 'b\\' :key', :key", "SELECT E'a' -- x'\n 'b\\' :key', $1", "key"),
    (PG, r"SELECT name'\', :key", r"SELECT name'\', $1", "key"),
    (PG, 'SELECT ":key", "a"":key", :key', 'SELECT ":key", "a"":key", $1', "key"),
    (PG, "SELECT $$:key$$, $a$ :key $$ $a$, :key", "SELECT $$:key$$, $a$ :key $$ $a$, $1", "key"),
    (PG, "SELECT $ё$:key'$ё$, :key", "SELECT $ё$:key'$ё$, $1", "key"),
    (PG, "SELECT a$b$, :key, c$b$", "SELECT a$b$, $1, c$b$", "key"),
    (PG, "SELECT 1 -- :key '\n, :key", "SELECT 1 -- :key '\n, $1", "key"),
    (PG, "SELECT /* :key /* ' */ :key */ :key", "SELECT /* :key /* ' */ :key */ $1", "key"),
    (PG, "SELECT x->>'a:b', x ? 'k', x ?| y, :key", "SELECT x->>'a:b', x ? 'k', x ?| y, $1", "key"),
    (PG, "SELECT * FROM t WHERE a=:key AND(b>:number)", "SELECT * FROM t WHERE a=$1 AND(b>$2)", "key number"),
    (PG, "SELECT имя, :key", "SELECT имя, $1", "key"),
    (MY, r"SELECT 'it\' :key', 'x'':key', :key", r"SELECT 'it\' :key', 'x'':key', ?", "key"),
    (MY, r'SELECT "it\" :key", ":key"":key", :key', r'SELECT "it\" :key", ":key"":key", ?', "key"),
    (MY, "SELECT `:key`, `a``:key`, :key", "SELECT `:key`, `a``:key`, ?", "key"),
    (MY, "SELECT `a\\`, :key", "SELECT `a\\`, ?", "key"),
    (MY, "SELECT 1 # :key '\n, :key", "SELECT 1 # :key '\n, ?", "key"),
    (MY, "SELECT 1 -- :key '\n, :key", "SELECT 1 -- :key '\n, ?", "key"),
    (MY, "SELECT 5--:key", "SELECT 5--?", "key"),
    (MY, "SELECT /* :key /* */ :key", "SELECT /* :key /* */ ?", "key"),
    (MY, "SELECT '?', @a := :key, $$", "SELECT '?', @a := ?, $$", "key"),
    (MY, "SELECT 100 % :key, '%s'", "SELECT 100 % ?, '%s'", "key"),
]


@pytest.mark.parametrize(("dialect", "query", "text", "names"), TAKEN)
def test_a_parameter_is_found_where_it_is_one_and_nowhere_else(
    dialect: Dialect, query: str, text: str, names: str
) -> None:
    taken = statement(query, dialect, KNOWN)
    assert (taken.text, " ".join(taken.names)) == (text, names)


REFUSED = [
    (PG, "SELECT :nummer", "there is no parameter :nummer"),
    (PG, "SELECT a[x:y]", "there is no parameter :y"),
    (PG, "SELECT $1", "write a name with a colon"),
    (MY, "SELECT ?", "write a name with a colon"),
    (PG, "SELECT 1; DROP TABLE customers", "more than one statement"),
    (MY, "SELECT 1; :key", "more than one statement"),
    (PG, "SELECT 'a", "not closed"),
    (PG, r"SELECT E'a\'", "not closed"),
    (PG, 'SELECT "a', "not closed"),
    (PG, "SELECT $a$ $b$", "not closed"),
    (PG, "SELECT /* /* */", "not closed"),
    (MY, "SELECT `a", "not closed"),
    (MY, "SELECT /* a", "not closed"),
    (MY, r"SELECT 'a\'", "not closed"),
    (MY, "SELECT /*!50000 :key */", "executes"),
    (MY, "SELECT /*M! :key */", "executes"),
    (PG, "SELECT x:key", "a space is missing"),
    (PG, "SELECT :key:number", "a space is missing"),
    (PG, "SELECT :key$", "a space is missing"),
    (PG, "SELECT :keyё", "a space is missing"),
    (PG, "", "empty"),
    (PG, " -- nothing\n;", "empty"),
    (PG, "SELECT '\x00'", "NUL"),
    (MY, "SELECT " + "1," * 20_000 + "1", "longer"),
]


@pytest.mark.parametrize(("dialect", "query", "reason"), REFUSED)
def test_what_cannot_be_read_is_refused_with_words(dialect: Dialect, query: str, reason: str) -> None:
    with pytest.raises(QueryUnreadable, match=reason) as refused:
        statement(query, dialect, KNOWN)
    assert str(refused.value).isprintable()


def test_the_line_of_a_mistake_is_named() -> None:
    with pytest.raises(QueryUnreadable, match=r"^line 3 of it: there is no parameter :nummer"):
        statement("SELECT 1\nFROM a\nWHERE b = :nummer", PG, KNOWN)


inner = st.text(st.sampled_from("ab:k'\"`$\\?-#/*; \nё"), max_size=8)


def _nested(text: str) -> str:
    return "/*" + text.replace("*", "").replace("/", "") + "/* :key */*/"


pieces = {
    PG: st.one_of(
        inner.map(lambda text: "'" + text.replace("'", "''") + "'"),
        inner.map(lambda text: "E'" + text.replace("\\", "\\\\").replace("'", "\\'") + "' ||"),
        inner.map(lambda text: '"' + text.replace('"', '""') + '"'),
        inner.map(lambda text: "$q$" + text.replace("$", "") + "$q$"),
        inner.map(lambda text: "--" + text.replace("\n", "") + "\n"),
        inner.map(_nested),
        st.sampled_from(["name", "::text", "x.y", "1.5", "=", "(", ")", ",", ":=", "имя$a"]),
    ),
    MY: st.one_of(
        inner.map(lambda text: "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"),
        inner.map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'),
        inner.map(lambda text: "`" + text.replace("`", "``") + "`"),
        inner.map(lambda text: "-- " + text.replace("\n", "") + "\n"),
        inner.map(lambda text: "#" + text.replace("\n", "") + "\n"),
        inner.map(lambda text: "/* " + text.replace("*", "").replace("/", "") + "*/"),
        st.sampled_from(["name", "x.y", "1.5", "=", "(", ")", ",", ":=", "@a", "имя$a"]),
    ),
}
parameters = st.sampled_from([":key", ":number", ":customer_id"])


@pytest.mark.parametrize("dialect", [PG, MY])
@given(st.data())
def test_whatever_is_between_them_exactly_the_parameters_are_replaced(dialect: Dialect, data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.one_of(pieces[dialect], parameters), max_size=12))
    taken = statement("SELECT " + " ".join(parts), dialect, KNOWN)
    order: list[str] = []
    expected = []
    for part in parts:
        if part not in (":key", ":number", ":customer_id"):
            expected.append(part)
            continue
        if dialect is MY or part[1:] not in order:
            order.append(part[1:])
        expected.append("?" if dialect is MY else f"${order.index(part[1:]) + 1}")
    assert taken.text == ("SELECT " + " ".join(expected)).strip()
    assert list(taken.names) == order


@pytest.mark.parametrize("dialect", [PG, MY])
@given(query=st.text(st.sampled_from("aE1:k'\"`$\\?-#/*!M; \n%@ё\x85\u00a0"), max_size=40))
def test_any_text_is_taken_or_refused(dialect: Dialect, query: str) -> None:
    try:
        taken = statement(query, dialect, KNOWN)
    except QueryUnreadable:
        return
    assert taken.text


def test_a_long_chain_of_comments_behind_a_string_takes_no_time() -> None:
    query = "SELECT E'x' " + "-- " * 5_000 + "\n, :key"
    assert statement(query, PG, KNOWN).names == ("key",)
