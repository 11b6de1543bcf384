"""What the keeper says of itself, in words: which site cannot be opened, and why."""

from typing import Any

from nightdrop.cli.client import Client

_WORDS = {
    "site_key_unopenable": "Its key does not open with this host's node key.",
    "site_key_missing": "Its key is not in keeper.db.",
}


def keeper_problem(status: dict[str, Any]) -> tuple[str, str] | None:
    """Return what keeps the keeper from opening anything as (sentence, hint), ``None`` when nothing does."""
    keeper = status["worker"].get("keeper") or {}
    if not status["worker"].get("alive") or not keeper.get("problem"):
        return None
    return str(keeper.get("message") or keeper["problem"]), str(keeper.get("hint") or "")


def sites_shut(client: Client, sites: list[dict[str, Any]]) -> dict[str, str]:
    """Return the sites that cannot be opened now: id -> reason as a sentence."""
    status = client.get("/status")
    if not status["worker"].get("alive"):
        return {site["id"]: "The worker does not run." for site in sites}
    keeper = status["worker"].get("keeper") or {}
    reasons = keeper.get("sites") or {}
    problem = keeper_problem(status)
    shut = {}
    for site in sites:
        reason = reasons.get(site["id"])
        if problem is not None and reason in {None, keeper["problem"]}:
            shut[site["id"]] = f"Cannot be opened: {problem[0]}"
        elif not site["ready"]:
            shut[site["id"]] = "The keeper has not made its key yet."
        elif reason not in {None, "ok"}:
            shut[site["id"]] = f"Cannot be opened: {_WORDS.get(reason, reason)}"
    return shut
