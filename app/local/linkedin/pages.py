"""The stand-in's HTML pages: consent, error, and a minimal frontend with a button to connect an account."""

from html import escape

STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 30rem; margin: 12vh auto 2rem; padding: 0 1.25rem; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; } .note { font-size: .875rem; opacity: .75; }
label { display: block; font-weight: 600; margin-top: 1.5rem; }
input { font: inherit; padding: .5rem .75rem; width: 100%; box-sizing: border-box; margin: .25rem 0 1.5rem; }
button { font: inherit; font-weight: 600; padding: .6rem 1.5rem; border-radius: 2rem; border: 1px solid #0a66c2; }
.allow { background: #0a66c2; color: #fff; } .deny { background: transparent; color: inherit; margin-left: .5rem; }
"""
MEANINGS = {
    "openid": "know who you are",
    "profile": "see your name",
    "email": "see your e-mail address",
    "w_member_social": "post, comment and react on your behalf",
}


def consent(ticket: str, scopes: list[str], member: str) -> str:
    permissions = "".join(f"<li>{escape(MEANINGS.get(scope, scope))}</li>" for scope in scopes)
    return _page(
        "Allow access?",
        f"""<p>The app would like to:</p><ul>{permissions}</ul>
<form method="post" action="/oauth/v2/authorization">
<input type="hidden" name="ticket" value="{escape(ticket)}">
<label for="member">You are</label>
<input id="member" name="member" value="{escape(member)}" required maxlength="100" autocomplete="off">
<button class="allow" name="decision" value="allow">Allow</button>
<button class="deny" name="decision" value="deny" formnovalidate>Cancel</button>
</form>
<p class="note">This is a stand-in on this machine. It does not contact LinkedIn.</p>""",
    )


FRONTEND = """
const token = document.querySelector("#token"), problem = document.querySelector("#problem");
token.value = location.hash.slice(1);
document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const answer = await fetch(document.body.dataset.connect, {
      headers: {Authorization: `Bearer ${token.value}`},
      credentials: "include",  // without it the browser drops the cookie, and the callback needs the cookie
    });
    const body = await answer.json();
    if (answer.ok) location.assign(body.authorizationUrl); else problem.textContent = body.detail;
  } catch (error) { problem.textContent = String(error); }
});
"""


def frontend(connect_url: str) -> str:
    """Return a page that connects an account as any frontend does."""
    return _page(
        "A frontend",
        f"""<p>This page replaces your own frontend. It asks Punctual for the consent page and opens it.</p>
<form><label for="token">The user's token</label><input id="token" required autocomplete="off">
<button class="allow">Connect LinkedIn</button></form>
<p id="problem" role="status"></p><script>{FRONTEND}</script>""",
        f' data-connect="{escape(connect_url)}"',
    )


def refusal(reason: str) -> str:
    return _page("Bummer, something went wrong.", f"<p>{escape(reason)}</p>")


def _page(title: str, body: str, more: str = "") -> str:
    head = f"<meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>{title}</title>"
    head += f"<style>{STYLE}</style>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body{more}><h1>{title}</h1>{body}</body></html>"
