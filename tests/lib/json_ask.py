"""json_ask.py is|get FILE EXPRESSION [ARG...]: asks a question of JSON that a command printed.

`d` is the object of a file of one line, else the list of the objects in its lines; `a` the arguments. Keys that come
twice and numbers that are none (NaN) are errors, as is anything but one JSON object a line.
"""
import json
import sys


def unique(pairs):
    keys = [k for k, _ in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError(f"a key comes twice: {keys}")
    return dict(pairs)


def number(text):
    raise ValueError(f"{text} is no number")


def main():
    verb, path, expression, *a = sys.argv[1:]
    text = open(path, "rb").read().decode("utf-8")
    lines = [json.loads(x, object_pairs_hook=unique, parse_constant=number) for x in text.splitlines()]
    d = lines[0] if len(lines) == 1 else lines
    try:
        value = eval(f"({expression})", {"d": d, "lines": lines, "a": a})
    except (LookupError, TypeError, StopIteration) as e:
        print(f"  {e!r} in: {expression} {a}\n  of: {text[:3000]}", file=sys.stderr)
        return 1
    if verb == "get":
        print(value)
    elif value is not True:
        print(f"  not so: {expression} {a}\n  of: {text[:3000]}", file=sys.stderr)
        return 1
    return 0


sys.exit(main())
