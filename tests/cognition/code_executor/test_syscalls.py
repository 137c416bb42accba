from __future__ import annotations

import struct

import pytest

from companion_async.cognition.code_executor.syscalls import WITH_BUBBLEWRAP, WITH_SANDLOCK, refusing

pytestmark = pytest.mark.feature("CB-45")

MACHINES = {"x86_64": (0xC000003E, 41, 302), "aarch64": (0xC00000B7, 198, 261)}  # architecture, socket, prlimit64
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050001, 0x80000000


def verdict(program, number, architecture, argument=0):
    """What the kernel would say of a call: the classic BPF, as far as it is used here."""
    data = struct.pack("=IIQQ", number, architecture, 0, argument)
    steps = list(struct.iter_unpack("=HBBI", program))
    at, held = 0, 0
    while True:
        code, yes, no, value = steps[at]
        at += 1
        if code == 0x06:
            return value
        if code == 0x20:
            held = struct.unpack_from("=I", data, value)[0]
        else:
            at += yes if (held == value if code == 0x15 else held >= value) else no


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("names", [WITH_SANDLOCK, WITH_BUBBLEWRAP])
def test_what_is_named_is_refused_and_nothing_else(machine, names):
    """Of all numbers as many are refused as names were given, sockets among them; a foreign table of numbers kills."""
    architecture, socket, _ = MACHINES[machine]
    program = refusing(names, machine)
    verdicts = [verdict(program, number, architecture) for number in range(600)]
    assert verdicts.count(REFUSE) == len(names)
    assert verdicts.count(ALLOW) == 600 - len(names)
    assert verdicts[socket] == REFUSE
    assert verdict(program, 0, 0x40000003) == KILL
    assert verdict(program, 0x40000000 + socket, architecture) == KILL


@pytest.mark.parametrize("machine", MACHINES)
def test_limits_are_set_of_oneself_alone(machine):
    """The limits of the process that asks may be read and lowered, those of another may not."""
    architecture, _, limits = MACHINES[machine]
    program = refusing(WITH_SANDLOCK, machine)
    assert verdict(program, limits, architecture, 0) == ALLOW
    assert verdict(program, limits, architecture, 1) == REFUSE


def test_of_an_unknown_machine_no_filter_is_made():
    """A machine whose numbers are not known has no filter, so that no sandbox there is taken to hold."""
    assert refusing(WITH_SANDLOCK, "riscv64") == b""
