"""The command line ``vibevoice-asr``. Each command imports what it needs when it runs: the help imports none of it."""
