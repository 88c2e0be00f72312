"""People's data: the export of a user, and the deletion of a user or of a company."""
