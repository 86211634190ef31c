"""Kuery texts and what they parse to, written back in a plain form."""

import pytest

from deployer.engines import kuery
from deployer.engines.kuery import And
from deployer.engines.kuery import Everything
from deployer.engines.kuery import Is
from deployer.engines.kuery import Nested
from deployer.engines.kuery import Not
from deployer.engines.kuery import Or
from deployer.engines.kuery import Range
from deployer.errors import BadQuery

PARSED = {
    "": "everything",
    " \t\n": "everything",
    "a:1": "a=1",
    "a : 1": "a=1",
    "  a:1  ": "a=1",
    '"a b":1': "a b=1",
    'a:"x y"': "a='x y'",
    "a:x y": "a=x y",
    "a: x   y ": "a=x   y",
    "a:*": "a=*",
    "a:w*n": "a=w*n",
    r"a:w\*n": "a=w\u2217n",
    'a:"w*n"': "a='w\u2217n'",
    "*:*": "*=*",
    "*": "?=*",
    "user.*:x": "user.*=x",
    "x y": "?=x y",
    '"x y"': "?='x y'",
    "a:1 and b:2": "(a=1 & b=2)",
    "a:1 AND b:2": "(a=1 & b=2)",
    "a:1 Or b:2": "(a=1 | b=2)",
    "NOT a:1": "!a=1",
    "a:1 or b:2 and c:3": "(a=1 | (b=2 & c=3))",
    "a:1 and b:2 or c:3": "((a=1 & b=2) | c=3)",
    "(a:1 or b:2) and c:3": "((a=1 | b=2) & c=3)",
    "not a:1 and b:2": "(!a=1 & b=2)",
    "not a:1 or b:2": "(!a=1 | b=2)",
    "not (a:1 or b:2)": "!(a=1 | b=2)",
    "a:1 and not b:2": "(a=1 & !b=2)",
    "a:1 and b:2 and c:3": "(a=1 & b=2 & c=3)",
    "a:1\n  and\tb:2": "(a=1 & b=2)",
    "a:1\u00a0and\u00a0b:2": "(a=1 & b=2)",
    "((a:1))": "a=1",
    "( a:1 )": "a=1",
    "a:(1 or 2)": "(a=1 | a=2)",
    "a:(1 or 2 and 3)": "(a=1 | (a=2 & a=3))",
    "a:(1 or (2 and not 3))": "(a=1 | (a=2 & !a=3))",
    "a:(* and not x)": "(a=* & !a=x)",
    'a:( "x y" or z )': "(a='x y' | a=z)",
    "a:(not 1)": "!a=1",
    "a<5": "a<5",
    "a <= 5": "a<=5",
    "a > 5 and a >= 6": "(a>5 & a>=6)",
    'a > "2026-11-20"': "a>'2026-11-20'",
    "a > now-1h": "a>now-1h",
    # Words that only hold and, or, not.
    "a:android or a:oregon": "(a=android | a=oregon)",
    "a:notepad": "a=notepad",
    # No blank after the word: it is a part of the value, as in Kibana.
    "a: 1 and": "a=1 and",
    "a: 1 or": "a=1 or",
    "a: and": "a=and",
    "and a:1": "and a=1",
    "a:(x or or y)": "(a=x | a=or y)",
    "a:10.0.0.0/8": "a=10.0.0.0/8",
    r"a:C\:\\Windows": r"a=C:\Windows",
    r'a:"C:\\Windows"': r"a='C:\Windows'",
    r'a:"C:\Windows"': r"a='C:\Windows'",
    r'a:"say \"x\""': "a='say \"x\"'",
    r'a:"ends in \\"': "a='ends in \\'",
    r"a:\(x\)": "a=(x)",
    r"a:x\ty": "a=x\ty",
    r'a:"x\ty\u0041"': "a='x\tyA'",
    r"a:\u0041b": "a=Ab",
    r"a:x \and y": "a=x and y",
    # The escape of a line break is read before that of the word not; blanks at the ends go.
    r"a:\not x": "a=ot x",
    "a:null": "a=null",
    "a:(true or false)": "(a=true | a=false)",
    "user:{ name:x and age > 3 }": "user{(name=x & age>3)}",
    'a:""': "a=''",
}


@pytest.mark.parametrize(("text", "plain"), PARSED.items(), ids=list(PARSED))
def test_a_query_parses_to_what_kibana_reads(text, plain):
    assert _plain(kuery.parse(text)) == plain


REFUSED = {
    'a:"x': (1, 3, "never closed"),
    "a:": (1, 3, "no value follows"),
    "a: ": (1, 4, "no value follows"),
    "a: 1 and ": (1, 10, "nothing follows `and`"),
    "a: 1 or\n": (2, 1, "nothing follows `or`"),
    "not ": (1, 5, "nothing follows `not`"),
    "a:(": (1, 4, "still open"),
    "a:(1 or 2": (1, 10, "still open"),
    "(a:1": (1, 5, "still open"),
    "a:1)": (1, 4, "closes nothing"),
    "a:()": (1, 4, "closes nothing"),
    "a: ::1/128": (1, 4, "a colon stands"),
    "a:b:c": (1, 4, "a colon stands"),
    "not(a:1)": (1, 4, "needs a blank"),
    "not not a:1": (1, 5, "`not` stands where none can"),
    "a:1 b:2": (1, 6, "a colon stands"),
    'a:"x" "y"': (1, 7, "a quoted text stands"),
    "a:1 and\n  b:(x or ) y": (2, 11, "closes nothing"),
    "(a:1)and b:2": (1, 6, "`and` stands"),
    'a:"x"or b:2': (1, 6, "`or` stands"),
    "a > (1 or 2)": (1, 5, "`(` stands"),
    "a > > 1": (1, 5, "a comparison stands"),
    r"a:C\Windows": (1, 4, "a backslash stands"),
    "user:{ name:x": (1, 14, "still open"),
    "message: cannot connect": (1, 13, "`not` stands"),
}


@pytest.mark.parametrize(("text", "told"), REFUSED.items(), ids=list(REFUSED))
def test_a_fault_is_told_with_its_place(text, told):
    line, column, words = told
    with pytest.raises(BadQuery) as caught:
        kuery.parse(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert words in str(caught.value)


def test_a_value_knows_its_place():
    expression = kuery.parse("a:1 and\n  b : 22")
    assert isinstance(expression, And)
    second = expression.operands[1]
    assert isinstance(second, Is)
    assert (second.value.line, second.value.column) == (2, 7)


def test_the_fields_of_a_query_are_those_it_reads():
    query = "a:1 and not (b.c > 2 or d:(x or y)) and e.*:* and user:{ name:x } or a:2"
    assert kuery.fields(kuery.parse(query)) == ("a", "b.c", "d", "e.*", "user.name")
    assert kuery.fields(kuery.parse("anything")) == ()


def _plain(expression):
    match expression:
        case Everything():
            return "everything"
        case Is(field, value):
            return f"{_text(field) if field else '?'}={_text(value, mark=True)}"
        case Range(field, operator, value):
            return f"{_text(field)}{operator.value}{_text(value, mark=True)}"
        case Not(operand):
            return f"!{_plain(operand)}"
        case And(operands):
            return f"({' & '.join(map(_plain, operands))})"
        case Or(operands):
            return f"({' | '.join(map(_plain, operands))})"
        case Nested(path, operand):
            return f"{_text(path)}{{{_plain(operand)}}}"
        case _:
            raise AssertionError(expression)


def _text(value, mark=False):
    """A star that is no wildcard is written as \u2217, a quoted text in single quotes."""
    text = "*".join(part.replace("*", "\u2217") for part in value.parts)
    return f"'{text}'" if mark and value.quoted else text
