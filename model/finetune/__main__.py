"""See ``command``."""

import sys

from model.finetune.command import run

if __name__ == "__main__":
    sys.exit(run())
