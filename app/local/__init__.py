"""Stand-ins that speak the real services' HTTP, and the stack that starts them beside the app on one machine.

Nothing here imports the app, and nothing in the app imports this: the app cannot tell a stand-in from the real service.
"""
