"""Kept answers of idempotent requests, and members whose right to read has ended."""

from typing import Any

from tests.web.agency import create_agency
from tests.web.site import Site, User, refused


def test_removed_member_gets_no_kept_answer_of_the_company(site: Site, alice: User):
    author = site.user("author")
    agency = create_agency(alice, author, {})
    calls: list[tuple[str, dict[str, Any] | None]] = [
        ("/api/posts", {"content": "Secret", "companyId": agency.company_id}),
        ("/api/posts", {"content": "Secret", "clientId": agency.client_id}),
        (f"/api/posts/{agency.post_id}/unschedule", None),
        ("/api/posts/recover", {"postId": agency.draft_id.upper(), "action": "retry"}),
        ("/api/posts", {"content": "Personal"}),
    ]

    def send(number: int) -> Any:
        path, body = calls[number]
        return author.post(path, json=body, headers={"Idempotency-Key": f"key-{number}"})

    first = [send(number) for number in range(len(calls))]
    assert [one.status_code for one in first] == [201, 201, 200, 409, 201]
    again = [send(number) for number in range(len(calls))]
    assert [one.get_data() for one in again] == [one.get_data() for one in first]
    assert all(one.headers["Idempotency-Replayed"] == "true" for one in again)
    assert alice.delete(f"/api/companies/{agency.company_id}/members/author").status_code == 204
    count = site.rows("SELECT count(*) FROM posts")
    refused(send(0), 422, "company_not_found")
    refused(send(1), 422, "client_not_found")
    refused(send(2), 404, "post_not_found")
    refused(send(3), 404, "post_not_found")
    assert send(4).get_data() == first[4].get_data()
    assert site.rows("SELECT count(*) FROM posts") == count
    alice.add_member(agency.company_id, "author", "viewer")
    assert send(0).get_data() == first[0].get_data()
