"""Use cases of authors: drafts, schedule, recover, warnings."""
