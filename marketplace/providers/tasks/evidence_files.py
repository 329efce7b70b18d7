"""Files of evidence in which the scanner found a virus after all."""

from uuid import UUID

from marketplace.core.database import session_maker, transaction
from marketplace.core.files.events import FileInfected
from marketplace.core.outbox import first_time, task
from marketplace.messaging import delivery
from marketplace.providers.models import EVIDENCE_LABELS
from marketplace.providers.service.evidence_files import EvidenceFileService
from marketplace.providers.service.telling import tell_organisation


@task("providers.tell_evidence_file_infected", on=FileInfected)
async def tell_evidence_file_infected(message_id: UUID, event: FileInfected) -> None:
    """Write it down and ask the organisation for a clean copy. Files of others are no concern of this task."""
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "providers.tell_evidence_file_infected", message_id):
            return
        row = await EvidenceFileService(db).note_infected(event.file_id)
        if row is None:
            return
        context = {
            "evidence": EVIDENCE_LABELS[row.kind],
            "link": f"{delivery.settings().public_url}/provider/evidence/{row.id}/files",
        }
        await tell_organisation(db, row.organisation_id, "evidence_file_infected", context)
