"""Reads for operators: status, doctor, alert rules."""
