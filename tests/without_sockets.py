"""Run Python so that opening a socket of any kind kills it: `python without_sockets.py ARGUMENTS OF PYTHON`.

The kernel does that (seccomp), for native code and for every process that is started from there as well. An audit hook
sees only what goes through Python.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import sys

KILLED = -signal.SIGSYS if hasattr(signal, "SIGSYS") else None
"""How a process ends that opens a socket, as `subprocess` tells it."""

# From the kernel's headers: linux/prctl.h, linux/seccomp.h, linux/bpf_common.h, linux/audit.h.
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # of 32-bit words
KILL_PROCESS, ALLOW = 0x80000000, 0x7FFF0000
NUMBER_AT, ARCHITECTURE_AT = 0, 4  # in struct seccomp_data
OTHER_TABLE = 0x40000000  # from here on x86_64 has its calls a second time, for 32-bit pointers
IO_URING_SETUP = 425  # a ring could open sockets without a call

ARCHITECTURES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""Of each machine its number and that of the call `socket`."""


class Instruction(ctypes.Structure):
    """struct sock_filter."""

    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("k", ctypes.c_uint32))


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(Instruction)))


def forbid_sockets():
    """Let the kernel kill this process, and all that it starts, at the first socket."""
    architecture, socket = ARCHITECTURES[platform.machine()]
    instructions = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (EQUAL, 0, 5, architecture),  # else: another table of calls, in which the numbers mean something else
        (LOAD, 0, 0, NUMBER_AT),
        (AT_LEAST, 3, 0, OTHER_TABLE),
        (EQUAL, 2, 0, socket),
        (EQUAL, 1, 0, IO_URING_SETUP),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, KILL_PROCESS),
    ]
    # A jump skips so many instructions.
    program = Program(len(instructions), (Instruction * len(instructions))(*instructions))
    libc = ctypes.CDLL(None, use_errno=True)
    for call in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*(ctypes.c_ulong(part) if isinstance(part, int) else part for part in call)):
            raise OSError(ctypes.get_errno(), f"prctl: {errno.errorcode[ctypes.get_errno()]}")


if __name__ == "__main__":
    forbid_sockets()
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])  # noqa: S606 (the tests' own command)
