"""Why a request ended as it did, in words. Pure."""

from __future__ import annotations

from otel_eventlog.model import EventLog, OutcomeSource
from otel_eventlog.outcome import REFUSED
from otel_eventlog_collector.query import Request, RequestState


def explain(request: Request, state: RequestState) -> str:
    """Return one or two sentences for people who ask why this is a success or an error."""
    outcome = request.outcome
    if outcome is None:
        return _UNFINISHED[state]
    sentences = [decided_by(outcome)]
    if outcome.error_type:
        sentences.append(f"Reason: {outcome.error_type}.")
    if outcome.next_step:
        sentences.append(f"Still due before the user is signed in: {outcome.next_step}.")
    if request.start is None:
        sentences.append("No start arrived: the rule matched only at the end, or it was lost.")
    return " ".join(sentences)


_UNFINISHED = {
    RequestState.IN_PROGRESS: "No outcome yet: the request may still be running.",
    RequestState.NO_OUTCOME: (
        "No outcome arrived in time: the process crashed or was killed in the middle of this "
        "request, or its event logs could not be delivered."
    ),
    RequestState.FINISHED: "",
}


def decided_by(outcome: EventLog) -> str:
    """Return a sentence that says what decided between success and error."""
    word = "a success" if outcome.status == "success" else "an error"
    code = outcome.http_status_code
    signal = "the framework's own login signal said so."
    if outcome.error_type == REFUSED:
        signal = "the framework signed nobody in: no login signal came, or it was taken back."
    because = {
        OutcomeSource.APP: "the application itself said so.",
        OutcomeSource.SIGNAL: signal,
        OutcomeSource.RULE: "a condition of the matching rule ([[rule.outcome]]) said so.",
        OutcomeSource.EXCEPTION: "an exception ended it.",
        OutcomeSource.HTTP: f"it was answered with HTTP status {code}.",
        OutcomeSource.SPAN: "the span's own status is ERROR.",
        OutcomeSource.ABORTED: (
            "it ended without any HTTP status: the client went away or the connection broke."
        ),
        OutcomeSource.DEFAULT: "nothing spoke against it.",
    }
    reason = because.get(outcome.outcome_source) if outcome.outcome_source else None
    return f"It is {word} because {reason or 'its sender said so, without saying why.'}"
