"""Pure: the system calls that no program may make, and the filter of them that the kernel takes (seccomp)."""

from __future__ import annotations

import struct
from collections.abc import Iterable

WITH_SANDLOCK = ("socket",)
"""What sandlock leaves open and cannot be told to refuse. There is no socket of any kind but a pair of connected ones:
Landlock lets MPTCP, TCP Fast Open and all that is not TCP through, and a namespace of the network lets through what
talks to the machine that this one runs on (AF_VSOCK).
"""

WITH_BUBBLEWRAP = (
    *WITH_SANDLOCK,
    *("ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp"),  # the sandbox's own first process
    *(
        "memfd_create",
        "memfd_secret",
        "shmget",
        "semget",
        "msgget",
        "mq_open",
    ),  # memory that no process is seen to have
    *("keyctl", "add_key", "request_key"),  # the keys of who has started us
    *("bpf", "io_uring_setup", "open_by_handle_at", "perf_event_open", "personality", "userfaultfd"),
)
"""What namespaces leave open."""

TOLD_TO_SANDLOCK = (
    # What is noted about files: Landlock guards what they hold, so a program could chmod whatever its user owns.
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "file_setattr"),
    *("utime", "utimes", "utimensat", "futimesat", "mknod", "mknodat", "inotify_add_watch"),
    *("setxattr", "lsetxattr", "fsetxattr", "setxattrat", "getxattr", "lgetxattr", "fgetxattr", "getxattrat"),
    *("removexattr", "lremovexattr", "fremovexattr", "removexattrat"),
    # The turns and processors of the user's other processes, this one's perhaps.
    *("setpriority", "ioprio_set"),
    *("sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler"),
    *("memfd_create", "memfd_secret"),  # memory that no process is seen to have
)
"""What sandlock is told to refuse, by the names that it knows."""

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_*
_NUMBERS = {  # in the order of those
    "add_key": (248, 217),
    "bpf": (321, 280),
    "io_uring_setup": (425, 425),
    "kcmp": (312, 272),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "open_by_handle_at": (304, 265),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "request_key": (249, 218),
    "semget": (64, 190),
    "shmget": (29, 194),
    "socket": (41, 198),
    "userfaultfd": (323, 282),
}
_LIMITS = (302, 261)  # prlimit64, whose first argument is the process, or 0 for one's own
_LOAD, _IS, _IS_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # of the classic BPF
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16  # in struct seccomp_data
_OTHER_NUMBERS = 0x40000000  # x86-64 with 32-bit addresses, which has a table of its own
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050001, 0x80000000  # SECCOMP_RET_*; to refuse is to say EPERM


def refusing(names: Iterable[str], machine: str) -> bytes:
    """A filter that refuses these calls, and those that set the limits of other processes.

    It kills whoever makes a call by another table of numbers than the machine's own. Empty for a machine
    whose numbers are not known here.
    """
    if machine not in _ARCHITECTURES:
        return b""
    column = list(_ARCHITECTURES).index(machine)
    refused = [_NUMBERS[name][column] for name in names]
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_IS, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_IS_AT_LEAST, 0, 1, _OTHER_NUMBERS),
        (_RETURN, 0, 0, _KILL),
        *((_IS, len(refused) - index + 3, 0, number) for index, number in enumerate(refused)),  # to the last step
        (_IS, 0, 2, _LIMITS[column]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT_AT),
        (_IS, 0, 1, 0),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
