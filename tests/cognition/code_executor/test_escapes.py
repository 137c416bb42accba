from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.feature("CB-45")


ESCAPES = {
    "passwd": "open('/etc/passwd').read()",
    "secret": "open(SECRET).read()",
    "home": "__import__('os').listdir(__import__('os').path.dirname(SECRET))",
    "write": "open(SECRET, 'w').write('breach')",
    "delete": "__import__('os').unlink(SECRET)",
    "rename": "__import__('os').rename(SECRET, 'mine')",
    "chmod": "__import__('os').chmod(SECRET, 0o777)",
    "utime": "__import__('os').utime(SECRET, (1, 1))",
    "hard link": "(__import__('os').link(SECRET, 'mine'), open('mine').read())",
    "symlink": "(__import__('os').symlink(SECRET, 'mine'), open('mine').read())",
    "environ of 1": "open('/proc/1/environ', 'rb').read() or open(SECRET)",
    "environ of us": "open(f'/proc/{PARENT}/environ', 'rb').read()",
    "memory of us": "open(f'/proc/{PARENT}/mem', 'rb+').read(1)",
    "signal": "__import__('os').kill(PARENT, 9)",
    "limits of another": "__import__('resource').prlimit(OTHER, __import__('resource').RLIMIT_CPU, (1, 1))",
    "turn of another": "__import__('os').setpriority(__import__('os').PRIO_PROCESS, OTHER, 19)",
    "processors of another": "__import__('os').sched_setaffinity(OTHER, {0})",
    "tcp": "__import__('socket').create_connection(('127.0.0.1', PORT), 2)",
    "multipath tcp": "__import__('socket').socket(2, 1, 262).connect(('127.0.0.1', PORT))",
    "tcp fast open": "__import__('socket').socket().sendto(b'x', 0x20000000, ('127.0.0.1', PORT))",
    "udp": "__import__('socket').socket(2, 2).sendto(b'x', ('127.0.0.1', PORT))",
    "the machine below": "__import__('socket').socket(40, 1)",
    "datagram": "__import__('socket').socketpair(1, 2)[0].sendto(b'x', ABSTRACT)",
    "unix": "__import__('socket').socket(__import__('socket').AF_UNIX).connect(ABSTRACT)",
    "subprocess": "__import__('subprocess').check_output(['/bin/cat', SECRET])",
    "subclasses": "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0]"
    ".__init__.__globals__['open'](SECRET, 0).read()",
    "frames": "__import__('sys')._getframe().f_builtins['open'](SECRET).read()",
    "format": "open('{0.__class__}'.format(1) and SECRET).read()",
    "python as a library": "__import__('ctypes').CDLL(None).open(SECRET.encode(), 0) >= 0 or open(SECRET)",
    "ptrace": "check(libc().ptrace(16, PARENT, None, None))",
    "memory that nobody has": "__import__('os').memfd_create('x')",
    "shared memory": "check(libc().shmget(0, 1 << 20, 0o1600))",
    "keys": "check(libc().syscall({'x86_64': 250}.get(MACHINE, 219), 0, -3, 0))",
    "io_uring": "check(libc().syscall(425, 8, bytes(120)))",
    "flags of a file": "check(libc().syscall(469, -100, SECRET.encode(), bytes([128]) + bytes(31), 24, 0))",
    "mount": "check(libc().mount(b'none', b'/tmp', b'tmpfs', 0, None))",
    "chroot": "__import__('os').chroot('/')",
    "become root": "__import__('os').setuid(0)",
    "more than it may": "__import__('resource').setrlimit(__import__('resource').RLIMIT_FSIZE, (1 << 40, 1 << 40))",
}
PRELUDE = """
import os
SECRET, PARENT, OTHER, PORT, ABSTRACT = {secret!r}, {parent}, {other}, {port}, {abstract!r}
MACHINE = os.uname().machine
def libc():
    import ctypes
    return ctypes.CDLL(None, use_errno=True)
def check(result):
    import ctypes
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
"""


@pytest.fixture(scope="module")
def outside():
    """A secret that everybody may read and write, a process of the program's user, a port and an abstract socket that
    are listened on.
    """
    import socket

    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    secret = folder / "secret"
    secret.write_text("a secret")
    secret.chmod(0o666)
    if os.getuid() == 0:
        os.chown(secret, 65534, 65534)
    abstract = f"\0companion-test-{os.getpid()}"
    user = 65534 if os.getuid() == 0 else None
    with (
        socket.socket() as listener,
        socket.socket(socket.AF_UNIX) as unix,
        subprocess.Popen(["sleep", "600"], user=user, group=user, extra_groups=None if user is None else []) as other,
    ):
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        unix.bind(abstract)
        unix.listen()
        port = listener.getsockname()[1]
        yield (
            secret,
            PRELUDE.format(secret=str(secret), parent=os.getpid(), other=other.pid, port=port, abstract=abstract),
        )
        other.kill()
    shutil.rmtree(folder)


def test_known_escapes_are_held(executor, system, outside):
    """Files, processes, sockets and rights outside the sandbox are out of a program's reach, whatever it tries."""
    secret, prelude = outside
    before = secret.stat()
    attempts = f"""{prelude}
came_of = {{}}
for name, attempt in {ESCAPES!r}.items():
    try:
        came_of[name] = "escaped " + repr(eval(attempt))[:80]
    except Exception as error:
        came_of[name] = "held"
came_of
"""
    done = executor.execute(attempts, "python", tier=system)
    assert done.value == dict.fromkeys(ESCAPES, "held"), done.stderr
    assert secret.read_text() == "a secret"
    after = secret.stat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


@pytest.mark.parametrize("escape", ["passwd", "secret", "write", "delete", "tcp", "subprocess", "subclasses", "frames"])
def test_an_interpreter_without_a_system_has_nothing_to_escape_to(executor, outside, escape):
    """Monty's programs cannot name a file, a socket or a process that exists."""
    state = next(state for state in executor.tiers() if state.tier == "monty")
    if not state.holds:
        pytest.skip(state.reason)
    secret, _ = outside
    code = ESCAPES[escape].replace("SECRET", repr(str(secret))).replace("PORT", "80")
    done = executor.execute(f"print('escaped', {code})", "python", tier="monty")
    assert done.exit_status == 1, done
    assert "escaped" not in done.stdout
    assert secret.read_text() == "a secret"


def test_nothing_of_this_process_is_inherited(executor, system, monkeypatch):
    """A program sees no variable of our environment, none of our files and no terminal."""
    monkeypatch.setenv("COMPANION_TEST_TOKEN", "hunter2")
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    code = (
        "import os\n"
        "def there(fd):\n"
        "    try:\n        return bool(os.fstat(fd))\n    except OSError:\n        return False\n"
        "[dict(os.environ), [fd for fd in range(3, 60) if there(fd)], os.isatty(0), os.read(0, 1).decode()]"
    )
    try:
        done = executor.execute(code, "python", tier=system)
    finally:
        os.close(read_end)
        os.close(write_end)
    environment, files, terminal, typed = done.value
    assert set(environment) <= {"LC_CTYPE", "PATH", "HOME", "PWD"}
    assert (files, terminal, typed) == ([], False, "")


def test_a_program_does_not_run_as_root(executor, system):
    """Where this process is root, the program is somebody else, and in none of root's groups."""
    code = "import os; [os.getuid(), os.geteuid(), os.getgid(), *os.getgroups()]"
    assert 0 not in executor.execute(code, "python", tier=system).value
