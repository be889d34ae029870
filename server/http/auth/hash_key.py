"""``python -m server.http.auth.hash_key``: lines for a key file, of which nobody can make the keys again.

Keys are read from standard input, one a line, never from arguments: those can be seen by every user of the machine.
``--new`` makes a key instead: its first line is for the client, and the second for the file.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from getpass import getpass

from server.http.auth.keys import hashed


def main(arguments: Sequence[str]) -> int:
    """Returns the exit status."""
    if arguments == ["--new"]:
        key = f"sk-{secrets.token_urlsafe(32)}"
        sys.stdout.write(f"{key}\n{hashed(key)}\n")
        return 0
    if arguments:
        sys.stderr.write("usage: python -m server.http.auth.hash_key [--new]; keys are read from standard input\n")
        return 2
    lines = [getpass("key: ")] if sys.stdin.isatty() else sys.stdin.read().splitlines()
    sys.stdout.writelines(f"{hashed(line.strip())}\n" for line in lines if line.strip())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
