"""The console: pages for authors and operators, built by Node and served as static files."""
