"""Tells people of failures: a run of code of our own, in the sandbox and with the rights of any other run of the site.

So a notice reaches no host that scripts may not reach, its secrets come from the keeper, and its log says what became
of it.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text

from nightdrop.core.ids import first_id, new_id
from nightdrop.runs.insert import NewRun, Origin, insert_run
from nightdrop.runs.model import FinishedRun, RunState, encode_params
from nightdrop.triggers.firing import FIRED, shown_name
from nightdrop.triggers.model import Trigger
from nightdrop.triggers.settings import NotifySettings

FAILURES = frozenset({RunState.FAILED, RunState.TIMED_OUT, RunState.KILLED, RunState.LOST})
_NAME = "notification"
_TIMEOUT_S = 120.0
_MAIL = """\
if (!SendMail("", Params.To, Params.Subject, Params.Text)) throw new Error("the mail was not sent; see the log");
"""
_POST = """\
const address = Params.UrlSecret ? RequireSecret(Params.UrlSecret) : Params.Url;
const answer = new HttpCli().Url(address).Timeout(30).ReqJSON(Params.Notice).Post();
const status = answer.StatusCode();
if (!answer.IsValid() || status >= 300) throw new Error("the notice was not taken; status " + status);
"""
_SITE = text("SELECT name FROM sites WHERE id = :site")
_SINCE = text(
    "SELECT count(*) FROM runs WHERE script_id = :script AND id > :after AND id <> :run AND state IN :states"
).bindparams(bindparam("states", expanding=True))


def notify(
    conn: Connection, trigger: Trigger, ended: Row[Any], end: FinishedRun, now_ms: int
) -> tuple[str, Mapping[str, Any]] | None:
    """Queue a notice of a run that failed; ``None`` when it is none, or the last notice is not long ago.

    Raises:
        ParamsInvalidError, ParamsTooLargeError.
    """
    settings = trigger.settings
    if not isinstance(settings, NotifySettings) or end.state not in FAILURES:
        return None
    last = trigger.last_ms or 0
    if last and now_ms - last < settings.every_minutes * 60_000:
        return None
    states = [state.value for state in FAILURES]
    values = {"script": trigger.script_id, "after": first_id("run", last), "run": ended.id, "states": states}
    others = conn.execute(_SINCE, values).scalar_one() if last else 0
    notice = _notice(conn.execute(_SITE, {"site": trigger.site_id}).scalar_one(), ended, end, others)
    code, params = _code_and_params(settings, notice)
    run = NewRun(
        id=new_id("run"),
        site_id=trigger.site_id,
        script_id=None,
        script_name=_NAME,
        version=None,
        code=code,
        params=encode_params(params),
        idempotency_key=None,
        concurrency_key=None,
        idempotent=False,
        priority=0,
        run_at_ms=now_ms,
        created_ms=now_ms,
        created_by=shown_name(trigger),
        timeout_s=_TIMEOUT_S,
    )
    insert_run(conn, run, Origin(trigger.kind.value, trigger.id))
    conn.execute(FIRED, {"id": trigger.id, "now": now_ms, "run": run.id})
    return run.id, {"script": _NAME, "trigger": trigger.id, "kind": trigger.kind.value, "of": ended.id}


def _notice(site: str, ended: Row[Any], end: FinishedRun, others: int) -> dict[str, Any]:
    error = end.error or {}
    why = str(error.get("message") or end.reason or "")
    line = f" (line {error['line']})" if error.get("line") else ""
    state = end.state.value.replace("_", " ")
    told = f"{ended.script_name} in {site}: {state}{line}"
    lines = [told, *([why] if why else []), f"Run {ended.id}"]
    if others:
        lines.append(f"{others} more of its runs failed since the last notice.")
    return {
        # The name under which chat services expect it.
        "text": "\n".join(lines),
        "site": site,
        "script": ended.script_name,
        "run": ended.id,
        "state": end.state.value,
        "reason": why,
        "others": others,
    }


def _code_and_params(settings: NotifySettings, notice: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if settings.to:
        first = str(notice["text"]).partition("\n")[0]
        return _MAIL, {"To": settings.to, "Subject": f"nightdrop: {first}", "Text": notice["text"]}
    return _POST, {"Url": settings.url, "UrlSecret": settings.url_secret, "Notice": notice}
