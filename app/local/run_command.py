"""`run`: the stack for a person at a terminal. Says where everything is, then stays up until told to stop."""

from app.local.client import Client
from app.local.demo_account import ensure_account
from app.local.errors import StopRequested
from app.local.stack import Plan, Stack
from app.local.stop_signal import StopSign


def run(plan: Plan, stop: StopSign, *, user: str) -> int:
    stack = Stack(plan, stop, news=say)
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
    """Everything that a person needs to go on, with a token that is good for curl at once."""
    token = stack.flask("token", user)
    api = Client(stack.url, token)
    try:
        account = ensure_account(api)
    finally:
        api.close()
    return WELCOME.format(
        url=stack.url,
        qstash=stack.plan.ports.url("qstash"),
        n8n=stack.plan.ports.url("n8n"),
        linkedin=stack.plan.ports.url("linkedin"),
        logs=stack.logs,
        user=user,
        account=account,
        token=token,
    )


def say(line: str) -> None:
    print(line, flush=True)


WELCOME = """
Punctual is up.
  API        {url}/docs
  Status     {url}/api/scheduler/status
  QStash     {qstash} (stand-in)
  n8n        {n8n}/_local/ledger (stand-in: what it was sent)
  LinkedIn   {linkedin} (stand-in: consent and tokens)
  Logs       {logs}
  User       {user}, with LinkedIn account {account}

In another terminal:
  export API={url} TOKEN={token}

To connect an account by OAuth, open in a browser:
  {linkedin}/#{token}

Ctrl-C stops everything.
"""
