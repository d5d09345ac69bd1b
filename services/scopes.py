"""The names of an organisation's services and environments, and which ids a word of a query means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from accounts.models import Org
from services.models import Environment


@dataclass(frozen=True, slots=True)
class Scope:
    """One environment of one service: what a log belongs to."""

    service_id: UUID
    service: str
    environment_id: UUID
    environment: str


@dataclass(frozen=True, slots=True)
class Scopes:
    """All of an organisation's, by service and environment name."""

    all: tuple[Scope, ...]

    def services(self) -> list[str]:
        """The names of the services that have an environment, each once."""
        return list(dict.fromkeys(scope.service for scope in self.all))

    def environments(self) -> list[str]:
        """The names of the environments, each once."""
        return sorted({scope.environment for scope in self.all})

    def service_ids(self, words: Iterable[str]) -> list[UUID]:
        """The services that any of `words` means."""
        wanted = {name for word in words for name in meant(word, self.services())}
        ids = {str(scope.service_id): scope.service_id for scope in self.all}
        by_id = [ids[word] for word in words if word in ids]
        return list(dict.fromkeys([s.service_id for s in self.all if s.service in wanted] + by_id))

    def environment_ids(self, words: Iterable[str]) -> list[UUID]:
        """The environments, of whatever service, that any of `words` means."""
        wanted = {name for word in words for name in meant(word, self.environments())}
        ids = {str(scope.environment_id): scope.environment_id for scope in self.all}
        by_id = [ids[word] for word in words if word in ids]
        return [s.environment_id for s in self.all if s.environment in wanted] + by_id

    def by_environment(self) -> dict[UUID, Scope]:
        """Each scope by its environment's id."""
        return {scope.environment_id: scope for scope in self.all}


def scopes_of(org: Org) -> Scopes:
    """Read the services and environments of `org`; one query."""
    rows = (
        Environment.objects.for_org(org)
        .order_by("service__name", "name")
        .values_list("service_id", "service__name", "id", "name")
    )
    return Scopes(tuple(Scope(*row) for row in rows))


def meant(word: str, names: Iterable[str]) -> list[str]:
    """Return the names that `word` means: spelt so in any case, else those that begin with it (`prod`)."""
    word = word.casefold()
    names = list(names)
    return [n for n in names if n.casefold() == word] or [n for n in names if word and n.casefold().startswith(word)]
