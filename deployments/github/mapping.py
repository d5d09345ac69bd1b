"""Which environment of a service a rollout is for."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from deployments.github.payloads import Rollout
from deployments.models import GitHubIntegration
from services.models import Environment


class UnmappedError(Exception):
    """No one said where this goes; the message says what to map."""


def target_environment(
    integration: GitHubIntegration, environments: Iterable[Environment], rollout: Rollout
) -> Environment:
    """Return the environment among `environments` that `rollout` goes to.

    A rollout that names GitHub's environment goes by that name alone: the branch of a preview may be `main` as well.
    Raises UnmappedError when there is none, or when its workflow is not one of those that deploy.
    """
    _check_workflow(integration, rollout)
    ours = {environment.name.lower(): environment for environment in environments}
    if rollout.environment:
        return _by_name(integration, ours, rollout.environment)
    return _by_branch(integration, ours, rollout.branch)


def _check_workflow(integration: GitHubIntegration, rollout: Rollout) -> None:
    wanted = [name.lower() for name in integration.workflows]
    if wanted and rollout.workflow and rollout.workflow.lower() not in wanted:
        raise UnmappedError(f"The workflow {rollout.workflow} is not one of those that deploy.")


def _by_name(integration: GitHubIntegration, ours: dict[str, Environment], name: str) -> Environment:
    """GitHub compares the names of environments without regard to case, and so do we."""
    renamed = {key.lower(): value for key, value in integration.names_on_github().items()}
    row = ours.get(renamed.get(name.lower(), name).lower())
    if row is None:
        raise UnmappedError(f"No environment here goes by GitHub's name {name}.")
    return row


def _by_branch(integration: GitHubIntegration, ours: dict[str, Environment], branch: str) -> Environment:
    target = branch_target(integration.branches(), branch)
    if target is None:
        raise UnmappedError(
            f"The branch {branch} is not mapped to an environment." if branch else "No branch is named."
        )
    row = ours.get(target.lower())
    if row is None:
        raise UnmappedError(f"The branch {branch} is mapped to {target}, which this service does not have.")
    return row


def branch_target(mapping: dict[str, str], branch: str) -> str | None:
    """Return what `mapping` has for `branch`: the branch itself before patterns, longer patterns before shorter."""
    if branch in mapping:
        return mapping[branch]
    patterns = sorted((key for key in mapping if "*" in key), key=len, reverse=True)
    return next((mapping[pattern] for pattern in patterns if fnmatchcase(branch, pattern)), None)
