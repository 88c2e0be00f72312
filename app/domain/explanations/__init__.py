"""The explanations for authors of a post that did not go out: for each code a sentence and a cure.

Invariant: raw texts of n8n and the platforms never get into `errorCode` or `errorMessage`. They stay in the attempt,
masked and truncated.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explanation:
    """The event and its cure, each in whole sentences."""

    sentence: str
    cure: str


_WAIT = "We try again automatically."
_OPERATOR_INFORMED = "Your operator has been informed."
_CHECK = "Check its text and media, then schedule it again."

EXPLANATIONS = {
    # n8n
    "publisher_unreachable": Explanation("The publishing service could not be reached.", _WAIT),
    "publisher_busy": Explanation("The publishing service asked us to slow down.", _WAIT),
    "publisher_error": Explanation("The publishing service had a problem.", _WAIT),
    "publisher_refuses_us": Explanation("The publishing service does not accept our requests.", _OPERATOR_INFORMED),
    "workflow_inactive": Explanation("The publishing workflow is not active.", _OPERATOR_INFORMED),
    "rejected_by_publisher": Explanation("The publishing service refuses this post as it is.", _CHECK),
    # Any platform
    "platform_error": Explanation("The platform had a problem.", _WAIT),
    "platform_busy": Explanation("The platform asked us to slow down.", _WAIT),
    "rejected_by_platform": Explanation("The platform refuses this post as it is.", _CHECK),
    "duplicate_content": Explanation(
        "The platform already has a post with this text on this account.", "Change the text."
    ),
    "daily_limit_reached": Explanation(
        "The platform takes no more posts from this account today.", "Schedule the post for tomorrow."
    ),
    "blocked_by_platform": Explanation(
        "The platform treats this post or this account as spam, or as against its rules.",
        "Change the text, or wait a day, then schedule the post again.",
    ),
    # The account
    "reconnect_required": Explanation(
        "The platform no longer accepts this account's connection.", "Reconnect the account."
    ),
    "permission_missing": Explanation(
        "The account's connection does not allow us to publish.",
        "Reconnect the account, allow all permissions, then schedule the post again.",
    ),
    "account_restricted": Explanation(
        "The platform has restricted this account.",
        "Sign in to the platform's own app, follow its instructions, then schedule the post again.",
    ),
    "account_missing": Explanation(
        "The account of this post is gone or cannot be used.",
        "Connect it, or give the post another account, then schedule the post again.",
    ),
    "member_left": Explanation(
        "This post is held, because the person of its profile has left the company.",
        "Give the post another account, or let the person connect the profile again. Then schedule the post again.",
    ),
    "account_withdrawn": Explanation(
        "This post is held, because the person of its profile has withdrawn it from the company.",
        "Give the post another account, then schedule the post again.",
    ),
    # Text and media
    "text_too_long": Explanation("The text is longer than the platform takes.", "Shorten it, then schedule it again."),
    "too_many_tags": Explanation(
        "The text has more hashtags or mentions than the platform takes.", "Remove some, then schedule the post again."
    ),
    "media_unreachable": Explanation(
        "An image or video of this post is gone from its address.",
        "Check that its URL opens in a private window, then schedule the post again.",
    ),
    "media_not_public": Explanation(
        "An image or video of this post is not on a public address.",
        "Put the file where everybody can open it, then schedule the post again.",
    ),
    "media_not_fetched": Explanation(
        "The platform could not fetch an image or video of this post.",
        "Check that its URL opens in a private window, then schedule the post again.",
    ),
    "media_not_ready": Explanation("The platform has not finished processing the media.", _WAIT),
    "image_too_large": Explanation(
        "An image is larger than the platform takes.", "Use one of less than 8 MB, then schedule the post again."
    ),
    "image_format_not_supported": Explanation(
        "The platform does not take images of this format.", "Use a JPEG, then schedule the post again."
    ),
    "aspect_ratio_not_supported": Explanation(
        "An image is too tall or too wide for the platform.",
        "Crop it to between 4:5 and 1.91:1, then schedule the post again.",
    ),
    "video_format_not_supported": Explanation(
        "The platform does not take videos of this format.",
        "Use an MP4 or MOV file with H.264 video and AAC sound, then schedule the post again.",
    ),
    "carousel_size": Explanation(
        "A carousel needs 2 to 10 images or videos.", "Change their number, then schedule the post again."
    ),
    # Ours
    "installation_misconfigured": Explanation("This installation cannot send posts at the moment.", _OPERATOR_INFORMED),
    "sending_paused": Explanation(
        "Your operator has paused all sending.", "The post goes out when sending is resumed. You need to do nothing."
    ),
    "outcome_unknown": Explanation(
        "We cannot tell whether this post went out.", "Look at the account before you send it again."
    ),
    "retries_exhausted": Explanation("The post could not be published after several tries.", "Schedule it again."),
    "missed": Explanation(
        "The post could not be sent close enough to its time, so it was not sent at all.", "Schedule it again."
    ),
    "spaced": Explanation(
        "Another post of this account goes out first, then this one.", "Schedule it later if that is too close."
    ),
    "daily_cap": Explanation(
        "This account has reached its daily cap. This post goes out as soon as the cap allows.",
        "Or schedule it for another time.",
    ),
    "failed_by_hand": Explanation("This post was marked as failed by hand.", "Schedule it again to send it."),
}

#: Code → `errorMessage`: the sentence and the cure.
SENTENCES = {code: f"{explanation.sentence} {explanation.cure}" for code, explanation in EXPLANATIONS.items()}
