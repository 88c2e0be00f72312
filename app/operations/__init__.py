"""What operators read: status, doctor, alert rules."""
