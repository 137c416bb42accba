"""Runs inside the sandbox: the program, and then a line that tells the value of its last expression.

It is given to the interpreter as text and is never imported by this package.
"""

import sys


def _told(value: object) -> str:
    import json

    try:
        text = json.dumps(value, allow_nan=False)
        if len(text) <= 65536:
            return f'{{"value": {text}}}'
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__} whose repr raised {type(error).__name__}>"
    return json.dumps({"text": text[:16384]})


def _run() -> None:
    import ast
    import linecache
    import os
    import traceback

    mark, path = sys.argv[1:]
    sys.argv[:] = [path]
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib takes longer to import than all the rest
        source = file.read()
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    scope: dict[str, object] = {"__name__": "__main__", "__file__": path}
    value: object = None
    raised: BaseException | None = None
    try:
        tree = ast.parse(source, path)
        last = tree.body[-1] if tree.body else None
        if isinstance(last, ast.Expr):
            tree.body.pop()
        exec(compile(tree, path, "exec"), scope)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), path, "eval"), scope)
    except SystemExit:
        raise
    except BaseException as error:
        raised = error
        # Without the frame of this function, which is no part of the program.
        trace = error.__traceback__.tb_next if error.__traceback__ is not None else None
        traceback.print_exception(type(error), error, trace)
    sys.stdout.flush()
    sys.stderr.flush()
    if value is not None:
        os.write(2, f"\n{mark}{_told(value)}\n".encode("utf-8", "replace"))
    if raised is not None:
        sys.exit(1)


_run()
