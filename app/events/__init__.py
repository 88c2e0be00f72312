"""Webhooks out: endpoints of users and companies, and the deliveries of events to them."""
