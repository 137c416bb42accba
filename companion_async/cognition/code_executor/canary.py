"""Pure: programs that try what a sandbox must not let them do, and say so if they could."""

from __future__ import annotations

_PYTHON = """
import os, socket
def refused(what, attempt):
    try:
        attempt()
    except (OSError, ValueError):
        return
    print("a program could", what, flush=True)
    os._exit(0)
def fork_much():
    children = []
    try:
        for _ in range({processes} + 8):
            child = os.fork()
            if not child:
                os.close(go)
                os.read(wait, 1)
                os._exit(0)
            children.append(child)
    finally:
        os.close(go)
        for child in children:
            os.waitpid(child, 0)
wait, go = os.pipe()
refused("read a file outside", lambda: open({secret!r}).read())
refused("write a file outside", lambda: open({secret!r}, "w").write("breach"))
refused("connect to a port", lambda: socket.create_connection(("127.0.0.1", {port}), 2))
multipath_tcp = 262
refused("connect by another protocol", lambda: socket.socket(2, 1, multipath_tcp).connect(("127.0.0.1", {port})))
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", {port}))  # who listens will know
except OSError:
    pass
refused("signal another process", lambda: os.kill({parent}, 0))
refused("start more processes than it may", fork_much)
print({done!r})
"""

_JAVASCRIPT = """
const fs = require("fs"), net = require("net");
let told = "";
try {{ fs.readFileSync({secret!r}); told = "a program could read a file outside"; }} catch {{}}
try {{ fs.writeFileSync({secret!r}, "breach"); told = "a program could write a file outside"; }} catch {{}}
const socket = net.connect({port}, "127.0.0.1");
socket.on("connect", () => {{ console.log("a program could connect to a port"); process.exit(0); }});
socket.on("error", () => console.log(told || {done!r}));
"""

# Its files, sockets and processes do not exist at all; what it knows of them must not be the machine's.
_MONTY = """
told = {done!r}
try:
    open({secret!r}).read()
    told = "a program could read a file outside"
except Exception:
    pass
print(told)
"""


def canary(tier: str, language: str, secret: str, port: int, parent: int, processes: int, done: str) -> str:
    """A program that prints ``done`` if it is held, and otherwise what it could do. ``secret`` is a file that everybody
    may read and write, ``port`` one that is listened on, ``parent`` a process of the same user.
    """
    text = _MONTY if tier == "monty" else _PYTHON if language == "python" else _JAVASCRIPT
    return text.format(secret=secret, port=port, parent=parent, processes=processes, done=done)
