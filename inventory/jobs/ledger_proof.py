"""ledger_proof: every level is the sum of its movements; where it is not, staff get a case."""

from __future__ import annotations

from inventory.services.job_kinds import JobKind, register_kind
from inventory.services.job_runs import JobRun
from inventory.services.ledger import devices_to_prove, open_drift_cases, prove_ledger


def build(run: JobRun) -> None:
    """Prove one device, or all of them in the order they came; result: {devices, buckets, drift}."""
    devices = devices_to_prove(run.device)
    keys = list(devices.values_list("pk", flat=True))  # devices are never removed: a place in the list stays
    run.result = {"devices": 0, "buckets": 0, "drift": 0, **run.result}
    run.progress(total=len(keys))
    for key in keys[run.done :]:
        device = devices.get(pk=key)
        proof = prove_ledger(device)
        with run.effect():
            open_drift_cases(proof, actor=run.actor)
            run.progress(run.done + 1)
            for name, count in (("devices", 1), ("buckets", proof.buckets), ("drift", len(proof.drifts))):
                run.result[name] += count
        if proof.drifts:
            run.log(f"{device}: {len(proof.drifts)} of {proof.buckets} levels differ from the ledger")


register_kind(JobKind(name="ledger_proof", title="Ledger proof", build=build, scope="any"))
