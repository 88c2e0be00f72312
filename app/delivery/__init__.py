"""One post at its instant: dispatch, prepare, postpone, send, settle, report."""
