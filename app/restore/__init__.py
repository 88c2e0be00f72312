"""The database went back in time: hold the posts in doubt, find the proof, and the operator's command."""
