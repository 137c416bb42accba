"""A first answer with an index in place: what the process neither reads nor loads."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

pytestmark = [pytest.mark.feature("CB-57"), pytest.mark.slow, pytest.mark.timeout(180)]

# What other work than looking something up in text is done with.
NOT_NEEDED = (
    *("sympy", "clingo", "river", "pypdf", "trafilatura", "lxml", "PIL", "soundfile", "pydantic_monty", "sandlock"),
    *("openai", "anthropic", "httpx", "fastapi", "uvicorn", "aiohttp", "matplotlib", "pandas"),
    # What was learned of words is in the index too.
    *("sklearn", "scipy", "joblib"),
)
ASK = """
import sys
from companion_async.cognition.knowledge_retriever import module as retriever

shares = []
before = retriever.read
retriever.read = lambda job, *more: shares.append(job) or before(job, *more)

from companion_async.cli.app import main

sys.argv = ["companion", "ask", *sys.argv[1:]]
try:
    main()
finally:
    loaded = sorted({{name.partition(".")[0] for name in sys.modules}}.intersection({names!r}))
    print(f"read {{len(shares)}} shares, loaded {{loaded}}")
"""


def asked(*arguments):
    program = textwrap.dedent(ASK).format(names=NOT_NEEDED)
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("named", [True, False])
def test_with_an_index_in_place_nothing_is_read_again_and_nothing_is_loaded_that_is_not_needed(tmp_path, named):
    """A second process answers the same from the index of the first, of folders and of Python's documentation."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "zip.md").write_text("# Zip files\n\nTo read the members of a zip file, open it.\n", encoding="utf-8")
    config = tmp_path / "companion.toml"
    config.write_text(f"[knowledge]\ndatabase = '{tmp_path / 'index.db'}'\n", encoding="utf-8")
    arguments = ["How do I read the members of a zip file?", "--config", config]
    arguments += ["--docs", folder] if named else []
    first, second = asked(*arguments), asked(*arguments)
    assert "read 0 shares" not in first
    assert "read 0 shares, loaded []" in second, second
    assert "zip" in second
