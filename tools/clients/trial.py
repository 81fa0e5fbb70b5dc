"""Calls the API through the client that openapi-python-client made."""

import os
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

import attrs
import httpx

from pims_sync.api.cases import compare_case, list_cases, list_events, restore_case, show_case, show_case_history, show_case_moment
from pims_sync.api.operation import show_health, show_metrics, show_readiness
from pims_sync.api.plans import approve_plan, list_plans, reject_plan, show_plan
from pims_sync.api.syncs import (
    cancel_sync,
    follow_sync,
    list_recordings,
    list_syncs,
    restore_sync,
    show_freshness,
    show_recording,
    show_sync,
    sync_cases,
    sync_full,
    sync_inbound,
    sync_reconcile,
)
from pims_sync.client import AuthenticatedClient, Client
from pims_sync.models import (
    ArrivalList,
    CaseList,
    CaseRecord,
    CasesResult,
    Comparison,
    EventList,
    FreshnessList,
    FullRequest,
    FullResult,
    HealthReport,
    InboundRequest,
    InboundResult,
    ListPlansStatus,
    ListSyncsType,
    MomentRecord,
    Nothing,
    PlanDecision,
    PlanList,
    PlanRecord,
    Problem,
    Readiness,
    ReconcileRequest,
    ReconciliationResult,
    RecordingDetail,
    RecordingList,
    RestoreResult,
    SyncList,
    SyncRecord,
    SyncRecordStatus,
)
from pims_sync.types import UNSET, Response

URL = os.environ["PIMS_SYNC_URL"]
SOMEBODY_ELSES = UUID("0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e01")
OPEN_MODELS = {"ArrivalData", "CaseRecordMetadata", "EvidenceDays", "RecordedPhaseStats", "RecordedPlanLookups"}  # any key may be in these

T = TypeVar("T")


def client_of(key: str) -> AuthenticatedClient:
    return AuthenticatedClient(
        base_url=URL, token=key, prefix="", auth_header_name="X-API-Key", timeout=httpx.Timeout(120), raise_on_unexpected_status=True
    )


CLIENT = client_of(os.environ["PIMS_SYNC_KEY"])
STRAY = client_of(os.environ["PIMS_SYNC_STRAY_KEY"])
ANYBODY = Client(base_url=URL, raise_on_unexpected_status=True)


def got(kind: type[T], answer: Response[Any], status: int = 200) -> T:
    """The body of an answer, which must be of this status and kind, and hold no field that the kind does not have."""
    assert answer.status_code == status, (answer.status_code, answer.content)
    assert isinstance(answer.parsed, kind), (type(answer.parsed), answer.content)
    require_known(answer.parsed)
    return answer.parsed


def require_known(value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            require_known(item)
    elif attrs.has(type(value)):
        name = type(value).__name__
        unknown = getattr(value, "additional_properties", {})
        assert name in OPEN_MODELS or not unknown, f"{name} does not know {unknown}"
        for field in attrs.fields(type(value)):
            if field.name != "additional_properties":
                require_known(getattr(value, field.name))


def operation() -> None:
    assert got(HealthReport, show_health.sync_detailed(client=ANYBODY)).version
    assert got(Readiness, show_readiness.sync_detailed(client=ANYBODY)).database == "connected"
    assert got(str, show_metrics.sync_detailed(client=ANYBODY)).startswith("# HELP ")


def start_syncs() -> None:
    inbound = got(InboundResult, sync_inbound.sync_detailed(client=CLIENT, body=InboundRequest()))
    assert inbound.stats.appointments_found > 0
    got(CasesResult, sync_cases.sync_detailed(client=CLIENT))
    body = ReconcileRequest(lookback_days=3, dry_run=True)
    reconciliation = got(ReconciliationResult, sync_reconcile.sync_detailed(client=CLIENT, body=body))
    assert reconciliation.stats.deleted_ids == []
    assert isinstance(reconciliation.changes, list), "a dry run lists its changes"
    full = got(FullResult, sync_full.sync_detailed(client=CLIENT, body=FullRequest(days_ahead=None, record=True)))
    assert isinstance(full.cases_result, CasesResult), "the phase ran"


def follow() -> UUID:
    answer = sync_full.sync_detailed(client=CLIENT, prefer="respond-async")
    begun = got(SyncRecord, answer, 202)
    assert answer.headers["Location"] == f"/api/syncs/{begun.id}"
    events = got(str, follow_sync.sync_detailed(begun.id, client=CLIENT))
    assert events.startswith("event: state\n") and "event: done\n" in events
    return begun.id


def read_syncs(sync_id: UUID) -> None:
    page = got(SyncList, list_syncs.sync_detailed(client=CLIENT, type_=ListSyncsType.FULL, limit=1))
    assert page.items[0].id == sync_id
    assert page.next_cursor
    got(SyncList, list_syncs.sync_detailed(client=CLIENT, type_=ListSyncsType.FULL, limit=1, cursor=page.next_cursor))
    got(SyncList, list_syncs.sync_detailed(client=CLIENT))

    sync = got(SyncRecord, show_sync.sync_detailed(sync_id, client=CLIENT))
    assert sync.status == SyncRecordStatus.COMPLETED
    assert isinstance(sync.phases, list) and len(sync.phases) == 3
    assert sync.phases[0].stats.cases_checked is UNSET, "inbound has no such count"
    assert isinstance(sync.stats.cases_checked, int)
    assert len(got(FreshnessList, show_freshness.sync_detailed(client=CLIENT)).items) == 3
    assert any(event.type_ == "sync.completed" for event in got(ArrivalList, list_events.sync_detailed(client=CLIENT)).items)
    assert got(SyncRecord, cancel_sync.sync_detailed(sync_id, client=CLIENT)).status == SyncRecordStatus.COMPLETED
    assert got(RestoreResult, restore_sync.sync_detailed(sync_id, client=CLIENT)).restored == []


def read_recordings() -> None:
    page = got(RecordingList, list_recordings.sync_detailed(client=CLIENT, limit=1))
    shown = got(RecordingDetail, show_recording.sync_detailed(page.items[0].id, client=CLIENT))
    assert shown.recording == page.items[0]
    assert shown.recording.requests == len(shown.requests) > 0
    assert len(shown.outcome.phases) == 3
    assert got(Problem, show_recording.sync_detailed(SOMEBODY_ELSES, client=CLIENT), 404).code == "not_found"


def read_cases() -> None:
    first = got(CaseList, list_cases.sync_detailed(client=CLIENT, limit=2, from_=date(2026, 1, 17))).items[0]
    assert got(CaseRecord, show_case.sync_detailed(first.id, client=CLIENT)) == first
    history = got(EventList, show_case_history.sync_detailed(first.id, client=CLIENT))
    assert history.items[0].action == "created"
    at = history.items[0].at
    assert got(MomentRecord, show_case_moment.sync_detailed(first.id, client=CLIENT, at=at)).case.id == first.id
    assert got(Comparison, compare_case.sync_detailed(first.id, client=CLIENT, from_=at)).from_ == at
    assert got(CaseRecord, restore_case.sync_detailed(first.id, client=CLIENT, body=Nothing())).id == first.id
    assert got(Problem, show_case.sync_detailed(SOMEBODY_ELSES, client=CLIENT), 404).code == "not_found"


def read_plans() -> None:
    failed = got(InboundResult, sync_inbound.sync_detailed(client=STRAY), 422)
    assert failed.code == "pims_wrong_practice"
    page = got(PlanList, list_plans.sync_detailed(client=STRAY, status=ListPlansStatus.OPEN))
    plan_id = page.items[0].id
    assert plan_id == failed.plan_id
    assert page.next_cursor is None
    assert got(PlanRecord, show_plan.sync_detailed(plan_id, client=STRAY)).evidence.shared == 0
    assert got(PlanDecision, reject_plan.sync_detailed(plan_id, client=STRAY)).plan.status == "rejected"
    assert got(Problem, approve_plan.sync_detailed(plan_id, client=STRAY), 409).code == "already_decided"
    assert got(Problem, list_plans.sync_detailed(client=client_of("nobody's")), 401).code == "unauthorized"


operation()
start_syncs()
read_syncs(follow())
read_recordings()
read_cases()
read_plans()
