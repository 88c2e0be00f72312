"""The safety net: sweep, poll mode, the loop, isolation of broken rows, retention."""
