"""A process of its own that holds one program in a sandbox: given a job, it tells in JSON what became of it.

It stands between this package and the program, so that what forks, drops rights and kills does so in a process with one
thread and nothing to lose. It is run as a script, ``python -I -S launcher.py job.json``, with a pipe as its stdin:
when the pipe is closed, be it that the run was cancelled or that the whole process has died, it ends what it holds. It
imports nothing of this package, and the sandbox's own library from the paths that the job names.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import runpy
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

_LIFELINE = 0
_CHUNK = 65536
_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 4, 22, 36, 38
_SECCOMP_MODE_FILTER = 2
_SWEEPS = 500
_ENTRY = 4096  # bytes that an entry of a folder is reckoned at
_WEIGHED = 0.1  # seconds between two looks at how much a program has taken and written


class Held(NamedTuple):
    """A program at work: its process, its two streams, and what waits for its end and gives status and limit.

    ``weight`` tells the bytes that it has in files, as far as counting them matters.
    """

    pid: int
    stdout: int
    stderr: int
    finish: Callable[[], tuple[int, str]]
    weight: Callable[[], int]


def main() -> None:
    """Do the job that the file names, and print what came of it."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.path[:0] = job["path"]
    began = time.monotonic()
    try:
        report = _interpreted(job) if job["tier"] == "monty" else _held(job)
    except BaseException as error:
        report = {"failed": f"{type(error).__name__}: {error}"}
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    report["seconds"] = time.monotonic() - began
    report["cpu_seconds"] = used.ru_utime + used.ru_stime
    report["memory"] = used.ru_maxrss * 1024
    json.dump(report, sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # a thread of the sandbox's library may still be there


def _interpreted(job: dict[str, Any]) -> dict[str, Any]:
    # From its file: this process has no path to this package, and shall have none.
    run: Callable[..., dict[str, Any]] = runpy.run_path(str(Path(__file__).with_name("interpreting.py")))["run"]
    return run(job, _children)


# -- programs as processes -------------------------------------------------------------------------------------------


def _held(job: dict[str, Any]) -> dict[str, Any]:
    libc = ctypes.CDLL(None)
    # Whoever is orphaned in there becomes a child of this process, and is found.
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    start = {"sandlock": _sandlock, "bubblewrap": _bubblewrap}[job["tier"]]
    Path(job["folder"]).chmod(0o711)  # for the user that this process becomes
    prepared = start(job)
    _drop(job["user"], libc)
    limits = job["limits"]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu"], limits["cpu"] + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits["file_bytes"], limits["file_bytes"]))
    held = prepared()
    stdout, stderr, passed = _watch(held, limits)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(held.pid, signal.SIGKILL)
    _sweep(except_for=held.pid)
    status, limit = held.finish()
    _sweep()
    if status in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
        limit = "cpu"
    return {
        "stdout": stdout.decode("utf-8", "replace"),
        "stderr": stderr.decode("utf-8", "replace"),
        "status": status,
        "limit": passed or limit,
    }


def _drop(user: int | None, libc: Any) -> None:
    """Become ``user``, for good. Afterwards this process may still be looked into by its own sandbox."""
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def _watch(held: Held, limits: dict[str, Any]) -> tuple[bytes, bytes, str]:
    """Read what the program writes until it has ended, passed a limit, or is wanted no more.

    Its two streams, and the limit at which it was ended, if it was.
    """
    ended = os.pidfd_open(held.pid)
    until = time.monotonic() + limits["timeout"]
    written: dict[int, bytearray] = {held.stdout: bytearray(), held.stderr: bytearray()}
    poll = select.poll()
    for fd in (ended, _LIFELINE, *written):
        poll.register(fd, select.POLLIN)
    limit = ""
    running = True
    while running and not limit:
        left = until - time.monotonic()
        if left <= 0:
            limit = "time"
            break
        if sum(map(_memory, _family(held.pid))) > limits["memory"]:
            limit = "memory"
            break
        if held.weight() > limits["disk"]:
            limit = "disk"
            break
        for fd, _ in poll.poll(1000 * min(left, _WEIGHED)):
            if fd == ended:
                running = False
            elif fd == _LIFELINE:
                limit = "cancelled"
            elif not _read(fd, written[fd], limits["output"]):
                poll.unregister(fd)
            elif len(written[fd]) > limits["output"]:
                limit = "output"
    for fd, so_far in written.items():
        os.set_blocking(fd, False)
        while not limit and _read(fd, so_far, limits["output"]):
            limit = "output" if len(so_far) > limits["output"] else ""
    os.close(ended)
    stdout, stderr = (bytes(so_far[: limits["output"]]) for so_far in written.values())
    return stdout, stderr, limit


def _family(process: int) -> list[int]:
    """A process and all that it has started."""
    found = [process]
    for each in found:
        found += _children(each)
    return found


def _memory(process: int) -> int:
    """The bytes that a process has in memory."""
    with contextlib.suppress(OSError, ValueError):
        return int(Path(f"/proc/{process}/statm").read_text(encoding="utf-8").split()[1]) * resource.getpagesize()
    return 0


def _weight(folder: Path, process: int, enough: int) -> int:
    """The bytes in ``folder``, a little for each entry, and those of files that ``process`` and its family have open
    and no folder has any more. No more is counted than is ``enough``, as a program adds entries faster than they are
    counted; what cannot be looked into is more, as it can build deeper than paths go, and folders not to be read.
    """
    total = sum(_hidden(each, enough) for each in _family(process))
    pending = [str(folder)]
    while pending and total <= enough:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    total += _ENTRY
                    if total > enough:
                        break
                    with contextlib.suppress(FileNotFoundError):
                        total += entry.stat(follow_symlinks=False).st_size
                        if entry.is_dir(follow_symlinks=False):
                            pending.append(entry.path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return enough + 1
    return total


def _hidden(process: int, enough: int) -> int:
    """The bytes of files that a process has open, or mapped, and that were removed."""
    sizes: dict[int, int] = {}
    try:
        for line in Path(f"/proc/{process}/maps").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.endswith(" (deleted)") and not line.endswith(" /dev/zero (deleted)"):  # that is shared memory
                begin, end = (int(number, 16) for number in line.split()[0].split("-"))
                sizes[int(line.split()[4])] = end - begin
        with os.scandir(f"/proc/{process}/fd") as files:
            for file in files:
                with contextlib.suppress(FileNotFoundError):
                    state = file.stat()
                    if stat.S_ISREG(state.st_mode) and not state.st_nlink:
                        sizes[state.st_ino] = state.st_size
    except PermissionError:
        return enough + 1 if _memory(process) else 0  # one that has ended has none
    except OSError:
        pass
    return sum(sizes.values())


def _weight_in_memory(sandbox: int) -> int:
    """As `_weight`, for the file system in memory of the namespaces whose outer process is ``sandbox``."""
    for inner in _children(sandbox):
        with contextlib.suppress(OSError):
            taken = os.statvfs(f"/proc/{inner}/root/job")
            return (taken.f_blocks - taken.f_bfree) * taken.f_frsize + (taken.f_files - taken.f_ffree) * _ENTRY
    return 0


def _read(fd: int, so_far: bytearray, most: int) -> bool:
    """Add what is there to ``so_far``; False where nothing is, or nothing will be."""
    try:
        chunk = os.read(fd, min(_CHUNK, most + 1))
    except BlockingIOError:
        return False
    so_far += chunk
    return bool(chunk)


def _sweep(except_for: int = 0) -> None:
    """Kill whatever the program has left behind, and what that leaves behind, until there is nothing."""
    for _ in range(_SWEEPS):
        children = [child for child in _children() if child != except_for]
        if not children:
            return
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, os.WNOHANG)
        time.sleep(0.001)


def _children(process: int | str = "self") -> list[int]:
    children: list[int] = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            with contextlib.suppress(OSError):
                children += map(int, (thread / "children").read_text(encoding="utf-8").split())
    return children


def _write_program(folder: Path, job: dict[str, Any]) -> Path:
    program = Path(folder, job["name"])
    program.write_text(job["program"], encoding="utf-8", errors="replace")
    program.chmod(0o444)
    return program


# -- the sandboxes ---------------------------------------------------------------------------------------------------


def _sandlock(job: dict[str, Any]) -> Callable[[], Held]:
    """Landlock, seccomp and a supervisor that answers the program's system calls."""
    import sandlock
    from sandlock import _sdk, exceptions  # now, while they can still be read  # noqa: F401

    limits = job["limits"]
    work = Path(job["folder"], "work")
    work.mkdir(0o700)
    if job["user"] is not None:
        os.chown(work, job["user"], job["user"])
    _write_program(work, job)
    readable = [path for path in job["readable"] if Path(path).exists()]

    def begin() -> Held:
        sandbox = sandlock.Sandbox(
            fs_readable=readable,
            fs_writable=[str(work)],
            max_memory=limits["memory"],
            max_processes=limits["processes"],
            max_open_files=limits["open_files"],
            extra_deny_syscalls=job["refused"],
            clean_env=True,
            env=job["env"],
            cwd=str(work),
        )
        _refuse(bytes.fromhex(job["filter"]))  # for all that this process starts from now on
        mode = sandlock.StdioMode
        process = sandbox.popen(job["argv"], stdin=mode.NULL, stdout=mode.PIPED, stderr=mode.PIPED)

        def finish() -> tuple[int, str]:
            result = process.wait(timeout=5)
            if result.signal > 0:
                return -result.signal, ""
            # Killed, and not by this process: what sandlock does to one that wants more memory than it may have.
            killed = result.reason is not None and result.reason.name == "KILLED"
            return (-signal.SIGKILL, "memory") if killed else (result.exit_code, "")

        out, err = process.stdout.fileno(), process.stderr.fileno()
        return Held(process.pid, out, err, finish, lambda: _weight(work, process.pid, limits["disk"]))

    return begin


def _refuse(filter: bytes) -> None:
    """Put this thread, and all that it starts, under a filter of system calls that nobody can take off again."""
    libc = ctypes.CDLL(None, use_errno=True)
    text = ctypes.create_string_buffer(filter)

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))

    program = Program(len(filter) // 8, ctypes.addressof(text))
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "the filter of system calls was not taken")


def _bubblewrap(job: dict[str, Any]) -> Callable[[], Held]:
    """Namespaces of its own for everything, and a root that holds nothing but what it needs to run."""
    limits = job["limits"]
    program = _write_program(Path(job["folder"]), job)
    argv = [job["bwrap"], "--unshare-user", "--unshare-all", "--disable-userns", "--die-with-parent", "--new-session"]
    argv += ["--clearenv", *(word for name, value in job["env"].items() for word in ("--setenv", name, value))]
    for path in job["readable"]:
        if Path(path).is_symlink():  # /lib is a link into /usr where the two were merged
            argv += ["--symlink", str(Path(path).readlink()), path]
        elif Path(path).exists() and not path.startswith("/dev/"):
            argv += ["--ro-bind", path, path]
    argv += ["--proc", "/proc", "--dev", "/dev", "--size", str(limits["disk"]), "--tmpfs", "/job"]
    argv += ["--ro-bind", str(program), f"/job/{job['name']}", "--chdir", "/job"]
    argv += ["--remount-ro", "/dev", "--remount-ro", "/", "--uid", "65534", "--gid", "65534"]
    refused, filter = os.pipe()
    os.write(filter, bytes.fromhex(job["filter"]))
    os.close(filter)
    argv += ["--seccomp", str(refused), "--"]
    # Set inside, where only what runs inside is counted; the one more is the sandbox's own.
    argv += ["/usr/bin/prlimit", f"--nproc={limits['processes'] + 1}", "--", *job["argv"]]

    def limit() -> None:
        memory, files = limits["memory"], limits["open_files"]
        resource.setrlimit(resource.RLIMIT_DATA if job["reserves"] else resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    def begin() -> Held:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={},
            cwd="/",
            start_new_session=True,
            preexec_fn=limit,
            pass_fds=(refused,),
        )
        os.close(refused)
        if process.stdout is None or process.stderr is None:
            raise AssertionError("both were asked for")

        def finish() -> tuple[int, str]:
            status = process.wait()
            return (128 - status if status > 128 else status), ""

        out, err = process.stdout.fileno(), process.stderr.fileno()
        return Held(process.pid, out, err, finish, lambda: _weight_in_memory(process.pid))

    return begin


if __name__ == "__main__":
    main()
