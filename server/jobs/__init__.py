"""Jobs: recordings that are transcribed when there is time, whoever waits, and whatever restarts meanwhile. No HTTP."""
