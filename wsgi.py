"""The entry point of every WSGI host: gunicorn, Vercel, `flask --app wsgi`."""

from app import create_app

app = create_app()
