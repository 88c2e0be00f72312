"""The retry-delay expression: arithmetic over `retried`, parsed with `ast` and evaluated without eval.

Invariant: an expression can use only floats and the nine functions, and cannot run long.
"""

import ast
import math
import operator
from collections.abc import Callable

MAX_LENGTH = 300

_FUNCTIONS: dict[str, Callable[..., float]] = {
    "pow": math.pow,
    "sqrt": math.sqrt,
    "abs": abs,
    "exp": math.exp,
    "floor": math.floor,
    "ceil": math.ceil,
    "round": round,
    "min": min,
    "max": max,
}
_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: math.fmod,
    ast.Pow: math.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


class BadExpression(ValueError):
    """The expression is not arithmetic over `retried`."""


def delay_ms(expression: str, retried: int) -> float:
    """Evaluate the expression to a delay in milliseconds.

    Returns `inf` on overflow, and 0 for a negative or undefined result.
    Raises: BadExpression when the text is not arithmetic over `retried`.
    """
    tree = _parse(expression)
    try:
        value = float(_value(tree, float(retried)))
    except OverflowError:
        return math.inf
    except (ArithmeticError, ValueError) as error:
        if isinstance(error, BadExpression):
            raise
        return 0.0
    return max(0.0, value) if not math.isnan(value) else 0.0


def _parse(expression: str) -> ast.expr:
    if len(expression) > MAX_LENGTH:
        raise BadExpression("expression is too long")
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadExpression("expression cannot be parsed") from error


def _value(node: ast.expr, retried: float) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        return float(node.value)
    if isinstance(node, ast.Name) and node.id == "retried":
        return retried
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _BINARY[type(node.op)](_value(node.left, retried), _value(node.right, retried))
    if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        return _UNARY[type(node.op)](_value(node.operand, retried))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        return _call(node.func.id, [_value(argument, retried) for argument in node.args])
    raise BadExpression(f"{type(node).__name__} is not allowed")


def _call(name: str, arguments: list[float]) -> float:
    function = _FUNCTIONS.get(name)
    if function is None:
        raise BadExpression(f"unknown function {name}")
    try:
        return float(function(*arguments))
    except TypeError as error:
        raise BadExpression(f"wrong arguments for {name}") from error
