"""What authors do with posts: drafts, schedule, recover, warnings."""
