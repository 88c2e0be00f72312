"""The `run` command: start the stack, print its addresses and a token, and keep it up until a stop signal."""

from app.local.client import Client
from app.local.demo_account import ensure_account
from app.local.errors import StopRequested
from app.local.stack import Stack, StackOptions
from app.local.stop_signal import StopSignal


def run(options: StackOptions, stop: StopSignal, *, user: str) -> int:
    """Run the stack until a stop signal arrives and return the exit code.

    Raises: StackError when the stack cannot start or one of its processes ends.
    """
    stack = Stack(options, stop, show=say)
    try:
        say("Starting: n8n and LinkedIn stand-ins, migrations, app, QStash stand-in, cron …")
        stack.start()
        say(welcome(stack, user))
        stack.watch()
    except StopRequested:
        say("\nStopping …")
    finally:
        stack.stop()
    say("Stopped.")
    return 0


def welcome(stack: Stack, user: str) -> str:
    """Return the text for the user: addresses, the log folder, and tokens for `user` and for an admin."""
    token = stack.flask("token", user)
    api = Client(stack.url, token)
    try:
        account = ensure_account(api)
    finally:
        api.close()
    return WELCOME.format(
        url=stack.url,
        qstash=stack.options.ports.url("qstash"),
        n8n=stack.options.ports.url("n8n"),
        linkedin=stack.options.ports.url("linkedin"),
        logs=stack.logs,
        user=user,
        account=account,
        token=token,
        admin=stack.admin_token(token),
    )


def say(line: str) -> None:
    print(line, flush=True)


WELCOME = """
Punctual is up.
  Console    {url}/console/login#token={token}
  Operator   {url}/console/login#token={admin}
  API        {url}/docs
  Status     {url}/api/scheduler/status
  QStash     {qstash} (stand-in)
  n8n        {n8n}/_local/ledger (stand-in: received requests)
  LinkedIn   {linkedin} (stand-in: consent and tokens)
  Logs       {logs}
  User       {user}, with LinkedIn account {account}

In another terminal:
  export API={url} TOKEN={token}

To connect an account by OAuth, open in a browser:
  {linkedin}/#{token}

Ctrl-C stops everything.
"""
