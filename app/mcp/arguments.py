"""The arguments of tools: their types, their bounds and the sentences that an agent reads about them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
MAX_LIST = 50
MAX_SLOTS = 20
MAX_MEDIA = 20

Id = Annotated[str, Field(pattern=UUID)]
Platform = Literal["linkedin", "instagram", "facebook"]
Status = Literal["draft", "scheduled", "publishing", "published", "failed", "cancelled"]
Content = Annotated[str, Field(min_length=1, max_length=100_000)]
Query = Annotated[str, Field(min_length=1, max_length=200)]
Link = Annotated[str, Field(max_length=2_000)]
ExternalId = Annotated[str, Field(min_length=1, max_length=255, description="The platform's own id of the post.")]
Cursor = Annotated[str, Field(max_length=400, description="nextCursor of the page before.")]
Instant = Annotated[str, Field(max_length=64, description="An instant with offset, such as 2026-12-01T08:00:00Z.")]
Written = Annotated[
    str,
    Field(
        max_length=64,
        description="2026-12-01T09:00:00 on the clock of time_zone, or with an offset: 2026-12-01T08:00:00Z.",
    ),
]
Zone = Annotated[str, Field(max_length=64, description="IANA name of the author's zone, such as Europe/Berlin.")]
Fold = Annotated[Literal[0, 1], Field(description="1: the second of two equal local times, when clocks go back.")]
Slot = Annotated[
    Literal["next"], Field(description="Instead of scheduled_at: the next free weekly time of the account.")
]
Duration = Annotated[
    str, Field(max_length=40, description="ISO 8601: PT2H, -PT30M, P1D, P1W. Days keep the local time of day.")
]
RequestId = Annotated[
    str,
    Field(
        pattern=r"^[!-~]{1,100}$",
        description="Any name for this order. Calls with the same name and arguments are done once within a day.",
    ),
]
Confirm = Annotated[
    bool,
    Field(
        strict=True,
        description="false: only say what would happen, and do nothing. true: do it. Set it to true after the person "
        "has agreed to what the answer without it says.",
    ),
]
Force = Annotated[
    bool,
    Field(
        strict=True,
        description="true: publish although an earlier attempt may be out already, at the risk of a second copy.",
    ),
]


class Media(BaseModel):
    """One file of a post, by its public https address."""

    model_config = ConfigDict(extra="forbid")

    url: Link
    type: Literal["image", "video", "document"]


MediaList = Annotated[list[Media], Field(max_length=MAX_MEDIA)]
