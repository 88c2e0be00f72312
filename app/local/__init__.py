"""Stand-ins for QStash, n8n and LinkedIn, and the local stack.

Each stand-in speaks the real service's HTTP. The stack starts all of them beside the app on one machine.
Invariant: nothing here imports the app, and the app imports nothing from here. The app cannot distinguish a stand-in
from the real service.
"""
