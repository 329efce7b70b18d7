"""Runs Schematron rules with XPath 2 over documents: enough of ISO Schematron for the e-invoicing rule sets.

Patterns, rules (the first whose context matches a node counts), variables and assertions; functions that a rule set
brings along are given as Python functions.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from elementpath import XPath2Parser, XPathContext, get_node_tree
from lxml import etree

_SCH = "{http://purl.oclc.org/dsdl/schematron}"


class Broken(NamedTuple):
    """An assertion that does not hold."""

    rule: str
    flag: str
    words: str


class _Rule(NamedTuple):
    context: Any
    lets: list[tuple[str, Any]]
    asserts: list[tuple[str, str, str, Any]]


class RuleSet:
    """A parsed rule set."""

    def __init__(self, content: bytes, functions: Mapping[str, Callable[..., Any]] | None = None) -> None:
        root = etree.fromstring(content)
        spaces = {node.get("prefix"): node.get("uri") for node in root.iter(f"{_SCH}ns")}
        spaces.setdefault("xs", "http://www.w3.org/2001/XMLSchema")
        self.parser = XPath2Parser(spaces)
        for name, function in (functions or {}).items():
            self.parser.external_function(function, name.split(":")[1], prefix=name.split(":")[0])
        self.lets = [self._let(node) for node in root.findall(f"{_SCH}let")]
        self.patterns: list[tuple[list[tuple[str, Any]], list[_Rule]]] = []
        self.count = 0
        for pattern in root.iter(f"{_SCH}pattern"):
            rules = []
            for node in pattern.findall(f"{_SCH}rule"):
                found = [
                    (one.get("id", ""), one.get("flag", ""), " ".join("".join(one.itertext()).split()), one.get("test"))
                    for one in node.findall(f"{_SCH}assert")
                ]
                self.count += len(found)
                rules.append(
                    _Rule(
                        self.parser.parse(self._anywhere(node.get("context"))),
                        [self._let(one) for one in node.findall(f"{_SCH}let")],
                        [(name, flag, words, self.parser.parse(test)) for name, flag, words, test in found],
                    )
                )
            self.patterns.append(([self._let(node) for node in pattern.findall(f"{_SCH}let")], rules))

    def _let(self, node: Any) -> tuple[str, Any]:
        # Variables are declared before the expressions that use them are parsed.
        token = self.parser.parse(node.get("value"))
        self.parser.variable_types[node.get("name")] = "item()*"
        return node.get("name"), token

    @staticmethod
    def _anywhere(context: str) -> str:
        """Make a match pattern an expression that finds its nodes."""
        parts, depth, start = [], 0, 0
        for at, sign in enumerate(context):
            depth += (sign in "([") - (sign in ")]")
            if sign == "|" and not depth:
                parts.append(context[start:at])
                start = at + 1
        parts.append(context[start:])
        return " | ".join(part.strip() if part.strip().startswith("/") else f"//{part.strip()}" for part in parts)

    def broken(self, document: bytes) -> list[Broken]:
        """Return every assertion that a document breaks."""
        # Made once: each context would make its own, which took more time than all assertions.
        tree = get_node_tree(etree.ElementTree(etree.fromstring(document)))
        found: list[Broken] = []
        # Each declared name needs a value, whatever the expression at hand uses.
        known: dict[str, Any] = {name: [] for name in self.parser.variable_types}
        for name, token in self.lets:
            known[name] = self._value(token, tree, None, known)
        for lets, rules in self.patterns:
            here = dict(known)
            for name, token in lets:
                here[name] = self._value(token, tree, None, here)
            taken: set[Any] = set()
            for rule in rules:
                nodes = rule.context.get_results(XPathContext(tree, variables=here))
                for node in nodes if isinstance(nodes, list) else [nodes]:
                    key = node if etree.iselement(node) else (id(type(node)), str(node))
                    if key in taken:
                        continue
                    taken.add(key)
                    inner = dict(here)
                    for name, token in rule.lets:
                        inner[name] = self._value(token, tree, node, inner)
                    for name, flag, words, test in rule.asserts:
                        context = XPathContext(tree, item=node, variables=inner)
                        if not test.boolean_value(list(test.select(context))):
                            found.append(Broken(name, flag, words))
        return found

    def _value(self, token: Any, tree: Any, node: Any, variables: dict[str, Any]) -> Any:
        return token.get_results(XPathContext(tree, item=node, variables=variables))


def peppol_functions() -> dict[str, Callable[..., Any]]:
    """The functions of Peppol's rule set that British documents reach; the others say that they are not here."""

    def absent(*_given: Any) -> Any:
        raise NotImplementedError("this function of the rule set is for other countries")

    others = (
        "mod97-0208", "abn", "checkCodiceIPA", "checkCF", "checkCF16", "checkPIVAseIT", "checkPIVA", "addPIVA",
        "checkSEOrgnr", "TinVerification",
    )  # fmt: skip
    return {
        **{f"u:{name}": absent for name in others},
        "u:gln": lambda value: _digits_add_up(_text(value), lambda at: 1 + at % 2 * 2, 10),
        "u:mod11": lambda value: _digits_add_up(_text(value), lambda at: (at - 1) % 6 + 2, 11),
        "u:slack": lambda wanted, value, slack: abs(_number(wanted) - _number(value)) <= _number(slack),
    }


def _digits_add_up(text: str, weight: Callable[[int], int], base: int) -> bool:
    total = sum(int(sign) * weight(at) for at, sign in enumerate(reversed(text[:-1]), start=1))
    return (base - total % base) % base == int(text[-1])


def _text(value: Any) -> str:
    if isinstance(value, list):
        return _text(value[0]) if value else ""
    return str(getattr(value, "string_value", value))


def _number(value: Any) -> Decimal:
    return Decimal(_text(value))
