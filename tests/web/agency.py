"""A company with one object of each kind, and every user request about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from werkzeug.test import TestResponse

from tests.web.answers import ACCESS_TOKEN
from tests.web.site import HOUR, NOW, User, json_of, wire_form

NEW_ACCOUNT = {"externalId": "urn:li:person:new", "accessToken": ACCESS_TOKEN}
SOON = {"scheduledAt": wire_form(NOW + 2 * HOUR)}


@dataclass
class Agency:
    """A company and the ids of its objects, named as in the routes. `author` wrote all posts."""

    owner: User
    company_id: str
    client_id: str
    idle_client_id: str
    account_id: str
    idle_account_id: str
    post_id: str  # scheduled
    draft_id: str
    failed_id: str
    member_id: str
    invitation_id: str

    def path(self, rule: str, **ids: str) -> str:
        return rule.format(**(self.ids | ids))

    @property
    def ids(self) -> dict[str, str]:
        return {name: value for name, value in vars(self).items() if name.endswith("_id")}


def create_agency(owner: User, author: User, members: dict[str, str]) -> Agency:
    """Create a company with clients, accounts, posts and members.

    `members` are user names with their roles. The viewer `member` is added to them.
    """
    company = owner.company(**{"member": "viewer", author.name: "editor"} | members)
    client, idle = owner.client_of(company), owner.client_of(company, "Idle")
    account = owner.account(clientId=client)["id"]
    idle_account = owner.account("facebook", companyId=company)["id"]
    posts = [author.draft(clientId=client)["id"] for _ in range(3)]
    for post_id in posts[:2]:
        author.schedule(post_id, NOW + HOUR)
    invited = json_of(
        owner.post(f"/api/companies/{company}/invitations", json={"role": "viewer", "userId": "guest"}), 201
    )
    ids = (company, client, idle, account, idle_account, posts[0], posts[2], posts[1], "member", invited["id"])
    return Agency(owner, *ids)


#: Every user request about an existing object: description → method, route, body, required right.
READ, WRITE, GOVERN = "read", "write", "govern"
ACTIONS: dict[str, tuple[str, str, dict[str, Any] | None, str]] = {
    "read a post": ("GET", "/api/posts/{post_id}", None, READ),
    "read its timeline": ("GET", "/api/posts/{post_id}/timeline", None, READ),
    "edit a post": ("PATCH", "/api/posts/{post_id}", {"content": "New"}, WRITE),
    "schedule a post": ("POST", "/api/posts/{draft_id}/schedule", SOON, WRITE),
    "publish a post": ("POST", "/api/posts/{draft_id}/publish", None, WRITE),
    "copy a post": ("POST", "/api/posts/{post_id}/duplicate", None, WRITE),
    "unschedule a post": ("POST", "/api/posts/{post_id}/unschedule", None, WRITE),
    "cancel a post": ("DELETE", "/api/posts/{post_id}", None, WRITE),
    "retry a post": ("POST", "/api/posts/recover", {"postId": "{failed_id}", "action": "retry"}, WRITE),
    "fail a post": ("POST", "/api/posts/recover", {"postId": "{failed_id}", "action": "fail"}, WRITE),
    "rename an account": ("PATCH", "/api/social-accounts/{account_id}", {"accountName": "New"}, WRITE),
    "reconnect an account": ("PATCH", "/api/social-accounts/{account_id}", {"accessToken": ACCESS_TOKEN}, WRITE),
    "read slots": ("GET", "/api/social-accounts/{account_id}/slots", None, READ),
    "preview slots": ("GET", "/api/social-accounts/{account_id}/slots/next", None, READ),
    "set slots": ("PUT", "/api/social-accounts/{account_id}/slots", {"timeZone": "UTC", "times": []}, WRITE),
    "remove an account": ("DELETE", "/api/social-accounts/{idle_account_id}", None, WRITE),
    "read the company": ("GET", "/api/companies/{company_id}", None, READ),
    "rename the company": ("PATCH", "/api/companies/{company_id}", {"name": "New"}, GOVERN),
    "remove the company": ("DELETE", "/api/companies/{company_id}", None, GOVERN),
    "list members": ("GET", "/api/companies/{company_id}/members", None, READ),
    "add a member": ("PUT", "/api/companies/{company_id}/members/new", {"role": "viewer"}, GOVERN),
    "promote a member": ("PUT", "/api/companies/{company_id}/members/{member_id}", {"role": "owner"}, GOVERN),
    "invite a person": ("POST", "/api/companies/{company_id}/invitations", {"role": "viewer"}, GOVERN),
    "list invitations": ("GET", "/api/companies/{company_id}/invitations", None, GOVERN),
    "revoke an invitation": ("DELETE", "/api/companies/{company_id}/invitations/{invitation_id}", None, GOVERN),
    "read the audit trail": ("GET", "/api/companies/{company_id}/audit", None, GOVERN),
    "export the audit trail": ("GET", "/api/companies/{company_id}/audit.csv", None, GOVERN),
    "read the warnings": ("GET", "/api/companies/{company_id}/warnings", None, READ),
    "remove a member": ("DELETE", "/api/companies/{company_id}/members/{member_id}", None, GOVERN),
    "list clients": ("GET", "/api/companies/{company_id}/clients", None, READ),
    "add a client": ("POST", "/api/companies/{company_id}/clients", {"name": "New"}, WRITE),
    "read a client": ("GET", "/api/companies/{company_id}/clients/{client_id}", None, READ),
    "rename a client": ("PATCH", "/api/companies/{company_id}/clients/{client_id}", {"name": "New"}, WRITE),
    "remove a client": ("DELETE", "/api/companies/{company_id}/clients/{idle_client_id}", None, WRITE),
}
#: Requests that add an object to a company. A non-member gets a field error, as for any unknown id in a body.
ADDITIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "write a post": ("/api/posts", {"content": "x", "companyId": "{company_id}"}),
    "write a post for a client": ("/api/posts", {"content": "x", "clientId": "{client_id}"}),
    "connect an account": ("/api/social-accounts", NEW_ACCOUNT | {"companyId": "{company_id}"}),
    "connect an account of a client": ("/api/social-accounts", NEW_ACCOUNT | {"clientId": "{client_id}"}),
}


def attempt(user: User, agency: Agency, name: str, **ids: str) -> TestResponse:
    """Send the named request about this agency's objects."""
    if name in ADDITIONS:
        return _send(user, agency, "POST", *ADDITIONS[name], ids)
    method, rule, body, _ = ACTIONS[name]
    return _send(user, agency, method, rule, body, ids)


def _send(
    user: User, agency: Agency, method: str, rule: str, body: dict[str, Any] | None, ids: dict[str, str]
) -> TestResponse:
    filled = body and {
        key: agency.path(value, **ids) if isinstance(value, str) else value for key, value in body.items()
    }
    return user.open(method, agency.path(rule, **ids), json=filled)
